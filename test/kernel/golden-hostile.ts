import { createHash } from "node:crypto"
import { expect, test } from "vitest"
import { createAccumulator } from "../../src/kernel/accumulator.ts"
import { createDecoder } from "../../src/kernel/codec-decode.ts"
import { KernelError } from "../../src/kernel/error.ts"
import type { KernelKind } from "../../src/kernel/types.ts"
import { bytes, vectors } from "./codec-support.ts"
import type { HostileVectors } from "./golden.ts"

const { codecs, n, key, cohort, weightCap, g, weight } = vectors<HostileVectors>("hostile.json")

// What the error says of each fault; a length is seen before its parts where it follows from the number of parameters.
const FAULTS = {
  parts: ["payload", /a payload whose parts fit its length|expected (at most )?\d+ bytes/],
  scale: ["payload", /scales that are finite and not negative/],
  value: ["payload", /values within the codec's range/],
  bound: ["bound", /\|weight x value\| within the grid's bound/],
} as const

/** Payloads that must be refused without a trace, and their neighbours that must not, against independent verdicts. */
export function hostileSuite(kind: KernelKind): void {
  test.each(codecs)("hostile payloads: $codec", ({ codec, sum, cases, ...golden }) => {
    const good = bytes(golden.payload)
    const sums = createAccumulator({ size: n, gridExponent: g, cohort, weightCap, kind })
    const decoder = createDecoder(n, kind)
    const before = new Float64Array(n)
    for (const { what, length = good.length, patches, fault, ...accepted } of cases) {
      const payload = changed(good, patches, length)
      sums.reset(g)
      sums.fold(codec, good, weight, key)
      before.set(sums.sum)
      expect(digest(sums.sum), what).toBe(sum)
      const error = refusal(() => sums.fold(codec, payload, weight, key))
      if (fault === undefined) {
        expect(error, what).toBeUndefined()
        expect(digest(sums.sum), what).toBe(accepted.sum)
        expect([sums.count, sums.weight], what).toEqual([2, 2 * weight])
        continue
      }
      expect([error?.name, error?.code], what).toEqual(["KernelError", FAULTS[fault][0]])
      expect(error?.message, what).toMatch(FAULTS[fault][1])
      expect(Buffer.compare(rawBytes(sums.sum), rawBytes(before)), what).toBe(0)
      expect([sums.count, sums.weight], what).toEqual([1, weight])
      // The decoder has no bound but float32's range.
      if (fault !== "bound") expect(refusal(() => decoder.decode(codec, payload, key))?.code, what).toBe("payload")
    }
  })
}

function changed(good: Uint8Array, patches: readonly (readonly [number, string])[], length: number): Uint8Array {
  const payload = new Uint8Array(Math.max(length, good.length))
  payload.set(good)
  for (const [at, patch] of patches) payload.set(bytes(patch), at)
  return payload.subarray(0, length)
}

function refusal(act: () => unknown): KernelError | undefined {
  try {
    act()
  } catch (error) {
    if (error instanceof KernelError) return error
    throw error
  }
  return undefined
}

function rawBytes(values: Float64Array): Buffer {
  return Buffer.from(values.buffer, values.byteOffset, values.byteLength)
}

function digest(values: Float64Array): string {
  return createHash("sha256").update(rawBytes(values)).digest("hex")
}
