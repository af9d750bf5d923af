import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { parseResult } from "../../src/core/result.ts"
import { fedmote, start } from "./fedmote.ts"
import type { Running } from "./fedmote.ts"

const PLAN = `
rounds: 8
model: { hidden: [64, 64], positiveWeight: 20 }
train: { epochs: 2 }
sweep:
  train.learningRate: [0.02, 0.05, 0.1]
  seeds: [1, 2]
`

let folder = ""
const args = (out: string, ...more: string[]): string[] => {
  const plan = ["--plan", join(folder, "plan.yaml"), "--data", "telosb", "--no-baselines"]
  return ["simulate", ...plan, "--out", join(folder, out), ...more]
}
const csv = (out: string): Promise<string> => readFile(join(folder, out, "sweep.csv"), "utf8")

/** The results that are there, with their times: a run that is repeated has others. */
async function results(out: string): Promise<Map<string, string>> {
  const names = (await readdir(join(folder, out))).filter((name) => /^[0-9a-f]{16}\.json$/.test(name))
  return new Map(
    await Promise.all(names.map(async (name) => [name, await readFile(join(folder, out, name), "utf8")] as const)),
  )
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "fedmote-sweep-"))
  await writeFile(join(folder, "plan.yaml"), PLAN)
})
afterAll(() => rm(folder, { recursive: true, force: true }))

/** Starts the sweep and ends it once `runs` have ended, in the middle of the next. */
async function cut(out: string, runs: number, signal: "SIGINT" | "SIGKILL"): Promise<Map<string, string>> {
  const sweep: Running = start(args(out))
  await sweep.saw(new RegExp(`run ${runs} of 6`))
  sweep.child.kill(signal)
  const { code } = await sweep.ended
  expect(code).toBe(signal === "SIGINT" ? 130 : null)
  return results(out)
}

describe("a sweep as a process", () => {
  it("goes on where it was interrupted or killed: nothing repeated, nothing lost, the same table", async () => {
    const first = await cut("cut", 2, "SIGINT")
    expect([...first.keys()]).toHaveLength(2)
    expect((await csv("cut")).trim().split("\n")).toHaveLength(1 + 2)

    const second = await cut("cut", 4, "SIGKILL")
    expect(second.size).toBeGreaterThanOrEqual(4)
    for (const [name, text] of first) expect(second.get(name)).toBe(text)

    // What a process that is no more left half written.
    await writeFile(join(folder, "cut", "0123456789abcdef.json.999999999.tmp"), "{")
    const { code, stderr } = await fedmote(args("cut", "--workers", "2"))
    expect(code).toBe(0)
    expect(stderr).toContain(`${second.size} of 6 runs are there already`)
    const third = await results("cut")
    expect(third.size).toBe(6)
    for (const [name, text] of second) expect(third.get(name)).toBe(text)
    expect((await readdir(join(folder, "cut"))).filter((name) => name.endsWith(".tmp"))).toEqual([])

    expect((await fedmote(args("whole"))).code).toBe(0)
    expect(await csv("cut")).toBe(await csv("whole"))
    expect([...(await results("whole")).keys()].sort()).toEqual([...third.keys()].sort())
  }, 120_000)

  it("runs only what is new where it has changed, and a damaged result again", async () => {
    await writeFile(join(folder, "plan.yaml"), PLAN.replace("rounds: 8", "rounds: 1"))
    expect((await fedmote(args("changed"))).code).toBe(0)
    const before = await results("changed")
    const [damaged] = before.keys()
    await writeFile(join(folder, "changed", damaged!), "{")
    await writeFile(
      join(folder, "plan.yaml"),
      PLAN.replace("rounds: 8", "rounds: 1").replace("seeds: [1, 2]", "seeds: [2, 1, 3]"),
    )
    const { code, stderr } = await fedmote(args("changed"))
    expect(code).toBe(0)
    expect(stderr).toContain("5 of 9 runs are there already")
    const after = await results("changed")
    expect(after.size).toBe(9)
    for (const [name, text] of before) if (name !== damaged) expect(after.get(name)).toBe(text)
    const rows = (await csv("changed"))
      .trim()
      .split("\n")
      .map((line) => line.split(","))
    expect(rows[0]!.slice(0, 4)).toEqual(["run", "train.learningRate", "seed", "committed"])
    expect(rows.slice(1).map((row) => row[2])).toEqual(["2", "1", "3", "2", "1", "3", "2", "1", "3"])
    for (const [run, rate, seed] of rows.slice(1)) {
      const result = parseResult(JSON.parse(after.get(`${run}.json`)!))
      expect([result.seed, result.plan.train.learningRate]).toEqual([Number(seed), Number(rate)])
      expect(result.experiment!.set).toEqual({ "train.learningRate": Number(rate), seed: Number(seed) })
      expect(result.experiment!.digest.slice(0, 16)).toBe(run)
    }
  }, 60_000)
})

