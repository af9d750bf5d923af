import type { Violation } from "./referee.ts"
import { isSlow, leastOf } from "./schedule.ts"
import type { Schedule } from "./schedule.ts"
import { runWorld } from "./world.ts"

export interface Shrunk {
  readonly schedule: Schedule
  readonly violation: Violation
  /** Worlds that were tried. */
  readonly runs: number
}

const MOST_RUNS = 400

/** The smallest schedule that is found to break the same invariant: without faults, devices and rounds that have nothing to do with it. */
export async function shrink(schedule: Schedule, violation: Violation): Promise<Shrunk> {
  let best = schedule
  let found = violation
  let runs = 0
  const breaks = async (candidate: Schedule): Promise<boolean> => {
    if (runs >= MOST_RUNS || !isPossible(candidate)) return false
    runs++
    const { violation: same } = await runWorld(candidate)
    if (same?.invariant !== violation.invariant) return false
    best = candidate
    found = same
    return true
  }
  for (let before: Schedule | undefined; before !== best;) {
    before = best
    await without(
      () => best.faults,
      (faults) => breaks({ ...best, faults }),
    )
    await without(
      () => best.hostile,
      (hostile) => breaks({ ...best, hostile }),
    )
    await without(
      () => best.devices,
      (devices) => breaks({ ...best, devices }),
    )
    const { rounds = 1 } = best.plan
    for (let fewer = 1; fewer < rounds; fewer++)
      if (await breaks({ ...best, plan: { ...best.plan, rounds: fewer } })) break
  }
  return { schedule: best, violation: found, runs }
}

/** A federation that could end if all went well. */
function isPossible({ plan, devices, faults }: Schedule): boolean {
  const left = faults.filter((fault) => fault.kind === "leave" && devices.some(({ id }) => id === fault.target))
  return devices.filter((device) => !isSlow(device, plan)).length - left.length >= leastOf(plan)
}

/** Leaves out as many of a list as it can: large parts first, then one by one. */
async function without<T>(
  list: () => readonly T[],
  stillBreaks: (fewer: readonly T[]) => Promise<boolean>,
): Promise<void> {
  for (let size = list().length; size >= 1; size = Math.floor(size / 2))
    for (let at = 0; at < list().length;) {
      const all = list()
      if (!(await stillBreaks([...all.slice(0, at), ...all.slice(at + size)]))) at += size
    }
}
