import { createHash, createHmac, timingSafeEqual } from "node:crypto"
import { checkDevice, parseTopic } from "../../wire/topics.ts"
import { LinkError } from "../link.ts"

/** Decides who may connect to the embedded broker, and to do what. */
export interface Access {
  /** Who this is, or undefined to refuse the connection. */
  admit(clientId: string, username: string | undefined, password: Uint8Array | undefined): Identity | undefined
}

export interface Identity {
  /** May not be pushed off the broker by a client of the same id that is not trusted; publishers wait when it is behind. */
  readonly trusted: boolean
  mayPublish(topic: string, retain: boolean): boolean
  maySubscribe(filter: string): boolean
}

/** Everybody may do everything but publish under `$`. For tests, and for a loopback interface. */
export const OPEN_ACCESS: Access = {
  admit: () => ({ trusted: true, mayPublish: (topic) => !topic.startsWith("$"), maySubscribe: () => true }),
}

export interface FleetAccessOptions {
  /** At least 16 characters. The coordinator's password and every device's are derived from it. */
  readonly secret: string
  /**
   * `token`: a device needs the password `deviceToken(secret, id)`. `open`: anyone may be any device - for a loopback interface, or a
   * network whose every host is trusted.
   */
  readonly devices: "token" | "open"
}

/** The user name of whoever may speak as the coordinator, or watch everything. */
export const COORDINATOR_USER = "coordinator"

/** The password of the coordinator's connections. */
export function coordinatorToken(secret: string): string {
  return token(secret, "coordinator")
}

/** The password of one device. A device that is broken into gives away its own alone. */
export function deviceToken(secret: string, deviceId: string): string {
  return token(secret, `device:${deviceId}`)
}

function token(secret: string, purpose: string): string {
  return createHmac("sha256", secret).update(`fedmote broker 1:${purpose}`).digest("base64url")
}

/**
 * The coordinator's connections may do everything but publish under `$`. A device is its client id, and may publish to its own `hello`,
 * `ready`, `gone`, `flashed` and `up` alone (only `hello` and `flashed` retained) and subscribe to what the protocol has for it: the Notice, the model,
 * modules, its own tasks, receipts and flash messages. So no device can speak for another or for the coordinator, nor read another's updates.
 */
export function fleetAccess({ secret, devices }: FleetAccessOptions): Access {
  if (secret.length < 16)
    throw new LinkError("link-options", `expected a secret of at least 16 characters, got ${secret.length}`)
  const coordinator = coordinatorToken(secret)
  return {
    admit(clientId, username, password) {
      if (username === COORDINATOR_USER) return isSecret(password, coordinator) ? COORDINATOR : undefined
      if (!isDevice(clientId)) return undefined
      if (devices === "token" && !isSecret(password, deviceToken(secret, clientId))) return undefined
      return deviceIdentity(clientId)
    },
  }
}

const COORDINATOR: Identity = {
  trusted: true,
  mayPublish: (topic) => !topic.startsWith("$"),
  maySubscribe: () => true,
}

function deviceIdentity(id: string): Identity {
  return {
    trusted: false,
    mayPublish(text, retain) {
      const topic = parseTopic(text)
      switch (topic?.kind) {
        case "hello":
        case "flashed":
          return topic.device === id
        case "ready":
        case "gone":
        case "update":
          return topic.device === id && !retain
        default:
          return false
      }
    },
    maySubscribe(filter) {
      const topic = parseTopic(filter)
      switch (topic?.kind) {
        case "round":
        case "model":
        case "manifest":
        case "module":
          return true
        case "task":
        case "receipt":
        case "flash":
          return topic.device === id
        default:
          return false
      }
    },
  }
}

function isDevice(id: string): boolean {
  try {
    checkDevice(id)
    return true
  } catch {
    return false
  }
}

/** Compares digests, so the time tells nothing about the secret, its length included. */
function isSecret(given: Uint8Array | undefined, expected: string): boolean {
  const digest = (value: Uint8Array | string): Buffer => createHash("sha256").update(value).digest()
  return timingSafeEqual(digest(given ?? ""), digest(expected))
}
