import { expect, test } from "vitest"
import { parsePlan } from "../../src/core/plan.ts"
import { leastRamBytes } from "../../src/core/ram.ts"

const digits = { features: 60, labels: Array.from({ length: 10 }, (_, i) => i), hidden: [32] }

test.each([
  // 2 weights and a bias, 1 unit, 2 features: 4 x (6 + 2 + 4).
  ["a linear model of two features", { model: { features: 2, labels: [], hidden: "none" as const } }, 48],
  // (60 + 1) x 32 + (32 + 1) x 10 = 2282 parameters, 42 units: 4 x (4564 + 84 + 120).
  ["60-32-10", { model: digits }, 19072],
  ["60-32-10 with momentum", { model: digits, train: { momentum: 0.9 } }, 28200],
  ["60-32-10, not standardised", { model: { ...digits, standardize: false } }, 18592],
  ["a custom model of 1000 parameters", { model: { loss: "custom" as const, parameters: 1000 } }, 8000],
])("%s takes %s bytes", (_, plan, bytes) => {
  expect(leastRamBytes(parsePlan(plan))).toBe(bytes)
})
