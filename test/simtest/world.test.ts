import { spawnSync } from "node:child_process"
import { fileURLToPath } from "node:url"
import { expect, test } from "vitest"
import { scheduleOf } from "./schedule.ts"
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
