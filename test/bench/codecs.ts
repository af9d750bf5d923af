import type { CodecName } from "../../src/core/codec.ts"
import { gridExponent } from "../../src/core/grid.ts"
import { createAccumulator, createDecoder, createEncoder, payloadBytes } from "../../src/kernel/index.ts"
import type { KernelKind } from "../../src/kernel/index.ts"
import { type Shape, sample, squaredError } from "../kernel/codec-support.ts"
import { measured, secondsOf } from "./result.ts"
import type { Measured } from "./result.ts"

// The 2NN of the FedAvg paper.
const SIZE = 199_210
const COHORT = 1 << 20
const KEY = { seed: 1, round: 1, device: [1, 2] as const }
const UNIT = "M parameters/s"
const BUDGET_MS = 200

/** M parameters/s, at least. */
const FOLD_BUDGETS: Partial<Record<CodecName, number>> = { int8: 3000, eden1: 800, eden2: 800, eden4: 800 }
const ENCODE_BUDGETS: Partial<Record<CodecName, number>> = { int8: 400, int4: 400, eden1: 400, eden2: 400, eden4: 400 }

function foldSeconds(codec: CodecName, delta: Float32Array, kind: KernelKind): number {
  const payload = createEncoder(SIZE, kind).encode(codec, delta, KEY)
  const g = gridExponent(COHORT, 1024, 16)
  const sums = createAccumulator({ size: SIZE, gridExponent: g, cohort: COHORT, weightCap: 1024, kind })
  return secondsOf(() => sums.fold(codec, payload, 10, KEY), BUDGET_MS)
}

function encodeSeconds(codec: CodecName, delta: Float32Array, kind: KernelKind): number {
  const encoder = createEncoder(SIZE, kind)
  return secondsOf(() => encoder.encode(codec, delta, KEY), BUDGET_MS)
}

/** Speed of one codec, with a budget where there is one, and what SIMD gains. */
function speed(name: string, simd: number, scalar: number, budget: number | undefined): Measured[] {
  return [
    measured({
      group: "codecs",
      name,
      value: SIZE / simd / 1e6,
      unit: UNIT,
      ...(budget === undefined ? {} : { budget: { atLeast: budget } }),
    }),
    measured({
      group: "codecs",
      name: `${name}, scalar`,
      value: SIZE / scalar / 1e6,
      unit: UNIT,
      against: "SIMD",
      ratio: simd / scalar,
    }),
  ]
}

/** The plain way to add an int8 update, exact in no order: float64 sums in JavaScript. */
function plainFold(delta: Float32Array): Measured {
  const payload = createEncoder(SIZE).encode("int8", delta, KEY).slice()
  const view = new DataView(payload.buffer)
  const sum = new Float64Array(SIZE)
  const bits = new Uint32Array(1)
  const scale = new Float32Array(bits.buffer)
  const plain = secondsOf(() => {
    for (let from = 0, at = 0; from < SIZE; from += 64) {
      bits[0] = view.getUint16(at, true) << 16
      at += 2
      const step = 10 * scale[0]!
      const end = Math.min(from + 64, SIZE)
      for (let i = from; i < end; i++) sum[i] = sum[i]! + step * view.getInt8(at++)
    }
  }, BUDGET_MS)
  const simd = foldSeconds("int8", delta, "simd")
  return measured({
    group: "codecs",
    name: "fold int8, against plain JavaScript",
    value: SIZE / simd / 1e6,
    unit: UNIT,
    against: "a JavaScript loop, not exact",
    ratio: plain / simd,
    budget: { atLeast: 1.5 },
  })
}

/** Error of one update against the quantiser's own: pi/2 - 1, and D / (1 - D) of Lloyd-Max at two and four bits. */
function quality(): Measured[] {
  const size = 16384
  const vectors = 10
  const encoder = createEncoder(size)
  const decoder = createDecoder(size)
  const errorOf = (codec: CodecName, shape: Shape): number => {
    let error = 0
    for (let i = 0; i < vectors; i++) {
      const x = sample(shape, size, i)
      const key = { ...KEY, round: i }
      error += squaredError(decoder.decode(codec, encoder.encode(codec, x, key), key), x) / vectors
    }
    return error
  }
  return (
    [
      ["eden1", 0.571],
      ["eden2", 0.133],
      ["eden4", 0.0097],
    ] as const
  ).flatMap(([codec, reference]) =>
    (["normal", "laplace", "lognormal"] as const).map((shape) => {
      const error = errorOf(codec, shape)
      return measured({
        group: "codecs",
        name: `${codec}, vNMSE at d = ${size}, ${shape}`,
        value: error,
        unit: "of the squared norm",
        against: `${reference}`,
        ratio: error / reference,
        budget: { atMost: 1.03 },
      })
    }),
  )
}

/** Bytes on the wire: against f32, and against what blocks of 1024 with a scale of two bytes come to; here the tail has scales of its own. */
function payloads(): Measured[] {
  const size = 100_000
  const tabulated = { eden4: 50_196, eden2: 25_196, eden1: 12_696 }
  return [
    ...(["int8", "eden4", "eden2", "eden1"] as const).map((codec) => {
      const bytes = payloadBytes(codec, SIZE)
      return measured({
        group: "codecs",
        name: `${codec}, payload of ${SIZE} parameters`,
        value: bytes,
        unit: "bytes",
        against: "f32",
        ratio: bytes / payloadBytes("f32", SIZE),
        ...(codec === "eden1" ? { budget: { atMost: 1 / 31 } } : {}),
      })
    }),
    ...(["eden4", "eden2", "eden1"] as const).map((codec) => {
      const bytes = payloadBytes(codec, size)
      return measured({
        group: "codecs",
        name: `${codec}, payload of ${size} parameters`,
        value: bytes,
        unit: "bytes",
        against: `${tabulated[codec]}`,
        ratio: bytes / tabulated[codec],
        budget: { atMost: 1.005 },
      })
    }),
  ]
}

/** Codecs at one thread: speed of folding and encoding, error, bytes. */
export function bench(): Measured[] {
  const delta = sample("normal", SIZE, 1, 0.01)
  const rows: Measured[] = []
  for (const codec of ["f32", "int8", "int4", "eden1", "eden2", "eden4", "topk"] as const) {
    const [simd, scalar] = [foldSeconds(codec, delta, "simd"), foldSeconds(codec, delta, "scalar")]
    rows.push(...speed(`fold ${codec}`, simd, scalar, FOLD_BUDGETS[codec]))
  }
  rows.push(plainFold(delta))
  for (const codec of ["int8", "int8-nearest", "int4", "eden1", "eden2", "eden4", "topk"] as const) {
    const [simd, scalar] = [encodeSeconds(codec, delta, "simd"), encodeSeconds(codec, delta, "scalar")]
    rows.push(...speed(`encode ${codec}`, simd, scalar, ENCODE_BUDGETS[codec]))
  }
  return [...rows, ...quality(), ...payloads()]
}
