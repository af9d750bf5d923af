import { describe, expect, it } from "vitest"
import { parsePlan } from "../../src/core/plan.ts"
import {
  compare,
  firstMetric,
  formatBytes,
  formatMetric,
  formatSeconds,
  inSentence,
} from "../../src/report/comparison.ts"
import { curves } from "../../src/report/curves.ts"
import { exampleResult } from "./example.ts"

describe("the comparison", () => {
  it("goes from the weakest claim to the strongest", () => {
    const { metrics, rows } = compare(exampleResult())
    expect(metrics).toEqual(["averagePrecision", "f1", "accuracy", "loss"])
    expect(rows.map(({ label, metrics }) => [label, formatMetric(metrics.averagePrecision)])).toEqual([
      ["Constant", "0.015"],
      ["Alone, worst", "0.060"],
      ["Alone, mean", "0.270"],
      ["Alone, best", "0.480"],
      ["Federated", "0.794"],
      ["Pooled", "0.913"],
    ])
  })

  it("leaves out baselines and metrics that there are not", () => {
    const result = { ...exampleResult(), baselines: {}, final: { metrics: { f1: 0.5 } } }
    expect(compare(result)).toMatchObject({ metrics: ["f1"], rows: [{ kind: "federated" }] })
    expect(firstMetric(result)).toBe("f1")
  })

  it("judges by the metric of the loss", () => {
    const metrics = { rmse: 3, mae: 2, loss: 4.5 }
    expect(firstMetric({ ...exampleResult(), plan: parsePlan({}), final: { metrics } })).toBe("rmse")
    const custom = parsePlan({ model: { loss: "custom", parameters: 3 } })
    expect(firstMetric({ ...exampleResult(), plan: custom, baselines: {}, final: { metrics } })).toBe("rmse")
  })
})

describe("the curves", () => {
  it("run over rounds, bytes and time", () => {
    const { axes, charts } = curves(exampleResult())
    expect(axes.map(({ values }) => values.slice(0, 2))).toEqual([
      [1, 2],
      [8 * 1340 + 8 * 2210, 2 * (8 * 1340 + 8 * 2210) + 40],
      [0.25, 0.625],
    ])
    expect(charts.map(({ title }) => title)).toEqual(["Test metrics", "Loss", "Bytes of each round", "Updates folded"])
    expect(charts[0]!.references).toEqual([
      { label: "Average precision, pooled", value: 0.913 },
      { label: "Average precision, best alone", value: 0.48 },
    ])
  })

  it("have a gap where a round was not evaluated", () => {
    const result = exampleResult()
    const rounds = result.rounds.map((round, i) => (i === 0 ? { ...round, testLoss: null, metrics: {} } : round))
    const { charts } = curves({ ...result, rounds })
    expect(charts[0]!.series.map(({ values }) => values[0])).toEqual([null, null, null])
    expect(charts[1]!.series[0]!.values[0]).toBeNull()
  })
})

describe("figures for people", () => {
  it.each([
    [0, "0 B"],
    [999, "999 B"],
    [1000, "1.00 kB"],
    [12345, "12.3 kB"],
    [999_600, "1.00 MB"],
    [4.56e9, "4.56 GB"],
    [2.5e15, "2.50e+3 TB"],
  ])("%d bytes: %s", (bytes, text) => expect(formatBytes(bytes)).toBe(text))

  it.each([
    [0.421, "0.42 s"],
    [12.34, "12.3 s"],
    [59.99, "1 min 0 s"],
    [200, "3 min 20 s"],
    [7500, "2 h 5 min"],
  ])("%d seconds: %s", (seconds, text) => expect(formatSeconds(seconds)).toBe(text))

  it("metrics", () => {
    expect([0.79449, 1, 20, 123.456, undefined, Infinity].map(formatMetric)).toEqual([
      "0.794",
      "1.000",
      "20.000",
      "123.5",
      "–",
      "Infinity",
    ])
    expect(["F1", "RMSE", "Average precision"].map(inSentence)).toEqual(["F1", "RMSE", "average precision"])
  })
})
