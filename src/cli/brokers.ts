import { randomBytes } from "node:crypto"
import { OPEN_ACCESS, COORDINATOR_USER, coordinatorToken, fleetAccess } from "../net/broker/access.ts"
import type { Access } from "../net/broker/access.ts"
import { startBroker } from "../net/broker.ts"
import type { BrokerRefusal, EmbeddedBroker } from "../net/broker.ts"
import type { Network } from "../net/link.ts"
import { mqttNetwork } from "../net/mqtt.ts"
import type { Context } from "./context.ts"
import type { Address } from "./parse.ts"

/** Holds the secret that every password of the embedded broker is derived from. */
export const SECRET_VARIABLE = "FEDMOTE_SECRET"

/** Links to the broker at `url`; what goes wrong after the first connection is logged. */
export function networkAt(url: string, { log }: Context): Network {
  return mqttNetwork(url, {
    onError: (error) => log.warn({ error: error instanceof Error ? error.message : String(error) }, "connection"),
  })
}

/** The embedded broker for the coordinator of this process, and its own way in. */
export async function embedBroker(
  listen: Address,
  context: Context,
): Promise<{ readonly broker: EmbeddedBroker; readonly network: Network }> {
  const secret = process.env[SECRET_VARIABLE]
  const own = secret ?? randomBytes(32).toString("base64url")
  if (secret === undefined && !isLoopback(listen.host))
    context.log.warn(
      `every host that reaches ${listen.host} may join as any device: set ${SECRET_VARIABLE} for passwords`,
    )
  const access = fleetAccess({ secret: own, devices: secret === undefined ? "open" : "token" })
  // On the loopback interface whoever has an account here may watch, too.
  const open = secret === undefined && isLoopback(listen.host)
  const broker = await start(listen, open ? OPEN_ACCESS : access, context)
  return {
    broker,
    network: mqttNetwork(broker.url, {
      username: COORDINATOR_USER,
      password: coordinatorToken(own),
      onError: (error) => context.log.warn({ error: String(error) }, "connection"),
    }),
  }
}

/** The embedded broker on its own: open on the loopback interface, else with passwords where there is a secret. */
export async function openBroker(listen: Address, context: Context): Promise<EmbeddedBroker> {
  const secret = process.env[SECRET_VARIABLE]
  if (secret === undefined && !isLoopback(listen.host))
    context.log.warn(
      `every host that reaches ${listen.host} may do everything: set ${SECRET_VARIABLE} for passwords of devices and coordinator`,
    )
  return start(listen, secret === undefined ? OPEN_ACCESS : fleetAccess({ secret, devices: "token" }), context)
}

function start({ host, port }: Address, access: Access, { log }: Context): Promise<EmbeddedBroker> {
  return startBroker({ host, port, access, onRefused: refusalLog(log) })
}

/** Refusals remembered as logged; hostile clients could have any number of names. */
const MOST_REMEMBERED = 10_000

/** Logs once what a client is refused for, however often it comes back. */
export function refusalLog(log: { warn(fields: object, text: string): void }): (refusal: BrokerRefusal) => void {
  const known = new Set<string>()
  return ({ clientId, address, reason }) => {
    // Numbers and topics may be others each time.
    const kind = reason.split(" ").slice(0, 3).join(" ")
    const name = `${clientId ?? address} ${kind}`
    if (known.has(name) || known.size >= MOST_REMEMBERED) return
    known.add(name)
    log.warn({ client: clientId, address }, `refused: ${reason}`)
  }
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || host.startsWith("127.")
}