describe("a sweep over the data", () => {
  it("deals it anew for each run", async () => {
    await writeFile(
      join(folder, "plan.yaml"),
      "rounds: 1\nmodel: { hidden: none }\nsweep: { data.partition: [iid, 'dirichlet:0.3'], data.clients: [5, 6] }\n",
    )
    expect((await fedmote(args("dealt"))).code).toBe(0)
    const found = [...(await results("dealt")).values()].map((text) => parseResult(JSON.parse(text)))
    expect(found.map(({ data }) => `${data.partition} ${data.clients}`).sort()).toEqual([
      "dirichlet:0.3 5",
      "dirichlet:0.3 6",
      "iid 5",
      "iid 6",
    ])
    expect(new Set(found.map(({ model }) => model.digest)).size).toBe(4)
  }, 60_000)
})

describe("a sweep in a simulated world", () => {
  it("knows its time, and is another one in another world", async () => {
    const world = join(folder, "world.yaml")
    await writeFile(join(folder, "plan.yaml"), "rounds: 2\nmodel: { hidden: none }\nsweep: { seeds: [1, 2] }\n")
    await writeFile(world, "classes:\n  gateway: { share: 1 }\n")
    expect((await fedmote(args("world", "--world", world))).code).toBe(0)
    const [head, ...rows] = (await csv("world"))
      .trim()
      .split("\n")
      .map((line) => line.split(","))
    const column = head!.indexOf("simulatedSeconds")
    for (const row of rows) expect(Number(row[column])).toBeGreaterThan(0)
    await writeFile(world, "classes:\n  gateway: { share: 1, link: nb-iot }\n")
    const { stderr } = await fedmote(args("world", "--world", world))
    expect(stderr).not.toContain("are there already")
    expect((await results("world")).size).toBe(4)
  }, 60_000)
})

describe("compare", () => {
  it("takes sweeps and results, and says what it found", async () => {
    await writeFile(join(folder, "plan.yaml"), PLAN.replace("rounds: 8", "rounds: 1"))
    expect(
      (await fedmote(args("compared", "--json", join(folder, "a.json"), "--report", join(folder, "a.html")))).code,
    ).toBe(0)
    const [one] = (await results("compared")).keys()
    const target = ["--target", "averagePrecision=0.01"]
    const { code, stdout } = await fedmote([
      "compare",
      join(folder, "compared"),
      join(folder, "compared", one!),
      ...target,
      "--json",
      "-",
    ])
    expect(code).toBe(0)
    const compared = JSON.parse(stdout) as { schema: string; groups: { runs: unknown[]; toTarget: unknown }[] }
    expect(compared.schema).toBe("fedmote-compare/1")
    expect(compared.groups.map(({ runs }) => runs.length)).toEqual([2, 2, 2])
    expect(compared.groups[0]!.toTarget).toMatchObject({ reached: 2, rounds: { mean: 1, deviation: 0 } })
    expect(await readFile(join(folder, "a.html"), "utf8")).toContain("6 runs, 3 settings: best average precision")
    const own = JSON.parse(await readFile(join(folder, "a.json"), "utf8")) as { groups: object[] }
    expect(own.groups[0]).toMatchObject({ settings: { "train.learningRate": 0.02 }, metrics: { averagePrecision: {} } })
  }, 60_000)

  it("says what it cannot take", async () => {
    const wrong = async (...more: string[]) => (await fedmote(["compare", ...more])).stderr
    expect(await wrong(join(folder, "nowhere.json"))).toMatch(/^fedmote: cannot read result .*nowhere\.json/)
    expect(await wrong(join(folder, "plan.yaml"))).toMatch(/^fedmote: .*plan\.yaml: not JSON/)
    await mkdir(join(folder, "nothing"), { recursive: true })
    expect(await wrong(join(folder, "nothing"))).toMatch(/^fedmote: expected results of runs, got none/)
    expect(await wrong("x.json", "--target", "acuracy=1")).toMatch(/--target.*METRIC=VALUE/)
  })
})

