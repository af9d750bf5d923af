import { describe, expect, it } from "vitest"
import { parseResult } from "../../src/core/result.ts"
import { openDataset } from "../../src/data/open.ts"
import { SyntheticDataset } from "../../src/data/synthetic.ts"
import { spreadOf } from "../../src/sim/client-spread.ts"
import { MOST_SHOWN, labelCounts, skewOf } from "../../src/sim/label-counts.ts"
import { planFor } from "../../src/sim/plan-for.ts"
import { simulate } from "../../src/sim/simulate.ts"

const telosb = await openDataset("telosb")

describe("a spread over clients", () => {
  it("has mean, deviation, quantiles and the worst tenth", () => {
    // 0 to 20 in any order: the quantiles are every other one; the worst 3 of 21 are 0, 1, 2, or 18, 19, 20.
    const values = Array.from({ length: 21 }, (_, i) => (8 * i) % 21)
    const spread = spreadOf(values, true)
    expect(spread.quantiles).toEqual([0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20])
    expect(spread.mean).toBe(10)
    expect(spread.deviation).toBeCloseTo(Math.sqrt((21 ** 2 - 1) / 12), 12)
    expect(spread.worstDecile).toBe(1)
    expect(spreadOf(values, false).worstDecile).toBe(19)
  })

  it("lies in a line between clients, and may be of one", () => {
    expect(spreadOf([1, 2], true).quantiles[3]).toBeCloseTo(1.3, 12)
    expect(spreadOf([5], false)).toEqual({ mean: 5, deviation: 0, worstDecile: 5, quantiles: Array(11).fill(5) })
  })
})

describe("classes of clients", () => {
  it("are skewed by half the distance of their shares", () => {
    expect(skewOf([])).toBe(0)
    expect(
      skewOf([
        [5, 5],
        [50, 50],
      ]),
    ).toBe(0)
    // One class each, of two, four and ten that are equally frequent: 1 - 1/k.
    for (const k of [2, 4, 10]) {
      const own = Array.from({ length: k }, (_, c) => Array.from({ length: k }, (_, l) => (l === c ? 7 : 0)))
      expect(skewOf(own)).toBeCloseTo(1 - 1 / k, 12)
    }
    // A client without samples has no distribution.
    expect(skewOf([[1, 1], [1, 1], [0, 0]])).toBe(0) // prettier-ignore
  })

  it("are counted for all clients of a small fleet", () => {
    const { clients } = labelCounts(telosb)
    expect(clients).toHaveLength(telosb.clients)
    clients.forEach(({ device, samples }, client) => {
      expect(device).toBe(telosb.id(client))
      expect(samples.reduce((sum, count) => sum + count, 0)).toBe(telosb.trainRows(client))
      expect(samples[1]).toBe(telosb.train(client).y.filter((label) => label === 1).length)
    })
  })

  it("are counted for some of a large one, from the first on", () => {
    const many = new SyntheticDataset({ alpha: 1, beta: 1, clients: 1000, seed: 1 })
    const { clients } = labelCounts(many)
    expect(clients).toHaveLength(MOST_SHOWN)
    expect(clients[0]!.device).toBe(many.id(0))
    expect(new Set(clients.map(({ device }) => device)).size).toBe(MOST_SHOWN)
  })
})

describe("a simulation that describes its clients", () => {
  it("says how the model serves them, consistently with the whole, and independently of the workers", async () => {
    const plan = planFor(telosb, { rounds: 3, seed: 2 })
    const options = { plan, dataset: telosb, baselines: false, describeClients: true }
    const { result } = await simulate(options)
    const { clients, labels } = parseResult(JSON.parse(JSON.stringify(result)))
    expect(clients!.count).toBe(telosb.clients)
    expect(Object.keys(clients!.metrics)).toEqual(["accuracy", "loss"])
    expect(labels!.clients).toHaveLength(telosb.clients)
    const { result: two } = await simulate({ ...options, workers: 2 })
    expect({ clients: two.clients, labels: two.labels }).toEqual({ clients: result.clients, labels: result.labels })
    // Of one client the spread is the whole.
    const one = await openDataset("telosb", { partition: "iid", clients: 1 })
    const alone = await simulate({ ...options, dataset: one, plan: planFor(one, { rounds: 1 }) })
    expect(alone.result.clients!.metrics.accuracy!.mean).toBeCloseTo(alone.result.final.metrics.accuracy!, 12)
    expect(alone.result.clients!.metrics.loss!.mean).toBeCloseTo(alone.result.final.metrics.loss!, 6)
  })

  it("says nothing of clients with layers of their own", async () => {
    const plan = planFor(telosb, { rounds: 1, model: { hidden: [4], private: { last: 1 } } })
    const { result } = await simulate({ plan, dataset: telosb, baselines: false, describeClients: true })
    expect(result.clients).toBeUndefined()
    expect(result.labels).toBeDefined()
  })
})
