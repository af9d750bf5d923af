import { readFileSync, existsSync } from "node:fs"
import { describe, expect, test } from "vitest"
import { createStrategy, type StrategySettings } from "../../src/core/strategy.ts"

const settings = (over: Partial<StrategySettings>): StrategySettings => ({
  name: "fedavg",
  serverLearningRate: 1,
  momentum: 0.9,
  beta1: 0.9,
  beta2: 0.99,
  tau: 1e-3,
  ...over,
})

/** Applies `mean` so many times to `w0` and returns the models in between. */
function run(over: Partial<StrategySettings>, w0: number[], mean: number[], times: number, shrink = 1): number[][] {
  const strategy = createStrategy(settings(over), w0.length)
  const model = Float64Array.from(w0)
  return Array.from({ length: times }, (_, i) => {
    strategy.apply(
      model,
      Float64Array.from(mean, (d) => d * shrink ** i),
    )
    return [...model]
  })
}

const close = (got: number[], want: number[]) => got.forEach((value, i) => expect(value).toBeCloseTo(want[i]!, 9))

describe("server strategies against the toy values of Reddi et al.'s recursion (v0 = 0, tau = 1e-3, eta = .01)", () => {
  const delta = [0.1, -0.2, 0.05]
  test.each([
    ["fedadam", [1.0090909091, 1.0043776282, 1.0023172283]],
    ["fedyogi", [1.0090909091, 1.004382142, 1.002333037]],
    ["fedadagrad", [1.000990099, 1.0005003543, 1.00028743]],
  ] as const)("%s", (name, want) => {
    const strategy = createStrategy(settings({ name, serverLearningRate: 0.01 }), 1)
    const model = Float64Array.of(1)
    const got = delta.map((d) => {
      strategy.apply(model, Float64Array.of(d))
      return model[0]!
    })
    close(got, [...want])
  })
})

const vectors = new URL("../../../shared/vectors/strategies.json", import.meta.url)
describe.skipIf(!existsSync(vectors))(
  "server strategies against ../shared/vectors/strategies.json (skipped where it is absent)",
  () => {
    const v = existsSync(vectors) ? JSON.parse(readFileSync(vectors, "utf8")) : {}
    // The adaptive entries leave out the seventh client, the outlier, and halve the deltas from step to step.
    const meanOf = (clients: number) => {
      const n: number[] = (v.inputs?.num_examples ?? []).slice(0, clients)
      const total = n.reduce((a, b) => a + b, 0)
      return [0, 1, 2].map((i) => n.reduce((a, weight, k) => a + v.inputs.deltas[k][i] * weight, 0) / total)
    }
    test("fedavg weighted", () => close(run({}, v.inputs.w0, meanOf(7), 1)[0]!, v.fedavg_weighted))
    test("fedadam without bias correction", () =>
      run({ name: "fedadam", serverLearningRate: 0.1 }, v.inputs.w0, meanOf(6), 3, 0.5).forEach((model, i) =>
        close(model, v["fedadam_reddi no bias correction, v0=0"][i]),
      ))
    test("fedavgm", () =>
      run({ name: "fedavgm" }, v.inputs.w0, meanOf(6), 3, 0.5).forEach((model, i) =>
        close(model, v["fedavgm_flower lr1 beta0.9"][i]),
      ))
    test("fedyogi", () =>
      run({ name: "fedyogi", serverLearningRate: 0.01 }, v.inputs.w0, meanOf(6), 3, 0.5).forEach((model, i) =>
        close(model, v["fedyogi_flower eta.01 b.9/.99 tau1e-3"][i]),
      ))
  },
)

test("fedavgm: m = beta m + mean, by hand for beta = .5, eta = 2", () => {
  close(run({ name: "fedavgm", momentum: 0.5, serverLearningRate: 2 }, [0], [1], 3).flat(), [2, 5, 8.5])
})

test("a restored strategy goes on as the first one", () => {
  const first = createStrategy(settings({ name: "fedadam" }), 2)
  const model = Float64Array.of(1, -1)
  first.apply(model, Float64Array.of(0.5, 0.25))
  const second = createStrategy(settings({ name: "fedadam" }), 2)
  second.restore(first.state().map((part) => part.slice()))
  const copy = model.slice()
  first.apply(model, Float64Array.of(0.1, 0.2))
  second.apply(copy, Float64Array.of(0.1, 0.2))
  expect(copy).toEqual(model)
})