describe("a sweep that cannot be done says why", () => {
  const wrong = async (sweep: string, ...more: string[]): Promise<string> => {
    const plan = join(folder, "wrong.yaml")
    await writeFile(plan, `rounds: 1\nsweep:\n${sweep}\n`)
    const { code, stderr } = await fedmote(["simulate", "--plan", plan, "--data", "telosb", ...more])
    expect([1, 2]).toContain(code)
    return stderr.trim().split("\n").at(-1)!.replace(folder, "")
  }
  const out = (): string[] => ["--out", join(folder, "none")]

  it("by the plan's line, naming an unknown key and what is near", async () =>
    expect(await wrong("  seeds: [1]\n  train.learningRat: [1]", ...out())).toBe(
      "fedmote: /wrong.yaml:4:3: sweep: train.learningRat: unknown key; did you mean train.learningRate?",
    ))

  it("by the value that is wrong", async () =>
    expect(await wrong("  train.epochs:\n    - 1\n    - none", ...out())).toBe(
      'fedmote: /wrong.yaml:5:7: sweep: train.epochs: expected a number, got "none"',
    ))

  it("by the run that does not fit the data, before any has begun", async () =>
    expect(await wrong("  model.features: [8, 9]", ...out())).toMatch(
      /^fedmote: run 2 of 2 \(model\.features 9\): plan: model\.features: expected 9 features/,
    ))

  it("by the partition that is none, and the cohort that is larger than the population", async () => {
    const dealt = "  data.clients: [5]\n  data.partition: [iid, dirichlet:much]"
    expect(await wrong(dealt, ...out())).toMatch(/^fedmote: run 2 of 2 \(data\.clients 5, .*dirichlet:much/)
    expect(await wrong("  cohort: [8, 9]", "--no-baselines", ...out())).toMatch(
      /^fedmote: run 2 of 2 \(cohort 9\): expected a population of at least 9 clients/,
    )
  })

  it("and what is missing, or said twice", async () => {
    expect(await wrong("  seeds: [1, 2]")).toMatch(/has a sweep: say where its runs go \(--out FOLDER\)$/)
    expect(await wrong("  seeds: [1, 2]", ...out(), "--seed", "3")).toMatch(/expected seed from the sweep or from/)
  })

  it("where one plan is wanted", async () => {
    await writeFile(join(folder, "sweep.yaml"), "rounds: 1\nsweep: { seeds: [1, 2] }\n")
    const { code, stderr } = await fedmote([
      "coordinator",
      "--plan",
      join(folder, "sweep.yaml"),
      "--listen",
      "127.0.0.1:0",
    ])
    expect(code).toBe(2)
    expect(stderr).toContain("sweep.yaml:2:1: sweep: unknown key; one plan is wanted here")
  })

  it("to plan check, which counts the runs", async () => {
    await writeFile(
      join(folder, "sweep.yaml"),
      "rounds: 5\ncohort: 4\nsweep: { seeds: [1, 2], train.epochs: [1, 99] }\n",
    )
    const { code, stdout } = await fedmote(["plan", "check", join(folder, "sweep.yaml"), "--data", "telosb"])
    expect(code).toBe(0)
    expect(stdout).toMatch(/warning: train\.epochs: 99 local epochs/)
    expect(stdout).toMatch(/valid, a sweep of 4 runs, \d+ warnings?\n$/)
  })
})
