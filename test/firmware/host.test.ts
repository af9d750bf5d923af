import { writeFileSync } from "node:fs"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { CHOICES, TYPES } from "../../src/wire/keys.ts"
import { PLAIN_VECTORS } from "../wire/vectors.ts"
import type { Build } from "./build.ts"
import { build } from "./build.ts"
import { kernelRecords } from "./kernel-records.ts"
import { messageRecords } from "./message-records.ts"
import { committedHeader, protocolHeader } from "./protocol-header.ts"
import { packetRecords } from "./packet-records.ts"
import type { Records } from "./records.ts"
import { hostileRecords, roundRecords } from "./round-records.ts"

test("the C client's numbers of the protocol are those of keys.ts (`node test/firmware/protocol-header.ts` writes them anew)", () => {
  expect(committedHeader()).toBe(protocolHeader())
})

describe.each([
  ["gcc", "plain"],
  ["clang", "plain"],
  ["gcc", "with sanitizers"],
  ["clang", "with sanitizers"],
] as const)("the C client on this machine, by %s, %s", (compiler, how) => {
  let built: Build
  beforeAll(() => {
    built = build(compiler, ["tests"], how === "with sanitizers")
  })
  afterAll(() => built?.remove())

  const run = (records: Records): string => {
    writeFileSync(built.path("records.bin"), records.bytes)
    return built.run("run_records", [built.path("records.bin")])
  }

  test("golden messages come back byte for byte; prefixes, longer and invalid ones are refused", () => {
    const records = messageRecords()
    expect(run(records)).toBe(`${records.count} passed, 0 failed\n`)
  })

  test("packets of a broker's are taken whole; every prefix is a packet to come, or a connection that ends", () => {
    const records = packetRecords()
    expect(run(records)).toBe(`${records.count} passed, 0 failed\n`)
  })

  test("every field of a message has its value", () => {
    const lines = built.run("dump_messages", [], PLAIN_VECTORS.map(({ hex }) => `${hex}\n`).join(""))
    const dumped: unknown[] = lines
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as unknown)
    expect(dumped).toHaveLength(PLAIN_VECTORS.length)
    for (const [i, { name, message }] of PLAIN_VECTORS.entries())
      expect(dumped[i], name).toEqual(inNumbers(message, "message"))
  })

  test("kernels and codecs give the golden bytes", () => {
    const records = kernelRecords()
    expect(run(records)).toBe(`${records.count} passed, 0 failed\n`)
  })

  test("golden rounds: from the model to the payload, byte for byte", () => {
    const records = roundRecords()
    expect(run(records)).toBe(`${records.count} passed, 0 failed\n`)
  })

  test("hostile payloads are refused, and their neighbours are not", () => {
    const records = hostileRecords()
    expect(run(records)).toBe(`${records.count} passed, 0 failed\n`)
  })

  test("options, labels, payloads that no encoder makes, sums, names", () => {
    expect(built.run("run_units", [])).toMatch(/^\d\d\d passed, 0 failed\n$/)
  })

  test("the MQTT session against a broker of a script", () => {
    expect(built.run("run_session", [])).toMatch(/^\d\d\d passed, 0 failed\n$/)
  })
})

/** Which choice a field is; the others with these names are text. */
const CHOICE_OF: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  "message.type": TYPES,
  "message.kind": CHOICES.roundKind,
  "message.phase": CHOICES.roundPhase,
  "message.action": CHOICES.action,
  "message.status": CHOICES.receiptStatus,
  "training.loss": CHOICES.loss,
  "layers.kind": CHOICES.layerKind,
  "layers.activation": CHOICES.activation,
  "layers.mode": CHOICES.poolMode,
  "schedule.kind": CHOICES.scheduleKind,
}

/** A value as the C program prints it: choices as numbers; bytes, lists of numbers and text in hexadecimal. */
function inNumbers(value: unknown, where: string): unknown {
  if (value instanceof Uint8Array || value instanceof Float32Array)
    return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("hex")
  if (typeof value === "number" && !Number.isInteger(value)) return Math.fround(value)
  if (typeof value !== "object" || value === null) return value
  if (Array.isArray(value)) return value.map((each) => inNumbers(each, where))
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, fieldInNumbers(field, name, where)]))
}

function fieldInNumbers(value: unknown, name: string, where: string): unknown {
  const choice = CHOICE_OF[`${where}.${name}`]
  if (choice !== undefined) return choice[value as string]
  if (name === "reason") return Buffer.from(value as string).toString("hex")
  if (name === "codecs" || name === "abis") return Buffer.from(value as number[]).toString("hex")
  if (name === "chunkClasses") return Buffer.from(Uint32Array.from(value as number[]).buffer).toString("hex")
  return inNumbers(value, name)
}
