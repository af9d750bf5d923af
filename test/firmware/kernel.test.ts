import { writeFileSync } from "node:fs"
import { expect, test } from "vitest"
import { build } from "./build.ts"
import { kernelRecords } from "./kernel-records.ts"

test.each([
  ["gcc", false],
  ["clang", false],
  ["gcc", true],
  ["clang", true],
] as const)("kernels and codecs in C give the golden bytes (%s, sanitizers: %s)", (compiler, sanitize) => {
  const built = build(compiler, ["tests"], sanitize)
  try {
    const records = kernelRecords()
    writeFileSync(built.path("kernels.bin"), records.bytes)
    expect(built.run("run_records", [built.path("kernels.bin")])).toBe(`${records.count} passed, 0 failed\n`)
  } finally {
    built.remove()
  }
})
