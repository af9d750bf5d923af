import { execFileSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { main as asc } from "assemblyscript/asc"
import type { ModelSpec } from "../../src/core/model.ts"
import { Control } from "../../src/kernel/control.ts"
import { createEncoder, createTrainer } from "../../src/kernel/index.ts"
import type { KernelKind } from "../../src/kernel/index.ts"
import { measured, secondsOf } from "./result.ts"
import type { Measured } from "./result.ts"

const GROUP = "kernels"
const UNIT = "GFlop/s"
const root = fileURLToPath(new URL("../..", import.meta.url))

type Shape = readonly [inputs: number, units: number, batch: number]
type Rates = readonly [forward: number, weights: number, inputs: number]

const FIRST: Shape = [784, 200, 32]
const SWEEP: readonly Shape[] = [4, 10, 32, 64].flatMap((batch) =>
  (
    [
      [16, 16],
      [64, 64],
      [256, 256],
      [1024, 1024],
      [1024, 16],
      [16, 1024],
      [100, 50],
    ] as const
  ).map(([inputs, units]) => [inputs, units, batch] as const),
)

/** The dense passes on their own, which the modules do not export. */
const PASSES = `
import { BLOCK, deltas0, deltas1, last, layer, panel, weights } from "./assembly/layers"
import { backward, forward as through, weigh } from "./assembly/network"
export { base } from "./assembly/control"
export { setup } from "./assembly/layers"
export function forward(rows: i32, times: i32): void {
  for (; times > 0; times--) through(weights, rows)
}
export function gradient(rows: i32, times: i32): void {
  for (; times > 0; times--) {
    for (let from = 0; from < last.depth; from += BLOCK) {
      for (let p: usize = 0; p < <usize>last.panels; p++)
        weigh(last, layer(0), last.out, rows, p, from, min(from + BLOCK, last.depth), panel)
    }
    for (let p: usize = 0; p < <usize>last.panels; p++)
      weigh(last, layer(0), last.out, rows, p, last.depth, last.depth + 1, panel)
  }
}
export function inputs(rows: i32, times: i32): void {
  for (; times > 0; times--) backward(last, layer(0), weights, last.out, deltas1, rows)
}
export function fill(): void {
  for (let at = weights; at < deltas0; at += 4) store<f32>(at, <f32>((at * 5) % 13) / 64)
  for (let at = layer(0).out; at < layer(1).out; at += 4) store<f32>(at, <f32>((at * 7) % 17) / 16)
}
`

declare const WebAssembly: {
  Module: new (bytes: Uint8Array) => object
  Instance: new (module: object) => { readonly exports: unknown }
}

interface Passes {
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): number }
  base(): number
  setup(batch: number, rows: number): number
  fill(): void
  forward(rows: number, times: number): void
  gradient(rows: number, times: number): void
  inputs(rows: number, times: number): void
}

async function compilePasses(): Promise<object> {
  let binary: Uint8Array | undefined
  const { error, stderr } = await asc(["passes.ts", "--baseDir", root, "--target", "simd", "-o", "passes.wasm"], {
    readFile: (name, base) => {
      if (name === "passes.ts") return PASSES
      try {
        return readFileSync(join(base, name), "utf8")
      } catch {
        return null
      }
    },
    writeFile: (_name, contents) => {
      binary = contents as Uint8Array
    },
  })
  if (error !== null || binary === undefined) throw new Error(`the dense passes do not compile: ${String(stderr)}`)
  return new WebAssembly.Module(binary)
}

function dense(...sizes: readonly number[]): ModelSpec {
  const [inputs, ...units] = sizes
  return {
    inputs: inputs!,
    layers: units.map((n, i) => ({ kind: "dense", units: n, activation: i < units.length - 1 ? "relu" : "identity" })),
    loss: "softmax",
    positiveWeight: 1,
  }
}

function ratesOf(module: object, [inputs, units, batch]: Shape): Rates {
  const passes = new WebAssembly.Instance(module).exports as Passes
  const describe = (): void =>
    new Control({ memory: passes.memory.buffer, base: passes.base() }).describe(dense(inputs, units))
  describe()
  passes.memory.grow(Math.ceil(passes.setup(batch, batch) / 65536))
  passes.fill()
  const flops = 2 * inputs * units * batch
  const times = Math.ceil(2e6 / flops)
  const rate = (pass: (rows: number, times: number) => void): number =>
    (flops * times) / secondsOf(() => pass(batch, times), 50) / 1e9
  return [rate(passes.forward), rate(passes.gradient), rate(passes.inputs)]
}

/** What gcc makes of peak.c and dense.c; undefined where there is no gcc. */
function native(shapes: readonly Shape[]): { readonly peak: number; readonly rates: readonly Rates[] } | undefined {
  const folder = mkdtempSync(join(tmpdir(), "fedmote-bench-"))
  try {
    const run = (name: string, flag: string, values: readonly string[]): string => {
      const program = join(folder, name)
      execFileSync("gcc", ["-O3", flag, "-ffp-contract=off", "-o", program, join(root, "test", "bench", `${name}.c`)])
      return execFileSync(program, values, { encoding: "utf8" })
    }
    const peak = Number(run("peak", "-mavx", []))
    const lines = run("dense", "-msse4.2", shapes.flat().map(String)).trim().split("\n")
    return { peak, rates: lines.map((line) => line.split(" ").map(Number) as unknown as Rates) }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined
    throw error
  } finally {
    rmSync(folder, { recursive: true })
  }
}

const PASS_NAMES = ["forward", "weight gradient", "input gradient"] as const
const nameOf = ([inputs, units, batch]: Shape): string => `${inputs}x${units} batch ${batch}`

