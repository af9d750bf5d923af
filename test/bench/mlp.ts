import type { ModelSpec } from "../../src/core/model.ts"

/** A softmax classifier of dense layers, relu in between: `mlp(inputs, hidden..., classes)`. */
export function mlp(...sizes: readonly number[]): ModelSpec {
  const [inputs, ...units] = sizes
  return {
    inputs: inputs!,
    layers: units.map((n, i) => ({ kind: "dense", units: n, activation: i < units.length - 1 ? "relu" : "identity" })),
    loss: "softmax",
    positiveWeight: 1,
  }
}
