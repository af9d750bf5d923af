import { spawnSync } from "node:child_process"
import { join } from "node:path"
import { FIRMWARE, build } from "./build.ts"
import { HARNESSES, writeCorpus } from "./fuzz-corpus.ts"

/**
 * The long form of fuzz.test.ts: `node test/firmware/fuzz-long.ts [seconds]` gives each harness so many, 60 if it is not said. An input that fails is left in
 * firmware-bridge/test/fuzz/failures, where `npm test` finds it from then on.
 */
const seconds = Number(process.argv[2] ?? 60)
const failures = join(FIRMWARE, "test/fuzz/failures")
const built = build("clang", ["fuzz", "puppet"], true)
try {
  await writeCorpus(built.path("corpus"), built.path("puppet"))
  for (const harness of HARNESSES) {
    const limits = [`-max_total_time=${seconds}`, "-max_len=8192", "-timeout=60"]
    const where = [`-artifact_prefix=${failures}/${harness}-`, built.path(join("corpus", harness))]
    const { status, stderr } = spawnSync(built.path(`fuzz_${harness}`), [...limits, ...where], {
      encoding: "utf8",
      maxBuffer: 1 << 28,
    })
    console.log(`${harness}: ${/Done \d+ runs.*/.exec(stderr)?.[0] ?? stderr.replaceAll(/^#.*\n/gm, "")}`)
    if (status !== 0) process.exitCode = 1
  }
} finally {
  built.remove()
}
