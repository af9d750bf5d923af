import { readdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import type { Build } from "./build.ts"
import { FIRMWARE, build } from "./build.ts"
import { readCoverage } from "./coverage.ts"
import { deviceSuite } from "./device-suite.ts"
import { HARNESSES, writeCorpus } from "./fuzz-corpus.ts"
import { hostileSuite } from "./hostile-suite.ts"
import { kernelRecords } from "./kernel-records.ts"
import { changedManifests, manifestRecords } from "./manifest-records.ts"
import { messageRecords } from "./message-records.ts"
import { moduleRecords } from "./module-records.ts"
import { packetRecords } from "./packet-records.ts"
import type { Records } from "./records.ts"
import { rig } from "./rig.ts"

/** All that the C client is tested with on this machine, once more, with every branch counted. */

const LEAST = 0.95

let built: Build
beforeAll(() => {
  built = build("gcc", ["tests", "replay", "puppet", "CFLAGS=-O0 -g --coverage"])
}, 240_000)
afterAll(() => built?.remove())

const begin = rig(() => built.path("puppet"))

describe("counted", () => {
  test("the golden vectors and the unit tests", { timeout: 120_000 }, () => {
    const run = (records: Records): void => {
      writeFileSync(built.path("records.bin"), records.bytes)
      built.run("run_records", [built.path("records.bin")])
    }
    run(messageRecords())
    run(kernelRecords())
    run(packetRecords())
    run(manifestRecords())
    run(changedManifests())
    writeFileSync(built.path("modules.bin"), moduleRecords().bytes)
    built.run("run_module", [built.path("modules.bin")])
    built.run("run_session", [])
    built.run("run_units", [])
  })

  test("where fuzzing begins", { timeout: 120_000 }, async () => {
    await writeCorpus(built.path("corpus"), built.path("puppet"))
    const failures = join(FIRMWARE, "test/fuzz/failures")
    for (const harness of HARNESSES) {
      const folder = built.path(join("corpus", harness))
      const files = readdirSync(folder).map((name) => join(folder, name))
      const failed = readdirSync(failures).filter((name) => name.startsWith(`${harness}-`))
      built.run(`replay_${harness}`, [...files, ...failed.map((name) => join(failures, name))])
    }
  })

  deviceSuite(begin)
  hostileSuite(begin)
})

test(`${100 * LEAST} % of the branches are taken`, () => {
  const { taken, branches, missed } = readCoverage(built.folder)
  console.log(
    `${taken} of ${branches} branches (${((100 * taken) / branches).toFixed(1)} %), not all of ${missed.join(", ")}`,
  )
  expect(branches).toBeGreaterThan(1000)
  expect(taken / branches).toBeGreaterThanOrEqual(LEAST)
})
