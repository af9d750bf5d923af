import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { daily } from "../../../src/sim/world/availability.ts"
import { Batteries } from "../../../src/sim/world/batteries.ts"
import { LINK } from "../../../src/sim/world/links.ts"
import { timeOnAir } from "../../../src/sim/world/lora.ts"
import type { LoraSettings } from "../../../src/sim/world/lora.ts"
import { parseWorld } from "../../../src/sim/world/spec.ts"
import { readTrace } from "../../../src/sim/world/trace.ts"

const HOUR = 3_600_000

const frames = JSON.parse(
  await readFile(new URL("../../vectors/world/lora.json", import.meta.url), "utf8"),
) as readonly { readonly bytes: number; readonly settings: LoraSettings; readonly microseconds: number }[]

describe("links", () => {
  test("a LoRa frame is in the air for as long as Semtech's formula says", () => {
    for (const { bytes, settings, microseconds } of frames)
      expect(timeOnAir(bytes, settings) * 1e6).toBeCloseTo(microseconds, 6)
  })

  test("a LoRa message leaves the air to others: 1 % of the time up, 10 % down", () => {
    // Two full frames of 235 bytes and one of 69, at 5 symbols for 28 bits: 368.9 ms twice, 128.3 ms.
    const [full, last] = [timeOnAir(235), timeOnAir(69)]
    expect([full, last].map((seconds) => seconds.toFixed(4))).toEqual(["0.3689", "0.1283"])
    const { radioSeconds, seconds } = LINK.lora.send(500)
    expect(radioSeconds).toBeCloseTo(2 * full + last, 12)
    const each = radioSeconds / 3
    expect(seconds).toBeCloseTo(200 * each + each, 9)
    expect(LINK.lora.receive(500).seconds).toBeCloseTo(20 * each + each, 9)
    expect(LINK.lora.send(0)).toEqual({ radioSeconds: 0, seconds: 0 })
  })

  test("the others are as fast as they are, with 5 % for what is below MQTT", () => {
    expect(LINK.wifi.send(1e6).seconds).toBeCloseTo(0.84, 12)
    expect(LINK["nb-iot"].send(1000).seconds).toBeCloseTo(0.336, 12)
    expect(LINK.ble.receive(1000)).toEqual({ radioSeconds: 0.021, seconds: 0.021 })
  })
})

describe("hours", () => {
  test("come every day, over midnight too", () => {
    const night = daily(22, 8)
    expect(night.until(0)).toBe(6 * HOUR)
    expect(night.until(6 * HOUR)).toBe(6 * HOUR)
    expect(night.until(21.9 * HOUR)).toBe(21.9 * HOUR)
    expect(night.until(22 * HOUR)).toBe(30 * HOUR)
    expect(night.until(48 * HOUR + 1)).toBe(54 * HOUR)
    expect(daily(3, 24).until(5)).toBe(Infinity)
  })
})

describe("batteries", () => {
  const [spec] = parseWorld({ classes: { mcu: { battery: { joules: 100, chargeWatts: 0.5, reserve: 0.4 } } } }).classes

  test("are full until work is done, and are charged since", () => {
    const batteries = new Batteries()
    expect(batteries.level(7, spec!, 1000)).toBe(100)
    batteries.spend(7, spec!, 70, 1000)
    expect(batteries.level(7, spec!, 1000)).toBe(30)
    expect(batteries.isEnough(7, spec!, 1000)).toBe(false)
    expect(batteries.level(7, spec!, 11_000)).toBe(35)
    expect(batteries.isEnough(7, spec!, 21_001)).toBe(true)
    expect(batteries.level(7, spec!, 1e9)).toBe(100)
    batteries.spend(7, spec!, 1e6, 1e9)
    expect(batteries.level(7, spec!, 1e9)).toBe(0)
    expect(batteries.level(8, spec!, 1e9)).toBe(100)
  })

  test("there are none on mains", () => {
    const [gateway] = parseWorld({ classes: { gateway: {} } }).classes
    expect(new Batteries().level(1, gateway!, 0)).toBe(Infinity)
  })
})

