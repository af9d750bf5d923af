import { instantiateSync } from "@assemblyscript/loader"
import { KernelError } from "./error.ts"
import { PAGE_BYTES } from "./module.ts"
import type { KernelFunctions } from "./module.ts"
import { readWasm } from "./wasm-binary.ts"
import type { WasmModule } from "./wasm-binary.ts"

// The part of the JavaScript API that is used here; the project's type libraries leave it out.
declare const WebAssembly: { Module: new (bytes: Uint8Array) => object }

/** The version of the training ABI that this host speaks (assembly/README.md). */
export const TRAINING_ABI = 1

/** Exports of the training ABI, and their types. */
const EXPORTS: ReadonlyMap<string, string> = new Map([
  ["abi", "() -> i32"],
  ["base", "() -> i32"],
  ["setup", "(i32 i32) -> i32"],
  ["init", "() -> nothing"],
  ["begin", "() -> nothing"],
  ["advance", "(i32) -> i32"],
  ["collect", "() -> nothing"],
  ["evaluate", "(i32) -> nothing"],
  ["predict", "() -> nothing"],
])

const MOST_PAGES = 32767

/** What a module is seen to be before it runs. */
export interface ModuleFacts {
  readonly sizeBytes: number
  /** What an engine must have: WebAssembly 1.0, or SIMD and what came with it. */
  readonly features: "mvp" | "simd"
  /** Of its initial memory. */
  readonly memoryBytes: number
}

/** An instance whose memory is as large as it was asked for, and stays so. */
export interface ModuleInstance {
  readonly functions: KernelFunctions
  readonly memory: ArrayBuffer
  /** Address of the control block. */
  readonly base: number
}

/** A training program that is not Fedmote's own: whatever exports the training ABI and imports nothing. Nothing of it has run yet. */
export class TrainingModule {
  readonly facts: ModuleFacts
  readonly #compiled: object
  readonly #most: number

  /** Throws `KernelError` ("module") for bytes that are no WebAssembly module, or none of the training ABI, with everything that is wrong with it. */
  constructor(bytes: Uint8Array) {
    this.#compiled = compiled(bytes)
    const module = readWasm(bytes)
    const wrong = faultsOf(module)
    if (wrong.length > 0) throw new KernelError("module", `no training module: ${wrong.join("; ")}`)
    const { needs, memory } = module
    this.facts = {
      sizeBytes: bytes.length,
      features: needs === "mvp" ? "mvp" : "simd",
      memoryBytes: memory!.least * PAGE_BYTES,
    }
    this.#most = Math.min(memory!.most ?? MOST_PAGES, MOST_PAGES) * PAGE_BYTES
  }

  /** An instance with `bytes` of memory, or with what the module begins with where that is more. Throws `KernelError` ("module"). */
  instantiate(bytes: number): ModuleInstance {
    if (bytes > this.#most)
      throw new KernelError("module", `expected a memory of at most ${this.#most} bytes, the module needs ${bytes}`)
    const exports = running(() => instantiateSync(this.#compiled, {})).exports as unknown as KernelFunctions & {
      readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): number }
    }
    const missing = Math.ceil(bytes / PAGE_BYTES) - exports.memory.buffer.byteLength / PAGE_BYTES
    if (missing > 0) exports.memory.grow(missing)
    const functions: Record<string, (...values: number[]) => number> = {}
    for (const name of EXPORTS.keys()) functions[name] = (...values) => running(() => exports[name]!(...values))
    const [abi, base] = [functions["abi"]!(), functions["base"]!()]
    if (abi !== TRAINING_ABI) throw new KernelError("module", `expected a module of ABI ${TRAINING_ABI}, got ${abi}`)
    if (!(base >= 0 && base % 64 === 0 && base + CONTROL_BYTES <= exports.memory.buffer.byteLength))
      throw new KernelError(
        "module",
        `expected a control block within memory, at a multiple of 64, got address ${base}`,
      )
    return { functions, memory: exports.memory.buffer, base }
  }
}

/** The control block, with the description of the layers. */
const CONTROL_BYTES = 2048

function compiled(bytes: Uint8Array): object {
  try {
    return new WebAssembly.Module(bytes)
  } catch (cause) {
    const what = `expected a WebAssembly module that this engine takes, got ${bytes.length} bytes that are none`
    throw new KernelError("module", what, { cause })
  }
}

/** Runs a module's code: what it dies of is an error like any other. */
function running<T>(work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw new KernelError("trap", `the module trapped: ${error instanceof Error ? error.message : String(error)}`)
  }
}

function faultsOf({ imports, exports, memory, starts, grows, needs }: WasmModule): string[] {
  const wrong: string[] = []
  if (imports.length > 0) wrong.push(`expected no imports, got ${imports.join(", ")}`)
  if (starts) wrong.push("expected no start function, got one")
  if (grows) wrong.push("expected memory that the host sizes, and the module grows it")
  if (needs === "more") wrong.push("expected instructions of WebAssembly 2.0 at most, got others")
  if (exports.get("memory")?.kind !== "memory" || memory === undefined)
    wrong.push("expected an export memory, got none of its own")
  for (const [name, type] of EXPORTS) {
    const found = exports.get(name)
    const got = found === undefined ? "no such export" : found.kind === "function" ? found.type : `a ${found.kind}`
    if (got !== type) wrong.push(`expected ${name}: ${type}, got ${got}`)
  }
  return wrong
}
