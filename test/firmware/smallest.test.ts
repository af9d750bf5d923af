import { execFileSync } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { FIRMWARE } from "./build.ts"
import { kernelRecords } from "./kernel-records.ts"
import { messageRecords } from "./message-records.ts"
import type { BoardBuild } from "./qemu.ts"
import { PORT, buildFor, runOnBoard } from "./qemu.ts"
import type { Records } from "./records.ts"

/** The library as small as it gets: compiled as a whole, on the Cortex-M3 with float operations of the port's own. The bits are the same. */

describe.each(["gcc", "clang"])("the port's float operations, compiled here by %s", (compiler) => {
  const folder = mkdtempSync(join(tmpdir(), "fedmote-float-"))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  test("give the bits of this machine's", { timeout: 60_000 }, () => {
    const program = join(folder, "run_float")
    const sources = [join(PORT, "float.c"), join(FIRMWARE, "test", "run_float.c")]
    const options = ["-std=c99", "-O1", "-ffp-contract=off", "-fsanitize=undefined", "-fno-sanitize-recover=all"]
    execFileSync(compiler, [...options, `-I${PORT}`, ...sources, "-o", program])
    expect(execFileSync(program, { encoding: "utf8" })).toMatch(/^\d{8} passed, 0 failed\n$/)
  })
})

describe.each(["an385", "an386"] as const)("on board %s", (board) => {
  let built: BoardBuild
  beforeAll(() => {
    built = buildFor(board, ["records-smallest"])
  })
  afterAll(() => built?.remove())

  const check = (records: Records): void => {
    const file = built.path("records.bin")
    writeFileSync(file, records.bytes)
    expect(runOnBoard(board, built.path("records-smallest.elf"), [file])).toBe(`${records.count} passed, 0 failed\n`)
  }

  test("kernels and codecs give the golden bytes", () => {
    check(kernelRecords())
  })

  test("golden messages come back byte for byte", () => {
    check(messageRecords())
  })
})
