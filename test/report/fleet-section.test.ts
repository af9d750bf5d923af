import { describe, expect, it } from "vitest"
import type { Result } from "../../src/core/result.ts"
import { fleetSection } from "../../src/report/fleet-section.ts"
import type { FleetGroup } from "../../src/report/fleet-section.ts"
import { funnelOf } from "../../src/report/funnel.ts"
import { labelPicture } from "../../src/report/label-picture.ts"
import { meanSpread } from "../../src/report/spread-chart.ts"
import { exampleSimulation } from "./example.ts"

const textOf = (groups: readonly FleetGroup[]): string => {
  const section = fleetSection(groups)
  return "text" in section ? section.text : ""
}
const without = (...keys: readonly (keyof Result)[]): Result => {
  const result = { ...exampleSimulation() }
  for (const key of keys) delete result[key]
  return result
}

describe("the funnel", () => {
  it("sums devices over rounds and runs, and what became of the selected", () => {
    const result = exampleSimulation()
    // 30 rounds: 10 ready, 9 selected, 8 folded; in one of them 7, with one late.
    expect(funnelOf([result])).toEqual({ ready: 300, selected: 270, folded: 239, late: 1, refused: 0, others: 30 })
    expect(funnelOf([result, result])).toMatchObject({ ready: 600, folded: 478, others: 60 })
  })

  it("is not made up where a result does not say it", () => {
    const result = exampleSimulation()
    const rounds = result.rounds.map(({ participation: _participation, ...round }) => round)
    expect(funnelOf([result, { ...result, rounds }])).toBeUndefined()
  })

  it("counts none as lost where late updates of other rounds are folded", () => {
    const result = exampleSimulation()
    const round = { ...result.rounds[0]!, folded: 12 }
    expect(funnelOf([{ ...result, rounds: [round] }])!.others).toBe(0)
  })
})

describe("the section of the fleet", () => {
  it("has the funnel, the spread over clients and the classes", () => {
    const text = textOf([{ label: "", results: [exampleSimulation()] }])
    for (const part of [
      "239",
      "lost or not needed",
      "Accuracy of the final model",
      "0.900",
      "Worst tenth",
      "skew 0.250",
    ])
      expect(text).toContain(part)
  })

  it("has only what the results have", () => {
    const result = without("clients", "labels")
    expect(textOf([{ label: "", results: [{ ...result, rounds: [] }] }])).toBe("")
    expect(textOf([{ label: "", results: [result] }])).not.toContain("<svg")
    expect(fleetSection([])).toEqual([])
  })

  it("has a funnel for each group, and one where all are the same", () => {
    const result = exampleSimulation()
    const fewer = { ...result, rounds: result.rounds.slice(1) }
    const funnels = (...results: readonly Result[]): number =>
      textOf(results.map((each, i) => ({ label: `run ${i}`, results: [each] }))).match(/summed over rounds/g)!.length
    expect(funnels(result, fewer)).toBe(2)
    expect(funnels(result, result)).toBe(1)
  })

  it("shows groups side by side, with the mean of their runs, and the same data once", () => {
    const low = exampleSimulation()
    const accuracy = low.clients!.metrics.accuracy!
    const high = { ...low, clients: { count: 8, metrics: { accuracy: { ...accuracy, worstDecile: 0.7 } } } }
    const text = textOf([
      { label: "epochs 1", results: [low, high] },
      { label: "epochs <5>", results: [low] },
    ])
    expect(text.match(/<polyline/g)).toHaveLength(2)
    expect(text).toContain("0.800")
    expect(text).toContain("epochs &lt;5&gt;")
    expect(text.match(/class="figure labels"/g)).toHaveLength(1)
  })
})

describe("the mean of spreads", () => {
  it("is taken number by number", () => {
    const { accuracy } = exampleSimulation().clients!.metrics
    const twice = { ...accuracy!, mean: 0.85, quantiles: accuracy!.quantiles.map((value) => value - 0.1) }
    const { mean, quantiles, deviation } = meanSpread([accuracy!, twice])
    expect(mean).toBeCloseTo(0.9, 12)
    expect(quantiles[10]).toBeCloseTo(0.95, 12)
    expect(deviation).toBeCloseTo(0.03, 12)
  })
})

describe("the picture of classes", () => {
  const dots = (text: string): number[] => [...text.matchAll(/ r="([0-9.]+)"/g)].map(([, r]) => Number(r))

  it("has a dot for each class that a client has, whose area is the number of samples", () => {
    const samples = [
      [400, 0],
      [0, 100],
    ]
    const clients = samples.map((own, i) => ({ device: `c${i}`, samples: own }))
    const { text } = labelPicture({ skew: 0.5, clients }, ["still", "walking"])
    const [large, small] = dots(text)
    expect(dots(text)).toHaveLength(2)
    expect(small! / large!).toBeCloseTo(0.5, 2)
    expect(text).toContain("walking")
  })

  it("has bars for the samples of a regression, and escapes names", () => {
    const clients = [
      { device: "a&b", samples: [50] },
      { device: "c", samples: [100] },
    ]
    const { text } = labelPicture({ skew: 0, clients })
    expect(text.match(/<rect/g)).toHaveLength(2)
    expect(text).toContain("a&amp;b: 50 samples")
  })
})
