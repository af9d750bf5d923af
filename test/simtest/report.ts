import { describeFault } from "./fault.ts"
import type { Schedule } from "./schedule.ts"
import type { Shrunk } from "./shrink.ts"
import { runWorld } from "./world.ts"

const MOST_LINES = 200

/** What to print about a seed that fails: the least that breaks the same invariant, what happens in it, and how to see it again. */
export async function reportFailure(original: Schedule, { schedule, violation, runs }: Shrunk): Promise<string> {
  Error.stackTraceLimit = 10
  const lines: string[] = []
  await runWorld(schedule, { trace: (line) => void lines.push(line) })
  const { seed } = original
  const of = (what: keyof Schedule & ("devices" | "hostile" | "faults")): string =>
    `${schedule[what].length} of ${original[what].length} ${what}`
  const left = lines.length - MOST_LINES
  return [
    `seed ${seed} breaks "${violation.invariant}": ${violation.text}`,
    "",
    `shrunk, in ${runs} runs, to ${of("devices")}, ${of("hostile")}, ${of("faults")}, ${schedule.plan.rounds} of ${original.plan.rounds} rounds`,
    `plan: ${JSON.stringify(schedule.plan)}`,
    ...schedule.devices.map((device) => `device: ${JSON.stringify(device)}`),
    ...schedule.faults.map((fault) => `fault at ${describeFault(fault)}`),
    "",
    ...(left > 0 ? [`(${left} lines before)`] : []),
    ...lines.slice(-MOST_LINES),
    "",
    `replay: npm run simtest -- --seed ${seed} --schedules 1 --trace`,
  ].join("\n")
}
