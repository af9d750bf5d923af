import { writeFileSync } from "node:fs"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import type { Build } from "./build.ts"
import { build } from "./build.ts"
import { changedManifests, manifestRecords } from "./manifest-records.ts"
import { moduleRecords } from "./module-records.ts"
import type { BoardBuild } from "./qemu.ts"
import { buildFor, runOnBoard } from "./qemu.ts"
import type { Records } from "./records.ts"

/** Signed modules on the C client: manifests and chunks by the rules of the TypeScript side. */

describe.each([
  ["gcc", "plain"],
  ["clang", "with sanitizers"],
] as const)("on this machine, by %s, %s", (compiler, how) => {
  let built: Build
  beforeAll(() => {
    built = build(compiler, ["tests"], how === "with sanitizers")
  })
  afterAll(() => built?.remove())

  const run = (records: Records): string => {
    writeFileSync(built.path("records.bin"), records.bytes)
    return built.run("run_records", [built.path("records.bin")])
  }

  test("golden manifests and chunks are taken; prefixes, corrupted and invalid ones are refused", () => {
    const records = manifestRecords()
    expect(run(records)).toBe(`${records.count} passed, 0 failed\n`)
  })

  test("a changed manifest is taken or refused as on the TypeScript side", () => {
    const records = changedManifests()
    expect(records.count).toBeGreaterThan(2000)
    expect(run(records)).toBe(`${records.count} passed, 0 failed\n`)
  })

  test(
    "modules into flash: refusals by their reason; the power fails at every write, and there is always a whole module",
    { timeout: 120_000 },
    () => {
      writeFileSync(built.path("modules.bin"), moduleRecords().bytes)
      expect(built.run("run_module", [built.path("modules.bin")])).toMatch(/^\d{4,} passed, 0 failed\n$/)
    },
  )
})

describe("on a Cortex-M3", () => {
  let built: BoardBuild
  beforeAll(() => {
    built = buildFor("an385", ["records"])
  })
  afterAll(() => built?.remove())

  test("golden manifests and chunks are taken; prefixes, corrupted and invalid ones are refused", () => {
    const records = manifestRecords()
    writeFileSync(built.path("manifests.bin"), records.bytes)
    expect(runOnBoard("an385", built.path("records.elf"), [built.path("manifests.bin")])).toBe(
      `${records.count} passed, 0 failed\n`,
    )
  })
})
