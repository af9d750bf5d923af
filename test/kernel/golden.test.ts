import { describe, expect, test } from "vitest"
import { KINDS, floats, vectors } from "./codec-support.ts"
import { codecSuite } from "./golden-codecs.ts"
import { hostileSuite } from "./golden-hostile.ts"
import { roundSuite } from "./golden-rounds.ts"
import { trainingSuite } from "./golden-training.ts"
import type { TrainingVectors } from "./golden.ts"
import { exp, log } from "./reference.ts"

describe.each(KINDS)("%s gives the golden bytes", (kind) => {
  codecSuite(kind)
  trainingSuite(kind)
  roundSuite(kind)
  hostileSuite(kind)
})

test("exp and log: the oracle's bits are numpy's, and close to the library's functions", () => {
  const { functions } = vectors<TrainingVectors>("training.json")
  for (const [name, f, library] of [
    ["exp", exp, Math.exp],
    ["log", log, Math.log],
  ] as const) {
    const x = floats(functions[name].x)
    const y = floats(functions[name].y)
    for (const [i, value] of x.entries()) {
      expect(f(value), `${name}(${value})`).toBe(y[i])
      const exact = library(Math.max(value, -87))
      expect(Math.abs(y[i]! - exact), `${name}(${value})`).toBeLessThan(
        1.2e-7 * Math.max(Math.abs(exact), name === "log" ? 1 : 0),
      )
    }
  }
})
