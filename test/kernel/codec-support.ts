import { readFileSync } from "node:fs"
import type { CodecName } from "../../src/core/codec.ts"
import { type RandomKey, RandomStream } from "../../src/core/random.ts"
import type { EncodeOptions, KernelKind } from "../../src/kernel/types.ts"

export const KINDS: readonly KernelKind[] = ["simd", "scalar", "js"]

interface Key {
  readonly seed: number
  readonly round: number
  readonly device: [number, number]
}

/** test/vectors/kernels/codecs.json. */
export interface CodecVectors {
  readonly keys: readonly Key[]
  readonly inputs: Readonly<Record<string, string>>
  readonly cases: readonly (EncodeOptions & {
    readonly input: string
    readonly codec: CodecName
    readonly key: number
    readonly payload: string
    readonly decoded: string
  })[]
}

/** test/vectors/kernels/fold.json. */
export interface FoldVectors {
  readonly cases: readonly {
    readonly codec: CodecName
    readonly n: number
    readonly cohort: number
    readonly weightCap: number
    readonly largestDelta: number
    readonly g: number
    readonly seed: number
    readonly round: number
    readonly updates: readonly {
      readonly device: [number, number]
      readonly weight: number
      readonly payload: string
    }[]
    readonly weight: number
    readonly sum: string
  }[]
  readonly transform: {
    readonly key: Key
    readonly codec: CodecName
    readonly n: number
    readonly g: number
    readonly updates: readonly { readonly weight: number; readonly payload: string }[]
    readonly sum: string
  }
}

/** One of the golden files, made by test/vectors/kernels/make.py. */
export function vectors<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(`../vectors/kernels/${name}`, import.meta.url), "utf8")) as T
}

export function hex(values: Uint8Array | Float32Array | Float64Array): string {
  return Buffer.from(values.buffer, values.byteOffset, values.byteLength).toString("hex")
}

export function bytes(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, "hex"))
}

export function floats(text: string): Float32Array {
  return new Float32Array(bytes(text).buffer)
}

export function keyOf(round: number, device = 1): RandomKey {
  return { seed: 20, round, device: [device, 9] }
}

export type Shape = "normal" | "laplace" | "lognormal"

/** `n` random values of about this size, the same in every run. */
export function sample(shape: Shape, n: number, seed: number, size = 1): Float32Array {
  const random = new RandomStream({ seed, round: 0, device: [0, 0] }, 8)
  const unit = () => (random.next() + 0.5) / 2 ** 32
  const normal = () => Math.sqrt(-2 * Math.log(unit())) * Math.cos(2 * Math.PI * unit())
  const draw = {
    normal,
    laplace: () => Math.log(unit() / unit()),
    lognormal: () => Math.exp(normal()) * (unit() < 0.5 ? -1 : 1),
  }[shape]
  return Float32Array.from({ length: n }, () => draw() * size)
}

/** |a - b|^2 / |b|^2. */
export function squaredError(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let error = 0
  let norm = 0
  for (let i = 0; i < b.length; i++) {
    error += (a[i]! - b[i]!) ** 2
    norm += b[i]! ** 2
  }
  return error / norm
}
