import { execFileSync } from "node:child_process"
import { writeFileSync } from "node:fs"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { kernelRecords } from "./kernel-records.ts"
import { messageRecords } from "./message-records.ts"
import type { BoardBuild } from "./qemu.ts"
import { buildFor, runOnBoard } from "./qemu.ts"
import { Records } from "./records.ts"
import { hostileRecords, roundRecords } from "./round-records.ts"

describe.each([
  ["an385", "Cortex-M3, soft float", false],
  ["an386", "Cortex-M4, hard float", true],
] as const)("on board %s, %s", (board, _, hasFpu) => {
  let built: BoardBuild
  beforeAll(() => {
    built = buildFor(board, ["records"])
  })
  afterAll(() => built?.remove())

  const check = (name: string, records: Records): void => {
    const file = built.path(name)
    writeFileSync(file, records.bytes)
    expect(runOnBoard(board, built.path("records.elf"), [file])).toBe(`${records.count} passed, 0 failed\n`)
  }

  test("kernels and codecs give the golden bytes", () => {
    check("kernels.bin", kernelRecords())
  })

  test("golden rounds: from the model to the payload, byte for byte", () => {
    check("rounds.bin", roundRecords())
  })

  test("hostile payloads are refused, and their neighbours are not", () => {
    check("hostile.bin", hostileRecords())
  })

  test("golden messages come back byte for byte; prefixes, longer and invalid ones are refused", () => {
    check("messages.bin", messageRecords())
  })

  test("wrong bytes are noticed", () => {
    const records = new Records()
    records.add("sha256", "a wrong digest", new Uint8Array(3), new Uint8Array(32))
    const file = built.path("wrong.bin")
    writeFileSync(file, records.bytes)
    expect(() => runOnBoard(board, built.path("records.elf"), [file])).toThrow("0 passed, 1 failed")
  })

  test("the arithmetic is the board's: soft or hard, and never fused", () => {
    const code = execFileSync("arm-none-eabi-objdump", ["-d", built.path("records.elf")], {
      encoding: "utf8",
      maxBuffer: 1 << 26,
    })
    expect(/\bvmul\.f32\b/.test(code)).toBe(hasFpu)
    expect(code.includes("__aeabi_fmul>")).toBe(!hasFpu)
    expect(code).not.toMatch(/\bvfn?m[as]\.f32\b/)
  })
})
