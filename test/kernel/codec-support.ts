import { readFileSync } from "node:fs"
import { type RandomKey, RandomStream } from "../../src/core/random.ts"
import type { KernelKind } from "../../src/kernel/types.ts"

export const KINDS: readonly KernelKind[] = ["simd", "scalar", "js"]

/** One of the golden files; golden.ts describes them. */
export function vectors<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(`../vectors/kernels/${name}`, import.meta.url), "utf8")) as T
}

export function hex(values: Uint8Array | Float32Array | Float64Array): string {
  return Buffer.from(values.buffer, values.byteOffset, values.byteLength).toString("hex")
}

export function bytes(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(Buffer.from(text, "hex"))
}

export function floats(text: string): Float32Array {
  return new Float32Array(bytes(text).buffer)
}

export function doubles(text: string): Float64Array {
  return new Float64Array(bytes(text).buffer)
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
