import { readFileSync } from "node:fs"
import binaryen from "binaryen"

/** Modules of nobody's, in WebAssembly's text format. */

/** Words of the control block that `setup` writes, by their offsets. */
const WORDS = {
  0: 2, // inputs
  4: 2, // squared
  88: 3, // parameters
  92: 1, // outputs
  96: 4096, // start
  100: 8192, // result
  104: 12288, // candidate
  108: 16384, // x
  112: 20480, // y
  116: 24576, // predictions
  120: 0,
  124: 0,
}

/** A module that follows the training ABI and does nothing: squared loss, two inputs, three parameters. Each export can be another. */
const HONEST = {
  memory: `(memory (export "memory") 1)`,
  abi: `(func (export "abi") (result i32) i32.const 1)`,
  base: `(func (export "base") (result i32) i32.const 1024)`,
  setup: setup({}),
  init: `(func (export "init"))`,
  begin: `(func (export "begin"))`,
  advance: `(func (export "advance") (param i32) (result i32) i32.const 1)`,
  // One step of two samples.
  collect: `(func (export "collect") (i32.store (i32.const 1176) (i32.const 2)) (i32.store (i32.const 1180) (i32.const 1)))`,
  evaluate: `(func (export "evaluate") (param i32))`,
  predict: `(func (export "predict"))`,
}

/** `setup` with other words, or that says it needs other memory. */
export function setup(words: Readonly<Record<number, number>>, bytes = 65536): string {
  const stores = Object.entries({ ...WORDS, ...words }).map(
    ([at, word]) => `(i32.store (i32.const ${1024 + Number(at)}) (i32.const ${word}))`,
  )
  return `(func (export "setup") (param i32 i32) (result i32) ${stores.join(" ")} i32.const ${bytes})`
}

/** The honest module with these parts in place of its own, and more of them. */
export function moduleWith(parts: Partial<Record<keyof typeof HONEST, string>> = {}, more = ""): Uint8Array {
  return assemble(`(module ${more} ${Object.values({ ...HONEST, ...parts }).join(" ")})`)
}

export function assemble(text: string): Uint8Array {
  const module = binaryen.parseText(text)
  try {
    module.setFeatures(binaryen.Features.All)
    return module.emitBinary()
  } finally {
    module.dispose()
  }
}

/** One of Fedmote's own modules. */
export function ownModule(name: "simd" | "scalar" | "mcu"): Uint8Array {
  return new Uint8Array(readFileSync(new URL(`../../dist/wasm/fedmote.${name}.wasm`, import.meta.url)))
}

/** Rows of the self-test's samples (assembly/README.md). */
const SELF_TEST_ROWS = 22

/** Fedmote's scalar kernels, but a step traps where there are more samples than the self-test has: what shows with real data alone. */
export function trapsOnRealData(): Uint8Array {
  return withStep(
    `(if (i32.gt_u (i32.load offset=16 (call $base)) (i32.const ${SELF_TEST_ROWS})) (then (unreachable)))`,
  )
}

/** The same, but a step with real data does not come to an end. */
export function hangsOnRealData(): Uint8Array {
  return withStep(`(loop $on (br_if $on (i32.gt_u (i32.load offset=16 (call $base)) (i32.const ${SELF_TEST_ROWS}))))`)
}

/** Fedmote's scalar kernels under another name: their bytes, and so their digest, are others. */
export function scalarNamed(name: string): Uint8Array {
  const module = binaryen.readBinary(ownModule("scalar"))
  try {
    module.addCustomSection("fedmote", new TextEncoder().encode(name))
    return module.emitBinary()
  } finally {
    module.dispose()
  }
}

/** Fedmote's scalar kernels with something before each `advance`; `$base` is the function that gives the control block's address. */
function withStep(before: string): Uint8Array {
  const module = binaryen.readBinary(ownModule("scalar"))
  try {
    module.setFeatures(binaryen.Features.All)
    const [base, advance] = ["base", "advance"].map((name) => exportedFunction(module, name))
    module.removeExport("advance")
    const text = module.emitText()
    const body = before.replaceAll("$base", `$${base!}`)
    const step = `(func (export "advance") (param i32) (result i32) ${body} (call $${advance!} (local.get 0)))`
    return assemble(`${text.trimEnd().replace(/\)$/, "")} ${step})`)
  } finally {
    module.dispose()
  }
}

function exportedFunction(module: binaryen.Module, name: string): string {
  return binaryen.getExportInfo(module.getExport(name)).value
}