describe("a world's description", () => {
  test("takes from the built-in classes what it does not say", () => {
    const { classes, co2 } = parseWorld({
      classes: { gateway: { share: 3 }, sensor: { like: "mcu", link: "lora" } },
      co2: 30,
    })
    expect(classes.map(({ name, share, link, flopsPerSecond }) => [name, share, link, flopsPerSecond])).toEqual([
      ["gateway", 3, "wifi", 3e9],
      ["sensor", 1, "lora", 10e6],
    ])
    expect(co2).toBe(30)
  })

  test.each<[unknown, string]>([
    [
      { classes: { gatway: {} } },
      `world: classes.gatway: expected mcu, gateway, phone, or "like" one of them; is it gateway?`,
    ],
    [{ classes: {} }, "world: classes: expected one at least, got none"],
    [{ classes: { mcu: { shar: 1 } } }, "world: classes.mcu: unknown key shar; is it share?"],
    [{ clases: {} }, "world: "],
    [{ classes: { mcu: { share: 0 } } }, "world: classes.mcu.share: "],
    [{ classes: { mcu: { dropout: 2 } } }, "world: classes.mcu.dropout: "],
    [{ classes: { mcu: { link: "wire" } } }, "world: classes.mcu.link: "],
    [null, "world: value: "],
  ])("%j is refused", (value, message) => {
    expect(() => parseWorld(value)).toThrow(expect.objectContaining({ code: "world" }))
    expect(() => parseWorld(value)).toThrow(message)
  })
})

describe("a trace", () => {
  let folder = ""
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "fedmote-trace-"))
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))
  const file = async (...lines: readonly string[]): Promise<string> => {
    const path = join(folder, "trace.csv")
    await writeFile(path, ["device,from,until,ready", ...lines].join("\n"))
    return path
  }

  test("says who was there when, again and again", async () => {
    const trace = await readTrace(await file("a,0,10,1", "a,10,30,0", "b,0,5,1", "a,30,40,1", "b,5,9,1"))
    const a = trace.of("a", 0)
    expect(a.until(0)).toBe(10_000)
    expect(a.until(10_000)).toBe(10_000)
    expect(a.until(29_999)).toBe(29_999)
    // Over the end of the trace to the end of its first stretch.
    expect(a.until(35_000)).toBe(50_000)
    expect(a.until(41_000)).toBe(50_000)
    expect(trace.of("b", 0).until(7000)).toBe(Infinity)
    // Whoever was not recorded goes by one that was.
    expect(trace.of("c", 0).until(0)).toBe(10_000)
    expect(trace.of("c", 1).until(0)).toBe(Infinity)
  })

  test.each([
    [["a,0,10,1", "a,11,20,1"], `trace.csv line 3: expected device "a" to go on at 10 s, got 11: 1 s are missing`],
    [["a,0,10,1", "a,9,20,1"], `trace.csv line 3: expected device "a" to go on at 10 s, got 9: they overlap`],
    [["a,5,10,1"], `trace.csv line 2: expected device "a" to go on at 0 s, got 5: 5 s are missing`],
    [["a,0,0,1"], `trace.csv line 2, column "until": expected more than 0 seconds, got "0"`],
    [["a,0,10,yes"], `trace.csv line 2, column "ready": expected 0 or 1, got "yes"`],
    [["a,0,ten,1"], `trace.csv line 2, column "until": expected seconds from 0, got "ten"`],
    [["a,0,10"], "trace.csv line 2: expected 4 values, got 3"],
    [[], "trace.csv: expected lines of a trace, got none"],
  ])("with %j is refused", async (lines, message) => {
    await expect(readTrace(await file(...lines))).rejects.toThrow(message)
  })

  test("must be there, with its columns", async () => {
    await expect(readTrace(join(folder, "none.csv"))).rejects.toMatchObject({ code: "not-found" })
    await writeFile(join(folder, "other.csv"), "id,begin,end\n")
    await expect(readTrace(join(folder, "other.csv"))).rejects.toThrow(
      `other.csv line 1: expected the columns device,from,until,ready, got "id,begin,end"`,
    )
  })
})
