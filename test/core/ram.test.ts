import { expect, test } from "vitest"
import { parsePlan } from "../../src/core/plan.ts"
import { ramEstimateKiB } from "../../src/core/ram.ts"

test.each([
  // 2 weights and a bias: 4 x (3 x 3 + 2 x 1 + 2 x 2) + 1024 = 1084 bytes.
  ["a linear model of two features", { features: 2, labels: [], hidden: "none" as const }, 2],
  // (60 + 1) x 32 + (32 + 1) x 10 = 2282 parameters, 42 units: 4 x (6846 + 84 + 120) + 1024 = 29224 bytes.
  ["60-32-10", { features: 60, labels: Array.from({ length: 10 }, (_, i) => i), hidden: [32] }, 29],
  // 4 x 3000 + 1024 = 13024 bytes.
  ["a custom model of 1000 parameters", { loss: "custom" as const, parameters: 1000 }, 13],
])("%s takes %s KiB", (_, model, kib) => {
  expect(ramEstimateKiB(parsePlan({ model }))).toBe(kib)
})
