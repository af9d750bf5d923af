import { spawnSync } from "node:child_process"
import { fileURLToPath } from "node:url"
import { expect, test } from "vitest"
import type { Fault } from "./fault.ts"
import { leastOf, scheduleOf } from "./schedule.ts"
import type { Schedule } from "./schedule.ts"
import { runWorld } from "./world.ts"

async function traceOf(seed: number): Promise<string[]> {
  const lines: string[] = []
  const { violation } = await runWorld(scheduleOf(seed), { trace: (line) => void lines.push(line) })
  expect(violation).toBeUndefined()
  return lines
}

test("the same seed gives the same trace, here and in another process; another seed gives another", async () => {
  const traces = new Map<number, string[]>()
  for (let seed = 1; seed <= 12; seed++) traces.set(seed, await traceOf(seed))
  for (let seed = 12; seed >= 1; seed--) {
    const before = traces.get(seed)!
    expect(before.length).toBeGreaterThan(50)
    expect(await traceOf(seed)).toEqual(before)
  }
  expect(new Set([...traces.values()].map((lines) => lines.join("\n"))).size).toBe(12)
  const main = fileURLToPath(new URL("main.ts", import.meta.url))
  const { stdout } = spawnSync(process.execPath, [main, "--seed", "5", "--schedules", "1", "--trace"], {
    encoding: "utf8",
    maxBuffer: 1 << 26,
  })
  const there = stdout.split("\n").filter((line) => /^ +[0-9]+\.[0-9]{3} s /.test(line))
  expect(there).toEqual(traces.get(5))
})

/** A seed's world in which all goes well, but for what is given. */
function calmWorld(seed: number, ...faults: readonly Fault[]): Schedule {
  return { ...scheduleOf(seed), hostile: [], faults }
}

test("a coordinator that is killed around any single thing that it says or writes loses nothing", async () => {
  for (const seed of [3, 9])
    for (const after of [false, true]) {
      let crashes = 0
      for (let operation = 0; crashes === operation; operation++) {
        const crash: Fault = { kind: "crash", atMs: 0, operation, after, downMs: 1500 }
        const { violation, facts } = await runWorld(calmWorld(seed, crash))
        expect(violation, `seed ${seed}, ${after ? "after" : "before"} operation ${operation}`).toBeUndefined()
        crashes += facts["crashes"]!
      }
      expect(crashes).toBeGreaterThan(40)
    }
})

test("where too few devices are left, the coordinator says what it waits for", async () => {
  const { plan, devices, ...rest } = calmWorld(2)
  const few = devices.slice(0, leastOf(plan) - 1)
  expect(few.length).toBeGreaterThan(0)
  const lines: string[] = []
  const { violation } = await runWorld({ ...rest, plan, devices: few }, { trace: (line) => void lines.push(line) })
  expect(violation?.invariant).toBe("ends")
  const waits = lines.filter((line) => line.includes("waiting for devices"))
  expect(waits.at(-1)).toContain(`{"ready":${few.length},"needed":${leastOf(plan)}}`)
})
