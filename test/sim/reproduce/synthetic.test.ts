import { describe, expect, it } from "vitest"
import type { Dataset } from "../../../src/data/dataset.ts"
import { gathered } from "../../../src/data/held-out.ts"
import { fedproxSynthetic, scheduleOf } from "../../../src/sim/reproduce/fedprox-synthetic.ts"
import { reproduce } from "../../../src/sim/reproduce/reproduce.ts"
import { syntheticDataset } from "../../../src/sim/reproduce/synthetic.ts"

/** Mean and deviation of one feature of a client. */
function moments(dataset: Dataset, client: number, feature: number): { mean: number; deviation: number } {
  const { rows, features, x } = dataset.train(client)
  const values = Array.from({ length: rows }, (_, row) => x[row * features + feature]!)
  const mean = values.reduce((sum, value) => sum + value, 0) / rows
  return { mean, deviation: Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / rows) }
}

function clientsOf(dataset: Dataset): number[] {
  return Array.from({ length: dataset.clients }, (_, client) => client)
}

describe("synthetic data", () => {
  const seed = 11
  const iid = syntheticDataset({ heterogeneity: "iid", seed })
  const varied = syntheticDataset({ heterogeneity: { alpha: 1, beta: 1 }, seed })

  it("has 30 devices of 50 samples and more, nine tenths of them for training, and is a function of its seed", () => {
    expect(iid.clients).toBe(30)
    let largest = 0
    for (const client of clientsOf(iid)) {
      const rows = iid.trainRows(client) + iid.testRows(client)
      largest = Math.max(largest, rows)
      expect(rows).toBeGreaterThanOrEqual(50)
      expect(iid.trainRows(client)).toBe(Math.floor(0.9 * rows))
    }
    // exp(4 + 2 z): the largest of thirty is far from the median, exp(4) + 50 = 105.
    expect(largest).toBeGreaterThan(500)
    expect(syntheticDataset({ heterogeneity: "iid", seed }).train(3)).toEqual(iid.train(3))
    expect(syntheticDataset({ heterogeneity: "iid", seed: 12 }).train(3)).not.toEqual(iid.train(3))
  })

  it("has features of variance j^-1.2, around 0 where devices are alike and around means of their own where not", () => {
    for (const dataset of [iid, varied]) {
      const client = clientsOf(dataset).reduce((a, b) => (dataset.trainRows(b) > dataset.trainRows(a) ? b : a))
      const error = 4 / Math.sqrt(dataset.trainRows(client))
      expect(Math.abs(moments(dataset, client, 0).deviation - 1)).toBeLessThan(error)
      // 60^-0.6
      expect(Math.abs(moments(dataset, client, 59).deviation / 0.0857 - 1)).toBeLessThan(error)
    }
    const means = (dataset: Dataset): number[] => clientsOf(dataset).map((client) => moments(dataset, client, 59).mean)
    for (const mean of means(iid)) expect(Math.abs(mean)).toBeLessThan(0.1)
    // Means have a variance of 2: one for the device, one for the feature.
    const square = means(varied).reduce((sum, mean) => sum + mean * mean, 0) / 30
    expect(square).toBeGreaterThan(0.7)
    expect(square).toBeLessThan(5)
  })

  it("has ten classes of sixty features, most of which occur", () => {
    expect(new Set(gathered(iid, "train").y).size).toBeGreaterThan(5)
    expect(iid.features).toHaveLength(60)
    expect(iid.classes).toHaveLength(10)
  })
})

describe("a schedule of stragglers", () => {
  const dataset = syntheticDataset({ heterogeneity: "iid", seed: 1 })
  const ids = clientsOf(dataset).map((client) => dataset.id(client))
  const full = (device: string): number => 20 * Math.ceil(dataset.trainRows(ids.indexOf(device)) / 10)

  it("takes ten devices a round, the share of them with 1 to 19 of 20 epochs", () => {
    const rounds = scheduleOf(dataset, 0.9, false, 1, 50)
    for (const round of rounds) {
      expect(new Set(round.map(({ device }) => device)).size).toBe(10)
      expect(round.filter(({ device, steps }) => steps === full(device))).toHaveLength(1)
      for (const { device, steps } of round) expect(steps).toBeGreaterThanOrEqual(full(device) / 20)
    }
    expect(new Set(rounds.flatMap((round) => round.map(({ device }) => device))).size).toBe(30)
  })

  it("leaves them out for FedAvg: the same devices otherwise", () => {
    const kept = scheduleOf(dataset, 0.5, false, 1, 5)
    const left = scheduleOf(dataset, 0.5, true, 1, 5)
    for (const [i, round] of left.entries()) {
      expect(round).toHaveLength(5)
      expect(kept[i]!.slice(0, 5)).toEqual(round)
    }
  })
})

describe("fedprox-synthetic", () => {
  it("compares methods on the same data, and claims that FedProx has the lower loss", async () => {
    const experiment = fedproxSynthetic({
      seeds: 2,
      rounds: 20,
      cases: [
        {
          data: "1, 1",
          stragglers: 0.9,
          methods: [
            { proximal: null, reference: [0.698, 0.794] },
            { proximal: 1, reference: [0.365, 0.863] },
          ],
        },
      ],
    })
    const one = await reproduce(experiment, { data: ".", seed: 1, workers: 1 })
    const two = await reproduce(experiment, { data: ".", seed: 1, workers: 2 })
    expect(two.rows).toEqual(one.rows)
    expect(one.rows.map(({ method }) => method)).toEqual(["FedAvg", "FedProx, mu = 1"])
    const [plain, proximal] = one.rows.map(({ loss }) => loss as number)
    expect(one.claims).toHaveLength(1)
    expect(one.claims[0]!.value).toBeCloseTo(proximal! / plain!, 12)
    // One device's model, and another one's in the next round: FedAvg swings.
    expect(proximal).toBeLessThan(plain!)
    expect(one.holds).toBe(true)
  })
})
