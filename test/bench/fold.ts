import { createAccumulator, createEncoder } from "../../src/kernel/index.ts"
import { measured, secondsOf } from "./result.ts"
import type { Measured } from "./result.ts"

const SIZE = 100_000
const UPDATES = 64

/** Decoding and exact folding, against a loop that adds in float64 and is exact in no order. */
export function fold(): Measured[] {
  const delta = Float32Array.from({ length: SIZE }, (_, i) => Math.sin(i) / 100)
  const key = { seed: 1, round: 1, device: [1, 2] as const }
  const plain = new Float64Array(SIZE)
  const naive = secondsOf(() => {
    for (let i = 0; i < SIZE; i++) plain[i] = plain[i]! + 10 * delta[i]!
  })
  return (["f32", "int8"] as const).map((codec) => {
    const payload = createEncoder(SIZE).encode(codec, delta, key).slice()
    const accumulator = createAccumulator({ size: SIZE, gridExponent: -30, cohort: 1 << 20, weightCap: 1024 })
    const seconds = secondsOf(() => accumulator.fold(codec, payload, 10, key))
    return measured({
      group: "fold",
      name: `decode and fold ${codec}`,
      value: SIZE / seconds / 1e6,
      unit: "M parameters/s",
      against: "float64 additions in JavaScript",
      ratio: naive / seconds,
      budget: { atLeast: 0.5 },
    })
  })
}

/** Memory that stays after folding many updates: it must not grow with their number. */
export function foldMemory(): Measured[] {
  const key = { seed: 1, round: 1, device: [1, 2] as const }
  const payload = createEncoder(SIZE).encode("int8", new Float32Array(SIZE).fill(0.01), key).slice()
  const accumulator = createAccumulator({ size: SIZE, gridExponent: -30, cohort: 1 << 20, weightCap: 1024 })
  const bytes = (): number => process.memoryUsage().arrayBuffers + process.memoryUsage().external
  accumulator.fold("int8", payload, 1, key)
  const before = bytes()
  for (let i = 0; i < UPDATES; i++) accumulator.fold("int8", payload, 1, key)
  const grown = Math.max(0, bytes() - before)
  return [
    measured({
      group: "fold",
      name: `memory that ${UPDATES} more updates take`,
      value: grown / 1024,
      unit: "KiB",
      against: "the updates themselves",
      ratio: grown / (UPDATES * payload.length),
      budget: { atMost: 0.05 },
    }),
  ]
}
