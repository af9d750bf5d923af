import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { startBroker } from "../../../src/net/broker.ts"
import { COORDINATOR_USER, coordinatorToken, fleetAccess } from "../../../src/net/broker/access.ts"
import { systemClock } from "../../../src/net/clock.ts"
import type { Network } from "../../../src/net/link.ts"
import { mqttNetwork } from "../../../src/net/mqtt.ts"
import { encode } from "../../../src/wire/codec.ts"
import { scalarNamed } from "../../kernel/foreign-modules.ts"
import { startMosquitto } from "../../net/mosquitto.ts"
import { names } from "../fake-coordinator.ts"
import { ATTACKS, OLD, OLDER, published } from "./attacks.ts"
import { Fleet } from "./gateway.ts"
import { signed } from "./signed.ts"

interface Broker {
  readonly url: string
  close(): Promise<void>
}

/** A gateway that runs module 2, at a broker. */
function runningGateway(begin: () => Promise<Broker>) {
  const at = { fleet: undefined as unknown as Fleet, network: undefined as unknown as Network }
  let broker: Broker
  let next = 10
  beforeAll(async () => {
    broker = await begin()
    at.network = mqttNetwork(broker.url)
    at.fleet = await Fleet.create(at.network, systemClock)
    await at.fleet.start({ tags: ["fan", "hall-3"] })
    await at.fleet.install(OLDER)
    await at.fleet.install(OLD)
  })
  afterAll(async () => {
    await at.fleet.end()
    await broker.close()
  })

  /** What is told under this sequence is refused for this reason, and a round with module 2 goes well. */
  async function refuses(reason: RegExp, sequence: number): Promise<void> {
    await at.fleet.tell("install", sequence)
    await at.fleet.reported({
      active: 2,
      target: sequence,
      state: "refused",
      reason: expect.stringMatching(reason) as string,
    })
    await at.fleet.round(next, 2)
  }
  return { at, refuses, another: () => ++next }
}

async function embedded(): Promise<Broker> {
  return startBroker()
}

async function mosquitto(): Promise<Broker> {
  const { url, stop } = await startMosquitto()
  return { url, close: stop }
}

describe.each([
  ["the embedded broker", embedded, ATTACKS],
  [
    "Mosquitto",
    mosquitto,
    ATTACKS.filter(([name]) => /wrong signature|unknown key|replayed|swapped|imports|too many of them/.test(name)),
  ],
])("through %s", (_, begin, attacks) => {
  const { at, refuses, another } = runningGateway(begin)

  test.each(attacks)("%s is refused, and the old module finishes a round", async (_name, attack, reason) => {
    const sequence = another()
    for (const [topic, bytes] of attack(sequence)) await at.fleet.retain(topic, bytes)
    await refuses(reason, sequence)
  })

  test.each([1, 2])("a downgrade to %i is none", async (sequence) => {
    another()
    await at.fleet.tell("install", sequence)
    if (sequence === 1) await refuses(/^sequence: expected a sequence above 2, which was taken here, got 1/, 1)
    else await at.fleet.reported({ active: 2, target: 2, state: "confirmed" })
  })

  test("a mere device's chunks, where a broker lets them through, are refused", async () => {
    const sequence = another()
    for (const [topic, bytes] of published(signed(scalarNamed("mine"), { sequence })))
      await at.fleet.retain(topic, bytes)
    const device = await at.network.connect({ clientId: "d-2" })
    const chunk = encode({ type: "module", sequence, index: 0, count: 1, payload: new Uint8Array(9) })
    await device.publish(names.module("train", sequence, 0), chunk, { retain: true })
    await device.close()
    await refuses(/^count: /, sequence)
  })

  // Last, since it ends with another module.
  test("what is as it should be is taken after all that", async () => {
    await at.fleet.install(
      signed(scalarNamed("good"), { sequence: 99, tags: ["pump", "hall-3"], expires: 4_000_000_000 }),
    )
    await at.fleet.round(another(), 99)
  })
})

test("a mere device's chunks do not get onto a broker with rights", async () => {
  const secret = "a secret of some length"
  const refused: string[] = []
  const broker = await startBroker({
    access: fleetAccess({ secret, devices: "open" }),
    onRefused: ({ reason }) => void refused.push(reason),
  })
  const operator = mqttNetwork(broker.url, { username: COORDINATOR_USER, password: coordinatorToken(secret) })
  const devices = mqttNetwork(broker.url)
  const network: Network = {
    connect: (options) => (options.clientId === "d-1" ? devices : operator).connect(options),
  }
  const fleet = await Fleet.create(network, systemClock)
  await fleet.start()
  const module = signed(scalarNamed("good"), { sequence: 1 })
  for (const [topic, bytes] of published(module)) await fleet.retain(topic, bytes)
  const mere = await devices.connect({ clientId: "d-2" })
  const chunk = encode({ type: "module", sequence: 1, index: 0, count: 1, payload: new Uint8Array(9) })
  const signal = AbortSignal.timeout(2000)
  await mere.publish(names.module("train", 1, 0), chunk, { retain: true, signal }).catch(() => undefined)
  await mere.close()
  await fleet.tell("install", 1)
  await fleet.reported({ active: 1, state: "confirmed" })
  expect(refused.join("; ")).toMatch(/module\/train\/1\/0/)
  await fleet.end()
  await broker.close()
})
