import { readFileSync } from "node:fs"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { createAccumulator, createEncoder, createTrainer } from "../../src/kernel/index.ts"
import { sample } from "../kernel/codec-support.ts"
import { mlp } from "./mlp.ts"
import { measured } from "./result.ts"
import type { Measured } from "./result.ts"

const GROUP = "size"
const KEY = { seed: 1, round: 1, device: [1, 2] } as const
const PARAMETERS = 1000

/** Modules with all training and codec kernels, and the minimal profile for microcontrollers. */
function modules(): Measured[] {
  return (
    [
      ["fedmote.simd.wasm", 14 * 1024],
      ["fedmote.scalar.wasm", 14 * 1024],
      ["fedmote.mcu.wasm", 2 * 1024],
    ] as const
  ).map(([name, atMost]) => {
    const { length } = readFileSync(new URL(`../../dist/wasm/${name}`, import.meta.url))
    return measured({ group: GROUP, name, value: length, unit: "bytes", budget: { atMost } })
  })
}

/** Bytes of the JavaScript heap and of array buffers that a call leaves behind, once it is compiled; no object takes less than 8. */
function leftBy(work: () => void): number {
  setFlagsFromString("--expose-gc")
  const collect = runInNewContext("gc") as () => void
  const calls = 20_000
  for (let i = 0; i < 10 * calls; i++) work()
  let least = Infinity
  for (let attempt = 0; attempt < 5; attempt++) {
    collect()
    const before = process.memoryUsage()
    for (let i = 0; i < calls; i++) work()
    const after = process.memoryUsage()
    least = Math.min(least, after.heapUsed - before.heapUsed + after.arrayBuffers - before.arrayBuffers)
  }
  return Math.max(0, least / calls)
}

function perStep(): Measured {
  const rows = 16
  const samples = { rows, features: 8, x: sample("normal", rows * 8, 1), y: new Float32Array(rows) }
  const trainer = createTrainer(mlp(8, 8, 2), { batch: 4, rows })
  const settings = { epochs: 1e8, batch: 4, learningRate: 1e-6, momentum: 0, l2: 0, proximal: 0 }
  trainer.begin(trainer.init(KEY), samples, settings, KEY)
  const value = leftBy(() => trainer.advance(1))
  return measured({
    group: GROUP,
    name: "memory taken by a training step",
    value,
    unit: "bytes",
    budget: { atMost: 1 },
  })
}

function perUpdate(): Measured[] {
  const delta = sample("normal", PARAMETERS, 1, 0.01)
  return (["f32", "int8", "eden1"] as const).map((codec) => {
    const payload = createEncoder(PARAMETERS).encode(codec, delta, KEY).slice()
    const sums = createAccumulator({ size: PARAMETERS, gridExponent: -24, cohort: 1 << 24, weightCap: 16 })
    return measured({
      group: GROUP,
      name: `memory taken by folding an update, ${codec}`,
      value: leftBy(() => sums.fold(codec, payload, 1, KEY)),
      unit: "bytes",
      budget: { atMost: 1 },
    })
  })
}

/** What fits where: bytes of the modules, and what the kernels' callers allocate. */
export function bench(): Measured[] {
  return [...modules(), perStep(), ...perUpdate()]
}
