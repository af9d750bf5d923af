import * as net from "node:net"
import * as tls from "node:tls"
import { LinkError } from "./link.ts"

/** Certificates and keys in PEM. */
export interface TlsOptions {
  /** Authorities to trust instead of the system's. */
  readonly ca?: string | Uint8Array
  /** This client's certificate and key, where the broker asks for them. */
  readonly cert?: string | Uint8Array
  readonly key?: string | Uint8Array
  /** The name that the broker's certificate must carry, where it is not the URL's host. */
  readonly servername?: string
}

/** Where a broker is and how to get in. */
export interface MqttTarget {
  /** Scheme, host and port, without credentials: safe to print. */
  readonly name: string
  readonly host: string
  readonly port: number
  readonly tls: TlsOptions | undefined
  readonly username: string | undefined
  readonly password: string | undefined
}

/** Reads `mqtt://` and `mqtts://` URLs (`tcp://` and `ssl://` mean the same); the default ports are 1883 and 8883. */
export function parseTarget(url: string, tlsOptions: TlsOptions = {}): MqttTarget {
  const parsed = URL.parse(url)
  if (parsed === null || parsed.hostname === "")
    throw new LinkError("link-options", `expected a broker URL such as mqtt://host:1883, got "${withoutPassword(url)}"`)
  const secure = parsed.protocol === "mqtts:" || parsed.protocol === "ssl:"
  if (!secure && parsed.protocol !== "mqtt:" && parsed.protocol !== "tcp:")
    throw new LinkError("link-options", `expected mqtt:// or mqtts:// as the broker's scheme, got ${parsed.protocol}//`)
  if ((parsed.pathname !== "" && parsed.pathname !== "/") || parsed.search !== "")
    throw new LinkError(
      "link-options",
      `expected a broker URL without a path, got "${parsed.pathname}${parsed.search}"`,
    )
  const port = parsed.port === "" ? (secure ? 8883 : 1883) : Number(parsed.port)
  return {
    name: `${secure ? "mqtts" : "mqtt"}://${parsed.hostname}:${port}`,
    // The brackets of an IPv6 address belong to the URL, not to the address.
    host: parsed.hostname.replace(/^\[(.*)\]$/, "$1"),
    port,
    tls: secure ? tlsOptions : undefined,
    username: parsed.username === "" ? undefined : decodeURIComponent(parsed.username),
    password: parsed.password === "" ? undefined : decodeURIComponent(parsed.password),
  }
}

function withoutPassword(url: string): string {
  return url.replace(/\/\/[^/@]*@/, "//...@")
}

/** Begins a connection; errors come as events of the socket. */
export function openSocket({ host, port, tls: secure }: MqttTarget): net.Socket {
  const socket =
    secure === undefined
      ? net.connect({ host, port })
      : tls.connect({
          host,
          port,
          ...(secure.servername !== undefined
            ? { servername: secure.servername }
            : net.isIP(host) === 0
              ? { servername: host }
              : {}),
          ...(secure.ca !== undefined && { ca: pem(secure.ca) }),
          ...(secure.cert !== undefined && { cert: pem(secure.cert) }),
          ...(secure.key !== undefined && { key: pem(secure.key) }),
        })
  return socket.setNoDelay(true)
}

function pem(value: string | Uint8Array): string | Buffer {
  return typeof value === "string" ? value : Buffer.from(value)
}

const CAUSES: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connection refused",
  ECONNRESET: "connection reset",
  EPIPE: "connection reset",
  ENOTFOUND: "host not found",
  EAI_AGAIN: "host not found",
  ETIMEDOUT: "timed out",
  EHOSTUNREACH: "no route to the host",
  ENETUNREACH: "network unreachable",
  DEPTH_ZERO_SELF_SIGNED_CERT: "self-signed certificate",
  SELF_SIGNED_CERT_IN_CHAIN: "certificate of an unknown authority",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "certificate of an unknown authority",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "certificate of an unknown authority",
  CERT_HAS_EXPIRED: "certificate has expired",
}

/** The cause of a failed connection in a few words. */
export function causeOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const code = "code" in error && typeof error.code === "string" ? error.code : ""
  // A name with several addresses gives an AggregateError, whose own message is empty.
  return CAUSES[code] ?? (error.message || code || error.name)
}
