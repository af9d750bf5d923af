import { writeFileSync } from "node:fs"
import { availableParallelism } from "node:os"
import { parseArgs } from "node:util"
import { reportFailure } from "./report.ts"
import { runAll } from "./runner.ts"
import { scheduleOf } from "./schedule.ts"
import { shrink } from "./shrink.ts"
import { runWorld } from "./world.ts"

// The coordinator and its devices in worlds that fail in every way: see README.md, "How this is proven".

const USAGE = `usage: npm run simtest -- [options]
  --schedules N   worlds to run (default 2000), with the seeds S, S + 1, ...
  --seed S        (default 1)
  --workers W     threads (default 1; 0 for as many as there are processors)
  --trace         print everything that happens in the world of seed S
  --no-shrink     do not look for the smallest schedule that fails
  --json FILE     write the result ("-" is standard output)`

function whole(name: string, text: string, least: number): number {
  const value = Number(text)
  if (Number.isInteger(value) && value >= least && value < 2 ** 32) return value
  console.error(`--${name}: expected a whole number of at least ${least}, got ${text}\n${USAGE}`)
  process.exit(2)
}

const { values } = parseArgs({
  options: {
    schedules: { type: "string", default: "2000" },
    seed: { type: "string", default: "1" },
    workers: { type: "string", default: "1" },
    trace: { type: "boolean", default: false },
    "no-shrink": { type: "boolean", default: false },
    json: { type: "string" },
    help: { type: "boolean", default: false },
  },
})
if (values.help) {
  console.log(USAGE)
  process.exit(0)
}
const seed = whole("seed", values.seed, 0)
const schedules = whole("schedules", values.schedules, 1)
const workers = whole("workers", values.workers, 0) || availableParallelism()

Error.stackTraceLimit = values.trace ? 10 : 0
if (values.trace) await runWorld(scheduleOf(seed), { trace: (line) => console.log(line) })
const beganMs = performance.now()
let shownMs = beganMs
const tally = await runAll({ seed, schedules }, workers, ({ schedules: done }) => {
  const nowMs = performance.now()
  if (nowMs - shownMs < 10_000) return
  shownMs = nowMs
  console.error(`${done} of ${schedules} schedules, ${((nowMs - beganMs) / 1000).toFixed(0)} s`)
})
const seconds = (performance.now() - beganMs) / 1000
const { failed } = tally
const result = {
  seed,
  schedules: tally.schedules,
  failed: failed ?? null,
  steps: tally.steps,
  seconds,
  facts: tally.facts,
}
const toStdout = values.json === "-"
if (values.json !== undefined) {
  const text = `${JSON.stringify({ ...result, virtualSeconds: tally.seconds }, undefined, 2)}\n`
  if (toStdout) process.stdout.write(text)
  else writeFileSync(values.json, text)
}
if (!toStdout) {
  const each = `${((1000 * seconds * Math.min(workers, schedules)) / tally.schedules).toFixed(1)} ms each`
  const days = (tally.seconds / 86_400).toFixed(1)
  console.log(
    `${tally.schedules} schedules from seed ${seed}: ${tally.steps} steps, ${days} days of their time, ${each}`,
  )
  console.log(
    Object.entries(tally.facts)
      .map(([name, count]) => `${name} ${count}`)
      .join(", "),
  )
}
if (failed === undefined) console.error("all invariants held")
else {
  const schedule = scheduleOf(failed.seed)
  const print = toStdout ? console.error : console.log
  if (values["no-shrink"]) print(`seed ${failed.seed} breaks "${failed.violation.invariant}": ${failed.violation.text}`)
  else print(await reportFailure(schedule, await shrink(schedule, failed.violation)))
  process.exitCode = 1
}
