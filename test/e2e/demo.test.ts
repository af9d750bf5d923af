import { mkdtemp, readFile, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, expect, test } from "vitest"
import { parseResult } from "../../src/core/result.ts"
import type { Result } from "../../src/core/result.ts"
import { fedmote } from "./fedmote.ts"

let folder = ""
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "fedmote-demo-"))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

async function resultOf(name: string, args: readonly string[]): Promise<Result> {
  const file = join(folder, name)
  const { code, stderr } = await fedmote([...args, "--json", file], { cwd: folder })
  expect(code, stderr).toBe(0)
  return parseResult(JSON.parse(await readFile(file, "utf8")))
}

const simulate = ["simulate", "--data", "telosb", "--no-baselines", "--rounds", "10"]

test("a live run over MQTT and a simulation with any number of workers end in the same model", async () => {
  const live = await resultOf("a.json", ["demo", "--rounds", "10", "--seed", "7"])
  const one = await resultOf("b.json", [...simulate, "--seed", "7"])
  const two = await resultOf("c.json", [...simulate, "--seed", "7", "--workers", "2"])
  const other = await resultOf("d.json", [...simulate, "--seed", "8"])
  expect(one.model.digest).toBe(live.model.digest)
  expect(two.model.digest).toBe(live.model.digest)
  expect(other.model.digest).not.toBe(live.model.digest)
  expect(one.final.metrics).toEqual(live.final.metrics)
})

test("the demo answers whether it was worth it", async () => {
  const file = join(folder, "demo.json")
  const { code, stdout, stderr } = await fedmote(["demo", "--json", file, "--report", "demo.html"], { cwd: folder })
  expect(code, stderr).toBe(0)
  for (const word of ["Federated", "Pooled", "lone", "demo.html"]) expect(stdout).toContain(word)
  const result = parseResult(JSON.parse(await readFile(file, "utf8")))
  const federated = result.final.metrics.averagePrecision!
  expect(federated).toBeGreaterThanOrEqual(0.75)
  const alone = result.baselines.alone!.clients!.map(({ metrics }) => metrics.averagePrecision!)
  expect(alone).toHaveLength(8)
  expect(federated).toBeGreaterThan(Math.max(...alone))
  expect(await readFile(join(folder, "demo.html"), "utf8")).toContain('id="curves"')
})

test("--json - leaves standard output to the result", async () => {
  const { code, stdout, stderr } = await fedmote([...simulate, "--rounds", "2", "--json", "-"], { cwd: folder })
  expect(code, stderr).toBe(0)
  expect(parseResult(JSON.parse(stdout)).rounds).toHaveLength(2)
})
