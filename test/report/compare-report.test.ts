import { Script } from "node:vm"
import { describe, expect, it } from "vitest"
import { mergePlan } from "../../src/core/plan.ts"
import type { Result } from "../../src/core/result.ts"
import { MOST_CURVES, compareCurves } from "../../src/report/compare-curves.ts"
import { renderCompareReport } from "../../src/report/compare-report.ts"
import { groupRuns } from "../../src/report/run-groups.ts"
import { exampleResult } from "./example.ts"

/** A run of so many bytes a round, with these accuracies. */
function run(epochs: number, seed: number, bytes: number, accuracies: readonly (number | null)[]): Result {
  const example = exampleResult()
  const rounds = accuracies.map((accuracy, i) => ({
    ...example.rounds[0]!,
    round: i + 1,
    uplinkBytes: bytes - 1,
    downlinkBytes: 1,
    metrics: accuracy === null ? {} : { accuracy },
    testLoss: null,
  }))
  const metrics = { accuracy: accuracies.at(-1) ?? 0 }
  const plan = mergePlan(example.plan, { seed, train: { epochs }, model: { labels: ["a", "b", "c"] } })
  return { ...example, seed, plan, rounds, baselines: {}, final: { metrics } }
}
const named = (results: readonly Result[]) => results.map((result, i) => ({ name: `run-${i}`, result }))

describe("curves of several runs", () => {
  const groups = groupRuns(
    named([run(1, 1, 100, [0.2, 0.4, 0.6]), run(1, 2, 120, [0.4, 0.6]), run(5, 1, 110, [0.5, null, 0.7])]),
  )
  const { axes, charts, joined } = compareCurves(groups, ["accuracy"])
  const [one, five] = charts[0]!.series

  it("are means with a deviation to both sides, over the runs that got so far", () => {
    expect(joined).toBe(true)
    expect(axes[0]).toEqual({ label: "Rounds", unit: "count", values: [1, 2, 3] })
    expect(one!.label).toBe("train.epochs 1")
    const { values, low, high } = one!.views![0]!
    // Of two values the sample's deviation is their distance over the root of two.
    const deviation = 0.2 / Math.SQRT2
    ;[0.3, 0.5, 0.6].forEach((mean, i) => expect(values[i]).toBeCloseTo(mean, 12))
    ;[0.3 - deviation, 0.5 - deviation, 0.6].forEach((edge, i) => expect(low![i]).toBeCloseTo(edge, 12))
    ;[0.3 + deviation, 0.5 + deviation, 0.6].forEach((edge, i) => expect(high![i]).toBeCloseTo(edge, 12))
  })

  it("have no band where there is one run, and nothing where nothing was evaluated", () =>
    expect(five!.views![0]).toEqual({ values: [0.5, null, 0.7] }))

  it("share an axis of bytes, each with values at its own places", () => {
    // Means of 100 and 120, of 200 and 240, 300 alone; 110, 220, 330.
    expect(axes[1]).toEqual({ label: "Bytes", unit: "bytes", values: [110, 220, 300, 330] })
    expect(five!.views![1]!.values).toEqual([0.5, null, null, 0.7])
    expect(one!.views![1]!.values.map((value) => value === null)).toEqual([false, false, false, true])
  })

  it("leave out what no run has", () => expect(charts.map(({ title }) => title)).toEqual(["Accuracy", "Training loss"]))

  it("of many rounds are thinned out, the last one kept", () => {
    const long = run(
      1,
      1,
      10,
      Array.from({ length: 1001 }, (_, i) => i / 1001),
    )
    const { values } = compareCurves(groupRuns(named([long])), ["accuracy"]).axes[0]!
    expect(values.length).toBeLessThanOrEqual(200)
    expect(values.at(-1)).toBe(1001)
  })
})

describe("a report of several runs", () => {
  const runs = named([run(1, 1, 100, [0.25, 0.5]), run(1, 2, 100, [0.25, 0.75]), run(5, 1, 100, [0.5, 0.875])])
  const page = renderCompareReport(runs, { metric: "accuracy", value: 0.7 })

  it("says which setting is best, and has every run", () => {
    for (const text of [
      "3 runs, 2 settings: best accuracy 0.875",
      "Best: train.epochs 5.",
      "0.625 ± 0.177",
      "1 of 2",
      "The target is accuracy of at least 0.7.",
      ...runs.map(({ name }) => name),
    ])
      expect(page).toContain(text)
  })

  it("admits its own scripts only, and they compile", () => {
    const scripts = [...page.matchAll(/<script([^>]*)>([\s\S]*?)<\/script>/g)]
    expect(scripts).toHaveLength(3)
    for (const [, attributes, body] of scripts)
      if (!attributes!.includes("json")) expect(() => new Script(body!)).not.toThrow()
    expect(page).toContain("default-src &#39;none&#39;")
    expect(page).not.toMatch(/(?:\ssrc|\shref|@import|url\()/)
  })

  it("draws the best settings where there are more than colours, and escapes what it names", () => {
    const many = named(Array.from({ length: 12 }, (_, i) => run(i + 1, 1, 100, [i / 12])))
    const hostile = many.map(({ name, result }) => ({
      name,
      result: { ...result, data: { ...result.data, name: "<b>" } },
    }))
    const text = renderCompareReport(hostile)
    const json = /id="curves">([\s\S]*?)<\/script>/.exec(text)![1]!
    const labels = (JSON.parse(json) as ReturnType<typeof compareCurves>).charts[0]!.series.map(({ label }) => label)
    expect(labels).toEqual(Array.from({ length: MOST_CURVES }, (_, i) => `train.epochs ${i + 5}`))
    expect(text).toContain("data &lt;b&gt;")
    expect(text).toContain("The 8 with the best accuracy are drawn.")
  })
})
