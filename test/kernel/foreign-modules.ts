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
