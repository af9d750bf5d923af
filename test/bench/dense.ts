import { execFileSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { main as asc } from "assemblyscript/asc"
import { Control } from "../../src/kernel/control.ts"
import { mlp } from "./mlp.ts"
import { leastSecondsOf, measured } from "./result.ts"
import type { Measured } from "./result.ts"

const GROUP = "kernels"
const UNIT = "GFlop/s"
const AGAINST_C = "the same in C (gcc -O3 -msse4.2, loops aligned)"
/** Aligned, since the same loop in C is up to a quarter slower or faster by where it happens to lie. */
const C_FLAGS = ["-O3", "-ffp-contract=off", "-falign-functions=64", "-falign-loops=64"]
const root = fileURLToPath(new URL("../..", import.meta.url))

/** Ours and C by turns, the best of all turns: both see the machine's quiet moments. */
const TURNS = 6
const BUDGET_MS = 15

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
      const to = from + BLOCK < last.depth ? from + BLOCK : last.depth + 1
      for (let p: usize = 0; p < <usize>last.panels; p++) weigh(last, layer(0), last.out, rows, p, from, to, panel)
    }
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

/** GFlop/s of the three passes; only real flops count. */
function ratesOf(module: object, [inputs, units, batch]: Shape): Rates {
  const passes = new WebAssembly.Instance(module).exports as Passes
  new Control({ memory: passes.memory.buffer, base: passes.base() }).describe(mlp(inputs, units))
  passes.memory.grow(Math.ceil(passes.setup(batch, batch) / 65536))
  passes.fill()
  const flops = 2 * inputs * units * batch
  const times = Math.ceil(4e6 / flops)
  const rate = (pass: (rows: number, times: number) => void): number =>
    (flops * times) / leastSecondsOf(() => pass(batch, times), BUDGET_MS) / 1e9
  return [rate(passes.forward), rate(passes.gradient), rate(passes.inputs)]
}

/** What gcc makes of peak.c and dense.c. */
interface Native {
  peak(): number
  rates(shapes: readonly Shape[]): readonly Rates[]
}

/** Runs `work` with the C programs; with undefined where there is no gcc. */
function withNative<T>(work: (native: Native | undefined) => T): T {
  const folder = mkdtempSync(join(tmpdir(), "fedmote-bench-"))
  const compile = (name: string, flag: string): ((values: readonly string[]) => string) => {
    const program = join(folder, name)
    execFileSync("gcc", [...C_FLAGS, flag, "-o", program, join(root, "test", "bench", `${name}.c`)])
    return (values) => execFileSync(program, values, { encoding: "utf8" }).trim()
  }
  const build = (): Native | undefined => {
    try {
      const [peak, dense] = [compile("peak", "-mavx"), compile("dense", "-msse4.2")]
      return {
        peak: () => Number(peak([])),
        rates: (shapes) =>
          dense([String(BUDGET_MS), ...shapes.flat().map(String)])
            .split("\n")
            .map((line) => line.split(" ").map(Number) as unknown as Rates),
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined
      throw error
    }
  }
  try {
    return work(build())
  } finally {
    rmSync(folder, { recursive: true })
  }
}

interface Sweep {
  readonly ours: readonly Rates[]
  readonly c?: { readonly peak: number; readonly rates: readonly Rates[] }
}

function better(a: Rates | undefined, b: Rates): Rates {
  return a ? [Math.max(a[0], b[0]), Math.max(a[1], b[1]), Math.max(a[2], b[2])] : b
}

function sweep(module: object, shapes: readonly Shape[]): Sweep {
  return withNative((native) => {
    let ours: readonly Rates[] = []
    let rates: readonly Rates[] = []
    let peak = 0
    for (let turn = 0; turn < TURNS; turn++) {
      ours = shapes.map((shape, i) => better(ours[i], ratesOf(module, shape)))
      if (!native) continue
      peak = Math.max(peak, native.peak())
      rates = native.rates(shapes).map((rate, i) => better(rates[i], rate))
    }
    return native ? { ours, c: { peak, rates } } : { ours }
  })
}

const PASS_NAMES = ["forward", "weight gradient", "input gradient"] as const
const nameOf = ([inputs, units, batch]: Shape): string => `${inputs}x${units} batch ${batch}`

/** The three passes at one shape, against the peak and against C. */
function passesOf(
  shape: Shape,
  ours: Rates,
  c: { readonly peak: number; readonly rates: Rates } | undefined,
): Measured[] {
  return PASS_NAMES.flatMap((pass, i) => {
    const row = { group: GROUP, name: `dense ${pass}, ${nameOf(shape)}`, value: ours[i]!, unit: UNIT }
    if (!c) return [measured(row)]
    return [
      measured({ ...row, against: "peak", ratio: ours[i]! / c.peak, budget: { atLeast: 0.7 } }),
      measured({
        ...row,
        name: `${row.name}, against C`,
        against: AGAINST_C,
        ratio: ours[i]! / c.rates[i]!,
        budget: { atLeast: 1 },
      }),
    ]
  })
}

/** Dense passes on their own: one shape in detail, and the extremes of a sweep, where a shape counts as one figure: its three passes together. */
export async function densePasses(): Promise<Measured[]> {
  const shapes = [FIRST, ...SWEEP]
  const { ours, c } = sweep(await compilePasses(), shapes)
  const together = (three: Rates): number => 3 / three.reduce((sum, rate) => sum + 1 / rate, 0)
  const all = ours.map(together)
  const best = all.indexOf(Math.max(...all))
  const worst = all.indexOf(Math.min(...all))
  const results = [
    ...(c ? [measured({ group: GROUP, name: "peak of 128-bit multiply + add", value: c.peak, unit: UNIT })] : []),
    ...passesOf(FIRST, ours[0]!, c && { peak: c.peak, rates: c.rates[0]! }),
    measured({
      group: GROUP,
      name: "dense, the slowest shape of the sweep",
      value: all[worst]!,
      unit: UNIT,
      against: `${nameOf(shapes[worst]!)} against the best, ${nameOf(shapes[best]!)}`,
      ratio: all[worst]! / all[best]!,
      budget: { atLeast: 0.5 },
    }),
  ]
  if (!c) return results
  const leads = all.map((rate, i) => rate / together(c.rates[i]!))
  const least = leads.indexOf(Math.min(...leads))
  return [
    ...results,
    measured({
      group: GROUP,
      name: "dense, the least lead over C in the sweep",
      value: all[least]!,
      unit: UNIT,
      against: `${nameOf(shapes[least]!)} against ${AGAINST_C}`,
      ratio: leads[least]!,
      budget: { atLeast: 1 },
    }),
  ]
}
