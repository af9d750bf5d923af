import { expect, test } from "vitest"
import { startBrokerProcess } from "./broker-process.ts"
import { RawClient, packet } from "./raw-client.ts"

/**
 * What a federation does to a broker, reduced to what ends a stock aedes: more than a hundred messages are under way to a client that does not
 * read just now, while messages come in that nobody is subscribed to. Each probe resolves to "survived", or to what the dead
 * broker wrote. Both run against the stock broker as well, to show that they probe something.
 */
async function survives(kind: "stock" | "embedded", probe: (port: number) => Promise<void>): Promise<string> {
  const broker = await startBrokerProcess(kind)
  try {
    return await Promise.race([probe(broker.port).then(() => "survived"), broker.ended])
  } finally {
    await broker.stop()
  }
}

/** A reader sleeps, many send to it, one floods a topic that nobody hears, and the reader wakes up. */
async function sleepingReader(port: number): Promise<void> {
  const reader = await RawClient.connect(port, "reader")
  await reader.subscribe("heard")
  reader.socket.pause()
  const senders = await connectAll(port, 400)
  const big = packet.publish("heard", Buffer.alloc(60_000))
  for (const sender of senders) sender.write(big)

  const flooder = await RawClient.connect(port, "flooder")
  const count = 30_000
  const [some, all] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  let acks = 0
  flooder.onPacket = ({ type }) => {
    if (type !== 4) return
    acks++
    if (acks === 1000) some.resolve()
    if (acks === count) all.resolve()
  }
  const small = packet.publish("unheard", Buffer.alloc(10))
  flooder.write(Buffer.concat(Array.from({ length: count }, () => small)))
  // The stock broker takes in no more than this socket's next chunk while the reader sleeps, so this does not wait for all of it.
  await some.promise

  let heard = 0
  const heardAll = new Promise<void>((resolve) => reader.consume(() => ++heard === senders.length && resolve()))
  reader.socket.resume()
  await heardAll
  await all.promise
  for (const client of [reader, flooder, ...senders]) client.destroy()
}

/** A cohort sends its updates while the coordinator is busy, and pulls its next chunks meanwhile. Nothing may be lost. */
async function cohort(port: number): Promise<void> {
  const coordinator = await RawClient.connect(port, "coordinator")
  await coordinator.subscribe("fm1/f/up/0/+")
  const devices = await connectAll(port, 400)
  await Promise.all(devices.map((device, i) => device.subscribe(`fm1/f/dev/d${i}/receipt`)))
  coordinator.socket.pause()
  const update = Buffer.alloc(60_000)
  const sent = devices.map(async (device, i) => {
    update.writeUInt32BE(i)
    await device.publish(`fm1/f/up/0/d${i}`, update)
    // Every subscription makes aedes publish a message of its own, which nobody hears.
    for (let chunk = 0; chunk < 20; chunk++) device.write(packet.subscribe(`fm1/f/model/1/full/0/${chunk}`))
  })
  await Promise.all(sent)

  const updates = new Map<string, number>()
  const all = new Promise<void>((resolve) => {
    coordinator.consume((topic, payload) => {
      updates.set(topic, payload.readUInt32BE(0))
      if (updates.size === devices.length) resolve()
    })
  })
  coordinator.socket.resume()
  await all
  for (const [i] of devices.entries()) expect(updates.get(`fm1/f/up/0/d${i}`)).toBe(i)
  for (const client of [coordinator, ...devices]) client.destroy()
}

async function connectAll(port: number, count: number): Promise<RawClient[]> {
  return Promise.all(Array.from({ length: count }, (_, i) => RawClient.connect(port, `d${i}`)))
}

const overflow = /Maximum call stack size exceeded/

/** Whether the probe ends the stock broker: how deep its recursion goes depends on how the packets fall, so it has a few tries. */
async function killsStock(probe: (port: number) => Promise<void>): Promise<string> {
  let end = ""
  for (let tries = 0; tries < 6 && !overflow.test(end); tries++) end = await survives("stock", probe)
  return end
}

test("one sleeping reader and a topic that nobody hears: the stock broker dies of it, the embedded one does not", async () => {
  expect(await survives("embedded", sleepingReader)).toBe("survived")
  expect(await killsStock(sleepingReader)).toMatch(overflow)
}, 90_000)

test("a cohort's updates while the coordinator is busy: the stock broker dies of it, the embedded one delivers them all", async () => {
  expect(await survives("embedded", cohort)).toBe("survived")
  expect(await killsStock(cohort)).toMatch(overflow)
}, 90_000)
