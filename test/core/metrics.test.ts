import { readFileSync } from "node:fs"
import { describe, expect, it } from "vitest"
import { SCORE_BINS, evaluationTotals, evaluationVector } from "../../src/core/evaluation.ts"
import type { EvaluationSums } from "../../src/core/evaluation.ts"
import {
  METRICS_OF,
  accuracy,
  accuracyAt,
  averagePrecision,
  bestThreshold,
  f1At,
  macroF1,
  metricsOf,
} from "../../src/core/metrics.ts"

const reference = JSON.parse(readFileSync(new URL("statistics.json", import.meta.url), "utf8")) as {
  binary: {
    name: string
    bins: number[]
    labels: number[]
    averagePrecision: number
    accuracy: number
    f1: Record<string, number>
    bestF1: number
  }[]
  multiclass: { name: string; classes: number; confusion: number[]; accuracy: number; f1: number }[]
  regression: { rows: number; squaredError: number; absoluteError: number; rmse: number; mae: number }
}

const histogramOf = (bins: readonly number[], labels: readonly number[]): Uint32Array => {
  const histogram = new Uint32Array(2 * SCORE_BINS)
  bins.forEach((bin, i) => histogram[labels[i]! * SCORE_BINS + bin]!++)
  return histogram
}

describe.each(reference.binary)("binary metrics: $name", (expected) => {
  const histogram = histogramOf(expected.bins, expected.labels)

  it("are scikit-learn's", () => {
    expect(averagePrecision(histogram)).toBeCloseTo(expected.averagePrecision, 12)
    expect(accuracyAt(histogram, 128)).toBeCloseTo(expected.accuracy, 12)
    for (const [bin, f1] of Object.entries(expected.f1)) expect(f1At(histogram, Number(bin))).toBeCloseTo(f1, 12)
  })

  it("have the best F1 of scikit-learn's curve at the best threshold", () => {
    expect(f1At(histogram, bestThreshold(histogram))).toBeCloseTo(expected.bestF1, 12)
  })
})

describe("best threshold", () => {
  it("lies in the middle between separable classes", () => {
    // Every bin from 31 to 200 separates them.
    expect(bestThreshold(histogramOf([10, 30, 200, 255], [0, 0, 1, 1]))).toBe(116)
  })
  it("is one half where there is no positive", () => {
    expect(bestThreshold(histogramOf([10, 200], [0, 0]))).toBe(128)
    expect(bestThreshold(new Uint32Array(2 * SCORE_BINS))).toBe(128)
  })
})

describe.each(reference.multiclass)("multiclass metrics: $name", ({ classes, confusion, ...expected }) => {
  it("are scikit-learn's", () => {
    expect(accuracy(confusion, classes)).toBeCloseTo(expected.accuracy, 12)
    expect(macroF1(confusion, classes)).toBeCloseTo(expected.f1, 12)
  })
})

const NOTHING: EvaluationSums = {
  rows: 0,
  lossSum: 0,
  confusion: new Uint32Array(0),
  histogram: new Uint32Array(0),
  squaredError: 0,
  absoluteError: 0,
}

describe("metrics of an evaluation", () => {
  it("of a regression are scikit-learn's", () => {
    const { rows, squaredError, absoluteError, rmse, mae } = reference.regression
    const vector = evaluationVector("squared", 0, {
      ...NOTHING,
      rows,
      lossSum: squaredError / 2,
      squaredError,
      absoluteError,
    })
    const metrics = metricsOf("squared", 0, evaluationTotals("squared", 0, vector))
    expect(metrics.rmse).toBeCloseTo(rmse, 12)
    expect(metrics.mae).toBeCloseTo(mae, 12)
    expect(metrics.loss).toBeCloseTo(rmse ** 2 / 2, 12)
    expect(Object.keys(metrics)).toEqual(METRICS_OF.squared)
  })

  it("of a binary model choose the threshold on training scores", () => {
    const histogram = histogramOf([100, 130, 160, 190], [0, 1, 0, 1])
    const train = histogramOf([170, 180], [0, 1])
    const confusion = Uint32Array.of(1, 1, 0, 2)
    const vector = evaluationVector("logistic", 2, { ...NOTHING, rows: 4, lossSum: 2, confusion, histogram }, train)
    const metrics = metricsOf("logistic", 2, evaluationTotals("logistic", 2, vector))
    // Above bin 170 one of the two positives is called, and no negative: F1 = 2/3. AP = (1 + 2/3) / 2.
    expect(metrics).toEqual({ averagePrecision: (1 + 2 / 3) / 2, f1: 2 / 3, accuracy: 0.75, loss: 0.5 })
    expect(Object.keys(metrics)).toEqual(METRICS_OF.logistic)
  })

  it("of several devices are those of their sum", () => {
    const device = (confusion: number[], lossSum: number): Float32Array =>
      evaluationVector("softmax", 2, { ...NOTHING, rows: 4, lossSum, confusion: Uint32Array.from(confusion) })
    const a = device([2, 0, 1, 1], 1)
    const b = device([1, 1, 0, 2], 0.5)
    const totals = evaluationTotals(
      "softmax",
      2,
      a.map((value, i) => value + b[i]!),
    )
    // Class 0: 3 hits, 4 called, 4 true; class 1: 3 hits, 4 called, 4 true.
    expect(metricsOf("softmax", 2, totals)).toEqual({ accuracy: 0.75, f1: 0.75, loss: 1.5 / 8 })
    expect(Object.keys(metricsOf("softmax", 2, totals))).toEqual(METRICS_OF.softmax)
  })

  it("are none where nothing was evaluated", () => {
    expect(metricsOf("squared", 0, evaluationTotals("squared", 0, evaluationVector("squared", 0, NOTHING)))).toEqual({})
  })
})

describe("an evaluation vector", () => {
  it("refuses counts that float32 cannot carry, and shapes that do not fit", () => {
    expect(() => evaluationVector("squared", 0, { ...NOTHING, rows: 2 ** 24 })).toThrow(
      "expected counts below 16777216 in rows, got 16777216",
    )
    expect(() => evaluationVector("softmax", 3, NOTHING)).toThrow("expected 9 values of confusion counts, got 0")
    expect(() => evaluationTotals("softmax", 3, new Float64Array(14))).toThrow("expected 15 sums, got 14")
  })

  it("holds integers only", () => {
    const vector = evaluationVector("squared", 0, {
      ...NOTHING,
      rows: 3,
      lossSum: 0.1,
      squaredError: 1e-9,
      absoluteError: 12.5,
    })
    for (const value of vector) expect(Number.isInteger(value)).toBe(true)
  })
})
