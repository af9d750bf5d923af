import { readdirSync } from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { SEED } from "../wire/random.ts"
import type { Build } from "./build.ts"
import { FIRMWARE, build } from "./build.ts"
import { HARNESSES, writeCorpus } from "./fuzz-corpus.ts"

/** A device takes some hundred times longer than a decoder. `npm run test:long -- fuzz` gives each harness a minute (fuzz-long.ts). */
const RUNS = { message: 20_000, mqtt: 20_000, payload: 5000, text: 20_000, module: 20_000, device: 2000 } as const

let built: Build
beforeAll(async () => {
  built = build("clang", ["fuzz", "puppet"], true)
  await writeCorpus(built.path("corpus"), built.path("puppet"))
}, 240_000)
afterAll(() => built?.remove())

test("every harness is fuzzed", () => {
  const files = readdirSync(join(FIRMWARE, "test/fuzz")).filter((name) => /^fuzz_\w+\.c$/.test(name))
  expect(files.toSorted()).toEqual(HARNESSES.map((name) => `fuzz_${name}.c`).toSorted())
})

describe.each(HARNESSES)("%s", (harness) => {
  test("the golden vectors, and what has once failed", () => {
    const corpus = built.path(join("corpus", harness))
    built.run(`fuzz_${harness}`, [...readdirSync(corpus).map((name) => join(corpus, name)), ...failures(harness)])
  })

  test(`${RUNS[harness]} inputs made of them (seed ${SEED})`, { timeout: 240_000 }, () => {
    const options = [
      `-runs=${RUNS[harness]}`,
      `-seed=${SEED}`,
      "-max_len=8192",
      "-timeout=60",
      `-artifact_prefix=${built.folder}/`,
    ]
    built.run(`fuzz_${harness}`, [...options, built.path(join("corpus", harness))])
  })
})

/** Inputs of firmware-bridge/test/fuzz/failures: the harness's name comes before a dash. */
function failures(harness: string): string[] {
  const folder = join(FIRMWARE, "test/fuzz/failures")
  return readdirSync(folder)
    .filter((name) => name.startsWith(`${harness}-`))
    .map((name) => join(folder, name))
}
