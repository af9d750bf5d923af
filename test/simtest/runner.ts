import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads"
import type { Violation } from "./referee.ts"
import { scheduleOf } from "./schedule.ts"
import { runWorld } from "./world.ts"

export interface Job {
  readonly seed: number
  readonly schedules: number
}

/** What came of a job: the totals of all worlds, up to the first one that fails. */
export interface Tally {
  schedules: number
  steps: number
  /** Of virtual time. */
  seconds: number
  readonly facts: Record<string, number>
  failed: { readonly seed: number; readonly violation: Violation } | undefined
}

// Worlds are full of failing connections: taking the stack of each costs more than anything that a world does with it.
Error.stackTraceLimit = 0

/** Seeds that a thread takes at a time. */
const PORTION = 50

/** Runs the worlds of the seeds from `seed` on, in this thread or in several; ends with the first that fails. */
export async function runAll(job: Job, workers: number, onProgress: (tally: Tally) => void): Promise<Tally> {
  const total: Tally = { schedules: 0, steps: 0, seconds: 0, facts: {}, failed: undefined }
  let next = 0
  const portion = (): Job | undefined => {
    if (total.failed !== undefined || next >= job.schedules) return undefined
    const schedules = Math.min(PORTION, job.schedules - next)
    next += schedules
    return { seed: job.seed + next - schedules, schedules }
  }
  const take = (tally: Tally): void => {
    add(total, tally)
    onProgress(total)
  }
  if (workers <= 1) for (let part = portion(); part !== undefined; part = portion()) take(await runHere(part))
  else await Promise.all(Array.from({ length: workers }, () => runThere(portion, take)))
  return total
}

async function runHere({ seed, schedules }: Job): Promise<Tally> {
  const tally: Tally = { schedules: 0, steps: 0, seconds: 0, facts: {}, failed: undefined }
  for (let i = 0; i < schedules && tally.failed === undefined; i++) {
    const { violation, steps, seconds, facts } = await runWorld(scheduleOf(seed + i))
    const failed = violation && { seed: seed + i, violation }
    add(tally, { schedules: 1, steps, seconds, facts, failed })
    // The event loop turns.
    await new Promise<void>((resolve) => setImmediate(resolve))
  }
  return tally
}

async function runThere(portion: () => Job | undefined, take: (tally: Tally) => void): Promise<void> {
  const worker = new Worker(new URL(import.meta.url), { workerData: "simtest" })
  try {
    for (let part = portion(); part !== undefined; part = portion()) {
      const { promise, resolve, reject } = Promise.withResolvers<Tally>()
      worker.once("message", resolve)
      worker.once("error", reject)
      worker.postMessage(part)
      take(await promise)
      worker.off("error", reject)
    }
  } finally {
    await worker.terminate()
  }
}

function add(total: Tally, { schedules, steps, seconds, facts, failed }: Tally): void {
  total.schedules += schedules
  total.steps += steps
  total.seconds += seconds
  for (const [name, count] of Object.entries(facts)) total.facts[name] = (total.facts[name] ?? 0) + count
  // The first seed: the same whatever the number of threads, as long as all begin at the same time.
  if (failed !== undefined && (total.failed === undefined || failed.seed < total.failed.seed)) total.failed = failed
}

if (!isMainThread && workerData === "simtest")
  parentPort!.on("message", (part: Job) => {
    void runHere(part).then((tally) => parentPort!.postMessage(tally))
  })
