import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, expect, test } from "vitest"
import { parseResult } from "../../src/core/result.ts"
import { fedmote } from "../e2e/fedmote.ts"

let folder = ""
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "fedmote-world-"))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

async function simulate(world: string, ...more: readonly string[]) {
  await writeFile(join(folder, "world.yaml"), world)
  const common = ["simulate", "--data", "telosb", "--rounds", "2", "--no-baselines", "--world", "world.yaml"]
  return fedmote([...common, ...more], { cwd: folder })
}

test("a simulation in a world says what it took, and where the world ends by a trace", async () => {
  const world = "classes:\n  mcu: { share: 1, dropout: 0 }\n  gateway: { share: 1, dropout: 0 }\n"
  const { code, stdout, stderr } = await simulate(world, "--json", "result.json")
  expect(code, stderr).toBe(0)
  expect(stdout).toMatch(/ mcu +\d+ +\d+ /)
  expect(stdout).toMatch(
    /^simulated [\d.]+ (s|min|h), [\d.]+ J \([\d.]+ computing, [\d.]+ on the radio\), [\d.e-]+ g CO2$/m,
  )
  const result = parseResult(JSON.parse(await readFile(join(folder, "result.json"), "utf8")))
  expect(result.rounds.every(({ simulatedSeconds }) => simulatedSeconds! > 0)).toBe(true)

  // Nobody is there in the first hour of every day.
  await writeFile(join(folder, "trace.csv"), "device,from,until,ready\nanyone,0,3600,0\nanyone,3600,86400,1\n")
  const traced = await simulate(world, "--trace", "trace.csv", "--json", "-")
  expect(traced.code, traced.stderr).toBe(0)
  const later = parseResult(JSON.parse(traced.stdout))
  expect(later.world!.simulatedSeconds).toBeGreaterThan(3600)
  expect(later.world!.simulatedSeconds).toBeLessThan(7200)
})

test("what cannot be used is named", async () => {
  const unknown = await simulate("classes: { gatway: {} }")
  expect(unknown.code).toBe(2)
  expect(unknown.stderr).toMatch(
    /^fedmote: world\.yaml: world: classes\.gatway: expected mcu, gateway, phone, or "like" one of them; is it gateway\?$/m,
  )
  await writeFile(join(folder, "gap.csv"), "device,from,until,ready\na,0,10,1\na,20,30,1\n")
  const gap = await simulate("classes: { mcu: {} }", "--trace", "gap.csv")
  expect(gap.code).toBe(2)
  expect(gap.stderr).toContain(`gap.csv line 3: expected device "a" to go on at 10 s, got 20: 10 s are missing`)
  expect((await simulate("classes: [")).stderr).toMatch(/^fedmote: cannot read the world world\.yaml: /m)
  const alone = await fedmote(["simulate", "--data", "telosb", "--trace", "gap.csv"], { cwd: folder })
  expect(alone.code).toBe(2)
  expect(alone.stderr).toMatch(/^fedmote: --trace needs a world \(--world FILE\)$/m)
})
