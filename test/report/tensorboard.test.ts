import { mkdtemp, readFile, readdir, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { crc32c } from "../../src/report/crc32c.ts"
import { eventFile } from "../../src/report/event-file.ts"
import type { ScalarEvent } from "../../src/report/event-file.ts"
import { EVENT_FILE, roundEvents, writeEvents } from "../../src/report/tensorboard.ts"
import { exampleResult, exampleSimulation } from "./example.ts"

interface Reference {
  readonly startTime: number
  readonly events: readonly ScalarEvent[]
  /** Hexadecimal. */
  readonly file: string
}

describe("CRC-32C", () => {
  // RFC 3720, appendix B.4, and the check value of the catalogue of CRC algorithms (CRC-32/ISCSI).
  it.each([
    [new Uint8Array(32), 0x8a9136aa],
    [new Uint8Array(32).fill(0xff), 0x62a8ab43],
    [Uint8Array.from({ length: 32 }, (_, i) => i), 0x46dd794e],
    [Uint8Array.from({ length: 32 }, (_, i) => 31 - i), 0x113fdb5c],
    [Buffer.from("123456789"), 0xe3069283],
  ])("of known bytes", (bytes, crc) => expect(crc32c(bytes)).toBe(crc))
})

describe("an event file", () => {
  it("has the bytes that TensorBoard's own writer gives (event_file_reference.py)", async () => {
    const text = await readFile(new URL("event-file.json", import.meta.url), "utf8")
    const { startTime, events, file } = JSON.parse(text) as Reference
    expect(Buffer.from(eventFile(startTime, events)).toString("hex")).toBe(file)
  })
})

describe("a result for TensorBoard", () => {
  let folder = ""
  beforeEach(async () => void (folder = await mkdtemp(join(tmpdir(), "fedmote-events-"))))
  afterEach(() => rm(folder, { recursive: true, force: true }))

  it("has the metrics of every round, and what else the result says of it", () => {
    const result = exampleResult()
    const events = roundEvents({ ...result, rounds: [{ ...result.rounds[0]!, testLoss: null, metrics: {} }] }, 100)
    expect(events).toEqual([
      {
        wallTime: 100.25,
        step: 1,
        scalars: [
          { tag: "train/loss", value: result.rounds[0]!.trainLoss },
          { tag: "round/folded", value: 8 },
          { tag: "round/samples", value: 18000 },
          { tag: "round/uplinkBytes", value: 10720 },
          { tag: "round/downlinkBytes", value: 17680 },
          { tag: "round/seconds", value: 0.25 },
        ],
      },
    ])
    const { rounds } = exampleSimulation()
    expect(roundEvents({ ...result, rounds }, 0)[11]!.scalars).toContainEqual({
      tag: "round/participation/late",
      value: 1,
    })
    const all = roundEvents(result, 0)
    expect(all.map(({ step }) => step)).toEqual(result.rounds.map(({ round }) => round))
    expect(all[29]!.scalars).toContainEqual({ tag: "test/accuracy", value: result.final.metrics.accuracy })
  })

  it("is one file in a folder of its own, in the place of an earlier one", async () => {
    const run = join(folder, "logs", "run-1")
    await writeEvents(exampleResult(), run, 5)
    await writeEvents({ ...exampleResult(), rounds: [] }, run, 5)
    expect(await readdir(run)).toEqual([EVENT_FILE])
    expect(await readFile(join(run, EVENT_FILE))).toEqual(Buffer.from(eventFile(5, [])))
  })
})
