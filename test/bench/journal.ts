import { closeSync, fsyncSync, mkdtempSync, openSync, rmSync, statSync, writeSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { openJournal } from "../../src/coordinator/journal/sqlite-journal.ts"
import { Federation } from "../../src/core/federation.ts"
import { parsePlan } from "../../src/core/plan.ts"
import { madeUpCommit } from "../coordinator/journal/federation-life.ts"
import { measured, secondsOf } from "./result.ts"
import type { Measured } from "./result.ts"

/** What a round's commit costs: models of several sizes with FedAdam's state (28 bytes a parameter), in the folder for temporary files. */
export function bench(): Measured[] {
  const folder = mkdtempSync(join(tmpdir(), "fedmote-bench-journal-"))
  try {
    return [1000, 10_000, 200_000].flatMap((parameters) => commits(parameters, join(folder, String(parameters))))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function commits(parameters: number, folder: string): Measured[] {
  const plan = parsePlan({
    rounds: 1_000_000,
    model: { loss: "custom", parameters, standardize: false, features: 1 },
    strategy: { name: "fedadam" },
  })
  const identity = { plan, initial: null, recordCohorts: false }
  const first = new Federation({ plan, init: new Float32Array(parameters).fill(0.5), epoch: 65536 }).snapshot()
  let journal = openJournal(folder)
  journal.begin(identity, first)
  let version = 0
  const seconds = secondsOf(() => {
    version++
    journal.commit(madeUpCommit(first, version))
    journal.cleared([])
  }, 2000)
  journal.close()
  const bytes = statSync(join(folder, "journal.sqlite")).size
  const opening = secondsOf(() => {
    journal = openJournal(folder)
    journal.run()
    journal.close()
  })
  const plain = plainWrite(join(folder, "plain"), 28 * parameters)
  const name = `${parameters.toLocaleString("en")} parameters`
  return [
    measured({
      group: "journal",
      name: `commit of a model of ${name}`,
      value: seconds * 1000,
      unit: "ms",
      against: "a file of the same bytes, written and synced",
      ratio: seconds / plain,
    }),
    measured({ group: "journal", name: `opening and checking, ${name}`, value: opening * 1000, unit: "ms" }),
    measured({
      group: "journal",
      name: `size on disk, ${name}`,
      value: bytes / 2 ** 20,
      unit: "MiB",
      against: "two models",
      ratio: bytes / (2 * 28 * parameters),
    }),
  ]
}

function plainWrite(file: string, length: number): number {
  const bytes = new Uint8Array(length)
  return secondsOf(() => {
    const handle = openSync(file, "w")
    writeSync(handle, bytes)
    fsyncSync(handle)
    closeSync(handle)
  })
}
