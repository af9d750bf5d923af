import { describe, expect, test } from "vitest"
import { createDecoder } from "../../src/kernel/codec-decode.ts"
import { createEncoder } from "../../src/kernel/encoder.ts"
import { type Shape, keyOf, sample, squaredError } from "./codec-support.ts"

const SIZE = 16384

// vNMSE at d = 16384 (Vargaftik et al. 2022; exact asymptotics pi/2 - 1 and D / (1 - D) of the Lloyd-Max quantisers), and, for blocks of 1024,
// the reference's Monte-Carlo values: heavy tails do a little better, since every block has a scale of its own.
const EDEN = {
  eden1: { normal: 0.57, laplace: 0.57, lognormal: 0.561 },
  eden2: { normal: 0.132, laplace: 0.133, lognormal: 0.13 },
  eden4: { normal: 0.00956, laplace: 0.00956, lognormal: 0.00932 },
} as const
// Integer blocks of 64, from the same table.
const BLOCKS = {
  int8: { normal: 7.02e-5, laplace: 1.23e-4, lognormal: 2.42e-4 },
  int4: { normal: 0.0232, laplace: 0.04, lognormal: 0.0796 },
  "int4-nearest": { normal: 0.0116, laplace: 0.0198, lognormal: 0.0379 },
} as const
const SHAPES: readonly Shape[] = ["normal", "laplace", "lognormal"]

/** Mean over vectors and keys of the relative squared error. */
function meanError(codec: keyof typeof EDEN | keyof typeof BLOCKS, shape: Shape, vectors: number): number {
  const encoder = createEncoder(SIZE)
  const decoder = createDecoder(SIZE)
  let sum = 0
  for (let i = 0; i < vectors; i++) {
    const x = sample(shape, SIZE, 100 + i, 0.01)
    const key = keyOf(7, i)
    sum += squaredError(decoder.decode(codec, encoder.encode(codec, x, key), key), x)
  }
  return sum / vectors
}

describe("quality at d = 16384", () => {
  for (const [codec, table] of Object.entries(EDEN) as [keyof typeof EDEN, (typeof EDEN)["eden1"]][]) {
    test.each(SHAPES)(`${codec}, %s: within 3 percent of the reference`, (shape) => {
      const error = meanError(codec, shape, 20)
      expect(error).toBeGreaterThan(table[shape] * 0.97)
      expect(error).toBeLessThan(table[shape] * 1.03)
    })
  }

  for (const [codec, table] of Object.entries(BLOCKS) as [keyof typeof BLOCKS, (typeof BLOCKS)["int8"]][]) {
    test.each(SHAPES)(`${codec}, %s: near the reference`, (shape) => {
      // The bfloat16 scale is up to 1/128 above the one of the reference; samples with heavy tails differ more.
      const tolerance = shape === "lognormal" ? 0.08 : 0.04
      const error = meanError(codec, shape, 20)
      expect(error).toBeGreaterThan(table[shape] * (1 - tolerance))
      expect(error).toBeLessThan(table[shape] * (1 + tolerance))
    })
  }

  test("the biased scale has the smaller error: 1 - 2/pi at one bit, .1175 at two", () => {
    const encoder = createEncoder(SIZE)
    const decoder = createDecoder(SIZE)
    const x = sample("normal", SIZE, 5)
    const error = (codec: "eden1" | "eden2") => {
      const payload = encoder.encode(codec, x, keyOf(1), { biased: true })
      return squaredError(decoder.decode(codec, payload, keyOf(1)), x)
    }
    expect(Math.abs(error("eden1") / 0.36338 - 1)).toBeLessThan(0.03)
    expect(Math.abs(error("eden2") / 0.11748 - 1)).toBeLessThan(0.03)
  })
})

describe("unbiased: the mean over keys approaches the vector", () => {
  const TRIALS = 3000
  const size = 1024

  // Variance of one trial, relative to the squared norm; the mean of TRIALS has 1/TRIALS of it, a biased codec keeps its floor (eden1: .13).
  test.each([
    ["int8", 7.1e-5],
    ["int4", 0.0235],
    ["eden1", 0.571],
    ["eden2", 0.1331],
    ["eden4", 0.00965],
  ] as const)("%s", (codec, variance) => {
    const encoder = createEncoder(size)
    const decoder = createDecoder(size)
    const x = sample("normal", size, 3)
    const mean = new Float64Array(size)
    for (let i = 0; i < TRIALS; i++) {
      const key = keyOf(i)
      const back = decoder.decode(codec, encoder.encode(codec, x, key), key)
      for (let j = 0; j < size; j++) mean[j]! += back[j]! / TRIALS
    }
    // The bfloat16 scales add at most (2^-9)^2 / 3 = 1.3e-6 on average.
    expect(squaredError(mean, x)).toBeLessThan((1.2 * variance) / TRIALS + 1.3e-6)
  })

  test("int8: a value between two levels is rounded up as often as it should be", () => {
    // 64 values: one of 127, which makes the scale 1, and 63 of k/63.
    const x = Float32Array.from({ length: 64 }, (_, i) => (i === 63 ? 127 : i / 63))
    const encoder = createEncoder(64)
    const ups = new Float64Array(64)
    const trials = 20000
    for (let i = 0; i < trials; i++) {
      const payload = encoder.encode("int8", x, keyOf(i))
      for (let j = 0; j < 64; j++) ups[j]! += payload[2 + j]!
    }
    for (let j = 0; j < 63; j++) {
      const p = j / 63
      // Five standard deviations.
      expect(Math.abs(ups[j]! / trials - p)).toBeLessThanOrEqual(5 * Math.sqrt((p * (1 - p)) / trials) + 2 ** -17)
    }
    expect(ups[63]! / trials).toBe(127)
  })

  test("the errors of devices with keys of their own average out", () => {
    const devices = 64
    const encoder = createEncoder(1024)
    const decoder = createDecoder(1024)
    const x = sample("normal", 1024, 9)
    const mean = new Float64Array(1024)
    for (let i = 0; i < devices; i++) {
      const key = keyOf(3, i)
      const back = decoder.decode("eden1", encoder.encode("eden1", x, key), key)
      for (let j = 0; j < 1024; j++) mean[j]! += back[j]! / devices
    }
    const error = squaredError(mean, x)
    expect(error).toBeGreaterThan((0.5708 / devices) * 0.8)
    expect(error).toBeLessThan((0.5708 / devices) * 1.2)
  })
})

test("payload sizes are the reference's (algorithms 1.9) for 10,000 parameters and more, but for the scales of the tail", async () => {
  const { payloadBytes } = await import("../../src/kernel/codec.ts")
  const table = [
    [10_000, 5_020, 2_520, 1_270],
    [100_000, 50_196, 25_196, 12_696],
    [500_000, 250_978, 125_978, 63_478],
  ] as const
  for (const [size, four, two, one] of table) {
    for (const [codec, bytes] of [
      ["eden4", four],
      ["eden2", two],
      ["eden1", one],
    ] as const) {
      expect(payloadBytes(codec, size)).toBeGreaterThanOrEqual(bytes)
      expect(payloadBytes(codec, size)).toBeLessThanOrEqual(bytes + 16)
    }
  }
  expect(payloadBytes("eden1", 199_210) * 31).toBeLessThan(payloadBytes("f32", 199_210))
})
