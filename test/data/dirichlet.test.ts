import { describe, expect, test } from "vitest"
import { NO_DEVICE, PURPOSE, RandomStream } from "../../src/core/random.ts"
import { dirichlet, logGamma, normal } from "../../src/data/dirichlet.ts"

const stream = (seed: number): RandomStream =>
  new RandomStream({ seed, round: 0, device: NO_DEVICE }, PURPOSE.partition)

function moments(draw: () => number, count: number): { mean: number; variance: number; fourth: number } {
  const values = Float64Array.from({ length: count }, draw)
  const mean = values.reduce((sum, v) => sum + v, 0) / count
  const central = (power: number) => values.reduce((sum, v) => sum + (v - mean) ** power, 0) / count
  return { mean, variance: central(2), fourth: central(4) }
}

// Each bound is five standard errors of the statistic.
test("normal: mean 0, variance 1, fourth moment 3", () => {
  const from = stream(11)
  const count = 100000
  const { mean, variance, fourth } = moments(() => normal(from), count)
  expect(Math.abs(mean)).toBeLessThan(5 / Math.sqrt(count))
  expect(Math.abs(variance - 1)).toBeLessThan(5 * Math.sqrt(2 / count))
  expect(Math.abs(fourth - 3)).toBeLessThan(5 * Math.sqrt(96 / count))
})

describe("gamma", () => {
  // E[log G] = digamma(shape), Var[log G] = trigamma(shape): mpmath psi(0, shape) and psi(1, shape).
  test.each([
    [0.05, -20.497844991299868, 401.5323573421151],
    [0.5, -1.9635100260214235, 4.934802200544679],
    [1, -0.5772156649015329, 1.6449340668482264],
    [2.5, 0.7031566406452432, 0.4903577561002348],
    [30, 3.384438132685525, 0.03389506035773994],
  ])("shape %f: mean and variance of the logarithm", (shape, digamma, trigamma) => {
    const from = stream(12)
    const count = 40000
    const { mean, variance, fourth } = moments(() => logGamma(shape, from), count)
    expect(Math.abs(mean - digamma)).toBeLessThan(5 * Math.sqrt(trigamma / count))
    expect(Math.abs(variance - trigamma)).toBeLessThan(5 * Math.sqrt((fourth - variance ** 2) / count))
  })
})

describe("dirichlet", () => {
  test.each([0.05, 0.3, 1, 10])("alpha %f: shares of mean 1/K and variance (K - 1) / (K^2 (K alpha + 1))", (alpha) => {
    const from = stream(13)
    const K = 8
    const draws = 5000
    const shares: number[] = []
    for (let i = 0; i < draws; i++) {
      const drawn = dirichlet(alpha, K, from)
      expect(Math.abs(drawn.reduce((sum, share) => sum + share, 0) - 1)).toBeLessThan(1e-12)
      shares.push(drawn[i % K]!)
    }
    const { mean, variance, fourth } = moments(() => shares.pop()!, draws)
    const expected = (K - 1) / (K * K * (K * alpha + 1))
    expect(Math.abs(mean - 1 / K)).toBeLessThan(5 * Math.sqrt(expected / draws))
    expect(Math.abs(variance - expected)).toBeLessThan(5 * Math.sqrt((fourth - variance ** 2) / draws))
  })

  test("a tiny alpha gives all to one, and no NaN", () => {
    const drawn = dirichlet(0.001, 50, stream(14))
    expect(Math.max(...drawn)).toBeGreaterThan(0.99)
    expect(drawn.every((share) => share >= 0 && share <= 1)).toBe(true)
  })
})