async function passes(): Promise<Measured[]> {
  const shapes = [FIRST, ...SWEEP]
  const module = await compilePasses()
  const rates = shapes.map((shape) => ratesOf(module, shape))
  const c = native(shapes)
  const results: Measured[] = []
  if (c) results.push(measured({ group: GROUP, name: "peak of 128-bit multiply + add", value: c.peak, unit: UNIT }))
  for (const [i, pass] of PASS_NAMES.entries()) {
    const name = `dense ${pass}, ${nameOf(FIRST)}`
    const value = rates[0]![i]!
    results.push(
      c
        ? measured({
            group: GROUP,
            name,
            value,
            unit: UNIT,
            against: "peak",
            ratio: value / c.peak,
            budget: { atLeast: 0.7 },
          })
        : measured({ group: GROUP, name, value, unit: UNIT }),
    )
    if (c)
      results.push(
        measured({
          group: GROUP,
          name: `${name}, against C`,
          value,
          unit: UNIT,
          against: "the same in C (gcc -O3 -msse4.2)",
          ratio: value / c.rates[0]![i]!,
          budget: { atLeast: 1 },
        }),
      )
  }
  // A shape counts as one figure: the three passes of a training step together.
  const together = (three: Rates): number => 3 / three.reduce((sum, rate) => sum + 1 / rate, 0)
  const all = rates.map(together)
  const best = all.indexOf(Math.max(...all))
  const worst = all.indexOf(Math.min(...all))
  results.push(
    measured({ group: GROUP, name: `best of the sweep, ${nameOf(shapes[best]!)}`, value: all[best]!, unit: UNIT }),
    measured({
      group: GROUP,
      name: `slowest of the sweep, ${nameOf(shapes[worst]!)}`,
      value: all[worst]!,
      unit: UNIT,
      against: "the best",
      ratio: all[worst]! / all[best]!,
      budget: { atLeast: 0.5 },
    }),
  )
  if (c) {
    const ratios = all.map((rate, i) => rate / together(c.rates[i]!))
    const least = ratios.indexOf(Math.min(...ratios))
    results.push(
      measured({
        group: GROUP,
        name: `least lead over C in the sweep, ${nameOf(shapes[least]!)}`,
        value: all[least]!,
        unit: UNIT,
        against: "the same in C (gcc -O3 -msse4.2)",
        ratio: ratios[least]!,
        budget: { atLeast: 1 },
      }),
    )
  }
  return results
}

const KEY = { seed: 1, round: 1, device: [1, 2] } as const

function stepSeconds(sizes: readonly number[], batch: number, kind: KernelKind): number {
  const spec = dense(...sizes)
  const rows = 4 * batch
  const classes = sizes.at(-1)!
  const samples = {
    rows,
    features: spec.inputs,
    x: Float32Array.from({ length: rows * spec.inputs }, (_, i) => ((i * 7) % 17) / 16),
    y: Float32Array.from({ length: rows }, (_, i) => i % classes),
  }
  const trainer = createTrainer(spec, { batch, rows }, kind)
  const settings = { epochs: 1e6, batch, learningRate: 1e-6, momentum: 0, l2: 0, proximal: 0 }
  trainer.begin(trainer.init(KEY), samples, settings, KEY)
  const steps = Math.ceil(1e6 / (sizes[0]! * sizes[1]! * batch)) * (kind === "simd" ? 4 : 1)
  return secondsOf(() => trainer.advance(steps), 100) / steps
}

function steps(): Measured[] {
  const models = [
    [66, 32, 6],
    [561, 64, 6],
    [784, 200, 200, 10],
  ]
  return models.flatMap((sizes) =>
    [32, 10].flatMap((batch) => {
      const simd = stepSeconds(sizes, batch, "simd")
      const name = `training step ${sizes.join("-")}, batch ${batch}`
      return [
        measured({ group: GROUP, name, value: simd * 1e6, unit: "us" }),
        ...(["scalar", "js"] as const).map((kind) => {
          const seconds = stepSeconds(sizes, batch, kind)
          return measured({
            group: GROUP,
            name: `${name}, ${kind}`,
            value: seconds * 1e6,
            unit: "us",
            against: "SIMD",
            ratio: seconds / simd,
          })
        }),
      ]
    }),
  )
}

/** All that a simulated client costs in kernels: 610 parameters, 20 samples, one epoch at batch 10, delta, int8. */
function client(): Measured {
  const spec = dense(60, 10)
  const samples = {
    rows: 20,
    features: 60,
    x: Float32Array.from({ length: 1200 }, (_, i) => ((i * 7) % 17) / 16),
    y: Float32Array.from({ length: 20 }, (_, i) => i % 10),
  }
  const trainer = createTrainer(spec, { batch: 10, rows: 20 })
  const encoder = createEncoder(trainer.parameters)
  const start = trainer.init(KEY)
  const settings = { epochs: 1, batch: 10, learningRate: 0.01, momentum: 0, l2: 0, proximal: 0 }
  const clients = 200
  const seconds = secondsOf(() => {
    for (let i = 0; i < clients; i++) {
      trainer.train(start, samples, settings, KEY)
      encoder.encode("int8", trainer.delta(), KEY)
    }
  }, 200)
  return measured({
    group: GROUP,
    name: "client of 610 parameters and 20 samples: train, delta, int8",
    value: (seconds / clients) * 1e6,
    unit: "us",
  })
}

export async function bench(): Promise<Measured[]> {
  return [...(await passes()), ...steps(), client()]
}
