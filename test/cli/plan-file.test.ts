import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, describe, expect, it } from "vitest"
import { parsePlanText, readPlan } from "../../src/cli/plan-file.ts"
import { parsePlan } from "../../src/core/plan.ts"

const refusal = (text: string): string => {
  try {
    parsePlanText(text, "plan.yaml")
  } catch (error) {
    return (error as Error).message
  }
  return "accepted"
}

describe("a plan file", () => {
  it("is YAML, or JSON", () => {
    const text = `
fleet: motes   # eight of them
cohort: 4
model:
  labels: [normal, event]
  hidden: none
train: { learningRate: 5e-2 }
`
    const plan = parsePlan({
      fleet: "motes",
      cohort: 4,
      model: { labels: ["normal", "event"], hidden: [] },
      train: { learningRate: 0.05 },
    })
    expect(parsePlanText(text, "plan.yaml")).toEqual(plan)
    expect(parsePlanText(JSON.stringify(plan), "plan.json")).toEqual(plan)
    expect(parsePlanText("", "plan.yaml")).toEqual(parsePlan({}))
  })

  it.each([
    ["rounds: 3\ntrain:\n  learningRate: -1\n", "plan.yaml:3:3: train.learningRate: expected a number above 0, got -1"],
    ["rounds: 3\nmodle: {}\n", "plan.yaml:2:1: modle: unknown key; did you mean model?"],
    [
      "model:\n  layers:\n    - dense: 3\n    - dense: 0\n",
      "plan.yaml:4:7: model.layers[1].dense: expected at least 1, got 0",
    ],
    [
      "codecs:\n  - int8\n  - int9\n",
      'plan.yaml:3:5: codecs[1]: expected one of f32, int8, int8-nearest, int4, int4-nearest, eden1, eden2, eden4, topk, got "int9"',
    ],
    [
      "seed: 1\nstop:\n  atLeast: 1\n",
      "plan.yaml:2:1: stop.metric: expected one of accuracy, f1, averagePrecision, rmse, mae, loss, got nothing",
    ],
    ["- 1", "plan.yaml:1:1: expected a map, got a list"],
    ["seed: 1\nseed: 2\n", "plan.yaml:2:1: not YAML: Map keys must be unique"],
    ["cohort: 3\n---\ncohort: 4\n", "plan.yaml:2:1: expected one plan in the file, got another after ---"],
    ["fleet: *nobody", "plan.yaml: not YAML: Unresolved alias (the anchor must be set before the alias): nobody"],
  ])("that is wrong says where: %j", (text, message) => expect(refusal(text)).toBe(message))

  it("that is no YAML says so in one line", () => {
    expect(refusal("model: [1,\n")).toMatch(/^plan\.yaml:\d+:\d+: not YAML: [^\n]+$/)
    expect(refusal("\tseed: 1")).toMatch(/^plan\.yaml:1:1: not YAML: [^\n]+$/)
  })

  it("does not grow without bound", () => {
    const bomb = ["a: &a [x,x,x,x,x,x,x,x,x]"]
    for (const [i, name] of [..."bcdefgh"].entries()) {
      const before = "abcdefgh"[i]
      bomb.push(`${name}: &${name} [${Array.from({ length: 9 }, () => `*${before}`).join(",")}]`)
    }
    expect(refusal(bomb.join("\n"))).toMatch(/^plan\.yaml: not YAML: Excessive alias count/)
  })
})

describe("reading a plan file", () => {
  let folder = ""
  afterEach(() => rm(folder, { recursive: true, force: true }))

  it("names the file", async () => {
    folder = await mkdtemp(join(tmpdir(), "fedmote-plan-"))
    const file = join(folder, "p.yaml")
    await expect(readPlan(file)).rejects.toThrow(`cannot read plan ${file}: no such file`)
    await expect(readPlan(folder)).rejects.toThrow(`cannot read plan ${folder}: it is a folder`)
    await writeFile(file, "rounds: 0\n")
    await expect(readPlan(file)).rejects.toThrow(`${file}:1:1: rounds: expected at least 1, got 0`)
    await writeFile(file, "rounds: 7\n")
    expect((await readPlan(file)).rounds).toBe(7)
  })
})
