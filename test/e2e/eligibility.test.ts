import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { expect, test } from "vitest"
import { startBroker } from "../../src/net/broker.ts"
import { mqttNetwork } from "../../src/net/mqtt.ts"
import { decode } from "../../src/wire/codec.ts"
import type { Ready } from "../../src/wire/message.ts"
import { topics } from "../../src/wire/topics.ts"
import { fedmote, start } from "./fedmote.ts"

test("a device takes part while a file is there, and opts out for good", async () => {
  const folder = await mkdtemp(join(tmpdir(), "fedmote-eligibility-"))
  const broker = await startBroker({ port: 0 })
  const link = await mqttNetwork(broker.url).connect({ clientId: "look" })
  const mote = ["device", "--broker", broker.url, "--fleet", "motes", "--id", "mote-1"]
  const willing = join(folder, "willing")
  const device = start([...mote, "--data", "telosb#single-hop-mote1", "--willing-file", willing])
  try {
    const names = topics("motes")
    const heard: boolean[] = []
    const until = Promise.withResolvers<void>()
    const cleared = Promise.withResolvers<void>()
    await link.subscribe(names.ready("mote-1"), (_, payload) => {
      heard.push((decode(payload) as Ready).willing)
      // It was not willing when it came, and hears of the file by itself.
      if (heard.length === 1) void writeFile(willing, "")
      if (heard.at(-1)) until.resolve()
    })
    let hellos = 0
    await link.subscribe(names.hello("mote-1"), (_, payload) => {
      if (payload.length === 0) cleared.resolve()
      else hellos++
    })
    await until.promise
    expect([heard.at(0), hellos > 0]).toEqual([false, true])
    await device.stop()

    const { code, stdout } = await fedmote([...mote, "--opt-out"])
    expect([code, stdout]).toEqual([0, ""])
    await cleared.promise
    const retained: number[] = []
    const later = await mqttNetwork(broker.url).connect({ clientId: "look-later" })
    await later.subscribe(names.hello("mote-1"), (_, payload) => void retained.push(payload.length))
    await later.subscribe(names.task("look-later"), () => {})
    await later.close()
    expect(retained).toEqual([])
  } finally {
    await device.stop()
    await link.close()
    await broker.close()
    await rm(folder, { recursive: true, force: true })
  }
})

test("a device without data, and not opting out, is told what is missing", async () => {
  const { code, stderr } = await fedmote(["device", "--broker", "mqtt://127.0.0.1:1", "--fleet", "motes", "--id", "a"])
  expect(code).toBe(2)
  expect(stderr).toContain("expected --data SOURCE, or --opt-out")
})
