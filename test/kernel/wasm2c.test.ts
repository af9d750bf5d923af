import { describe, expect, test, vi } from "vitest"
import { instantiate } from "../../src/kernel/module.ts"
import { codecSuite } from "./golden-codecs.ts"
import { hostileSuite } from "./golden-hostile.ts"
import { roundSuite } from "./golden-rounds.ts"
import { trainingSuite } from "./golden-training.ts"

// In this file "scalar" is the C of wasm2c, compiled by gcc, under the same src/kernel and the same suites as the other three.
vi.mock("../../src/kernel/module.ts", async (original) => {
  const { buildWitness } = await import("./wasm2c.ts")
  const witness = buildWitness()
  return {
    ...(await original<typeof import("../../src/kernel/module.ts")>()),
    instantiate: (kind: string, bytes: number) => {
      if (kind !== "scalar") throw new Error(`expected the witness to be asked for, got ${kind}`)
      return witness(bytes)
    },
  }
})

describe("the scalar kernels as C give the golden bytes", () => {
  test("they are native code", () => {
    const { functions } = instantiate("scalar", 0)
    expect(functions["abi"]!()).toBe(1)
    expect(() => functions["peakBits"]!(2 ** 31 - 4, 1)).toThrow("the kernels trapped in peakBits")
  })

  codecSuite("scalar")
  trainingSuite("scalar")
  roundSuite("scalar")
  hostileSuite("scalar")
})
