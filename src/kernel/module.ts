import { readFileSync } from "node:fs"
import { createRequire } from "node:module"
import { fileURLToPath } from "node:url"
import { instantiateSync } from "@assemblyscript/loader"
import { KernelError } from "./error.ts"
import type { KernelKind } from "./types.ts"

// The part of the JavaScript API that is used here; the project's type libraries leave it out.
declare const WebAssembly: { Module: new (bytes: Uint8Array) => object; validate(bytes: Uint8Array): boolean }

/** Size of a page of WebAssembly memory. */
export const PAGE_BYTES = 65536

/** Largest memory of one instance: 2 GiB less one page, so that addresses stay positive as signed numbers. */
const MAX_BYTES = 2 ** 31 - PAGE_BYTES

/** The functions a module exports; every argument and result is a number (a pointer, a count or a value). */
export type KernelFunctions = { readonly [name: string]: (...values: number[]) => number }

/** A module with a memory of its own, whose size never changes. */
export interface KernelInstance {
  readonly kind: KernelKind
  readonly functions: KernelFunctions
  readonly memory: ArrayBuffer
  /** First byte of memory that the host may use. */
  readonly base: number
}

type Exports = KernelFunctions & { readonly memory: { readonly buffer: ArrayBuffer; grow?(pages: number): number } }

// Compiled once per process (per thread, in workers); instances are cheap.
const compiled = new Map<KernelKind, (pages: number) => Exports>()

/**
 * A new instance of the kernels with room for `bytes` bytes from its `base` on. Sizes memory once, before the first call.
 * Throws `KernelError` ("module") when there is no such memory, or the modules have not been built.
 */
export function instantiate(kind: KernelKind, bytes: number): KernelInstance {
  const make = compiled.get(kind) ?? compile(kind)
  compiled.set(kind, make)
  // The module's own constants lie below `base`, within the first page.
  const total = bytes + PAGE_BYTES
  if (!(total <= MAX_BYTES))
    throw new KernelError("module", `expected a kernel memory of at most ${MAX_BYTES} bytes, got ${total}`)
  const exports = make(Math.ceil(total / PAGE_BYTES))
  return { kind, functions: exports, memory: exports.memory.buffer, base: exports["base"]!() }
}

/** The fastest kind that this engine runs. */
export function defaultKind(): KernelKind {
  if (typeof WebAssembly === "undefined") return "js"
  // A module of one function `() -> v128`: valid where SIMD is.
  const probe = [
    0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11,
  ]
  return WebAssembly.validate(new Uint8Array(probe)) ? "simd" : "scalar"
}

function compile(kind: KernelKind): (pages: number) => Exports {
  if (kind === "js") {
    const path = fileURLToPath(new URL("../../dist/wasm/fedmote.scalar.js", import.meta.url))
    return built(path, () => createRequire(import.meta.url)(path) as { instantiate(pages: number): Exports })
      .instantiate
  }
  const path = fileURLToPath(new URL(`../../dist/wasm/fedmote.${kind}.wasm`, import.meta.url))
  const module = new WebAssembly.Module(built(path, () => readFileSync(path)))
  return (pages) => {
    const exports = instantiateSync(module, {}).exports as unknown as Exports
    const missing = pages - exports.memory.buffer.byteLength / PAGE_BYTES
    try {
      if (missing > 0) exports.memory.grow!(missing)
    } catch (cause) {
      throw new KernelError("module", `no memory of ${pages * PAGE_BYTES} bytes for the kernels`, { cause })
    }
    return exports
  }
}

function built<T>(path: string, load: () => T): T {
  try {
    return load()
  } catch (cause) {
    throw new KernelError("module", `cannot load ${path}: run \`npm run build:kernels\` first`, { cause })
  }
}
