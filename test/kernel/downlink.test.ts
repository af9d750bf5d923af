import { createHash } from "node:crypto"
import { describe, expect, test } from "vitest"
import { DOWNLINK_CODECS } from "../../src/core/plan.ts"
import { GlobalModel } from "../../src/core/global-model.ts"
import { createStrategy } from "../../src/core/strategy.ts"
import { createDecoder } from "../../src/kernel/codec-decode.ts"
import { createDownlink, downlinkKey } from "../../src/kernel/downlink.ts"
import { KernelError } from "../../src/kernel/error.ts"
import { KINDS, bytes, floats, hex, sample, squaredError, vectors } from "./codec-support.ts"
import type { Shape } from "./codec-support.ts"

/** test/vectors/kernels/downlink.json. */
interface Case {
  readonly codec: (typeof DOWNLINK_CODECS)[number]
  readonly seed: number
  readonly shared: readonly [number, number]
  readonly head: string
  readonly initial: string
  readonly means: readonly string[]
  readonly versions: readonly { readonly version: number; readonly payload: string; readonly digest: string }[]
  readonly model: string
}

const { cases } = vectors<{ readonly cases: readonly Case[] }>("downlink.json")
const average = (size: number) =>
  createStrategy({ name: "fedavg", serverLearningRate: 1, momentum: 0, beta1: 0, beta2: 0, tau: 1 }, size)
const bytesOf = (values: Float32Array) => new Uint8Array(values.buffer, values.byteOffset, values.byteLength)

describe.each(KINDS)("%s", (kind) => {
  test.each(cases)("a model is sent in the golden deltas ($codec, $shared)", (golden) => {
    const { codec, seed, shared, head, initial, means, versions } = golden
    const [from, to] = shared
    const downlink = createDownlink({ codec, seed, size: to - from, kind })
    const model = new GlobalModel(floats(initial), average(to - from), { shared: { from, to }, downlink })
    for (const [i, { version, payload, digest }] of versions.entries()) {
      model.commit(new Float64Array(bytes(means[i]!).buffer), 1, version)
      expect(model.delta).toEqual({ version, payload: bytes(payload) })
      const whole = Buffer.concat([bytes(head), bytesOf(model.devices)])
      expect(createHash("sha256").update(whole).digest("hex")).toBe(digest)
    }
    expect(head + hex(model.devices)).toBe(golden.model)
  })

  test.each(cases)("a device that adds them holds the golden model ($codec, $shared)", (golden) => {
    const { codec, seed, shared, head, initial, versions } = golden
    const held = floats(initial)
    const part = held.subarray(...shared)
    const decoder = createDecoder(part.length, kind)
    for (const { version, payload } of versions) {
      const change = decoder.decode(codec, bytes(payload), downlinkKey(seed, version))
      for (let i = 0; i < part.length; i++) part[i] = part[i]! + change[i]!
    }
    expect(head + hex(held)).toBe(golden.model)
  })
})

/** |w - m|^2 / |w|^2 after each of some rounds that each move the model by `sample(shape)`. */
function drift(codec: Case["codec"], shape: Shape, rounds: number): number[] {
  const size = 2048
  const model = new GlobalModel(new Float32Array(size), average(size), {
    downlink: createDownlink({ codec, seed: 3, size }),
  })
  return Array.from({ length: rounds }, (_, round) => {
    model.commit(Float64Array.from(sample(shape, size, round, 0.01)), 1)
    return squaredError(model.devices, model.exact)
  })
}

describe.each(DOWNLINK_CODECS)("%s", (codec) => {
  test("what one delta loses the next ones bring: devices stay near the exact model", () => {
    for (const shape of ["normal", "laplace", "lognormal"] as const) {
      const errors = drift(codec, shape, 12)
      // Carried, a biased codec's error does not grow; lost, it would stay the same part of the model for ever.
      expect(errors.at(-1)!, shape).toBeLessThan(errors[0]! / 2)
    }
  })

  test("no drift is a delta of zeros, and the next one goes on from there", () => {
    const downlink = createDownlink({ codec, seed: 1, size: 70 })
    const { payload, change } = downlink.quantise(new Float32Array(70), 1)
    expect([...change]).toEqual(Array(70).fill(0))
    expect(payload.every((byte) => byte === 0)).toBe(true)
    expect(downlink.quantise(new Float32Array(70).fill(0.5), 2).change[69]).toBeCloseTo(0.5, 0)
  })
})

test("versions have rotations of their own", () => {
  const drift = sample("normal", 256, 1)
  const downlink = createDownlink({ codec: "eden1", seed: 1, size: 256 })
  const payloads = [1, 2, 1].map((version) => hex(downlink.quantise(drift, version).payload))
  expect(payloads[2]).toBe(payloads[0])
  expect(payloads[1]).not.toBe(payloads[0])
})

test("a drift of another length, or that is not finite, is refused", () => {
  const downlink = createDownlink({ codec: "eden4", seed: 1, size: 3 })
  expect(() => downlink.quantise(new Float32Array(2), 1)).toThrow(KernelError)
  expect(() => downlink.quantise(Float32Array.of(1, NaN, 0), 1)).toThrow("expected finite values, got NaN")
})
