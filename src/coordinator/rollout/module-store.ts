import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs"
import { join } from "node:path"
import { FedmoteError } from "../../core/error.ts"
import type { RolloutSnapshot } from "../../core/rollout.ts"
import { hex, sha256 } from "../../net/digest.ts"

/** A module as it goes to devices. */
export interface StoredModule {
  readonly sequence: number
  /** The signed manifest. */
  readonly envelope: Uint8Array
  readonly bytes: Uint8Array
}

/** What a coordinator remembers of a slot, from one federation to the next. */
export interface ModuleRecord {
  readonly slot: string
  /** The highest sequence that was ever rolled out, whatever became of it. */
  readonly highest: number
  /** The module of the last rollout that was completed; 0 before. */
  readonly settled: number
  /** Of the devices that it is for; absent: for all. */
  readonly settledTag?: string
  /** Modules above it whose rollouts before the last were halted or aborted: a device that was away may still have one. */
  readonly undone: readonly number[]
  /** Orders that were obeyed lately: none is obeyed twice. */
  readonly orders: readonly { readonly issued: number; readonly nonce: number }[]
  /** The last rollout. */
  readonly rollout?: RolloutSnapshot
  /** Id of the key that ordered it, hexadecimal. */
  readonly keyId?: string
  /** Hash of the audit log's last line when this was written. */
  readonly audit: string
}

/** Where modules and rollouts survive a restart. What it is told is durable when the call returns; throws `FedmoteError` ("module-store") otherwise. */
export interface ModuleStore {
  load(): ModuleRecord | undefined
  save(record: ModuleRecord): void
  /** Sequences of the modules that are kept. */
  kept(): number[]
  /** Undefined where it is not kept. */
  module(sequence: number): StoredModule | undefined
  keep(module: StoredModule): void
  drop(sequence: number): void
}

const STATE = "rollout.json"
const HEADER = "fedmote-rollout-state/1"

/** A folder with the record and, for each module that devices may still need, its manifest and its bytes. */
export class FileModuleStore implements ModuleStore {
  readonly #folder: string

  /** Makes the folder where there is none. */
  constructor(folder: string) {
    this.#folder = folder
    doing(`make ${folder}`, () => mkdirSync(folder, { recursive: true, mode: 0o700 }))
  }

  /** Throws `FedmoteError` ("module-store") for a record that is damaged, too. */
  load(): ModuleRecord | undefined {
    const bytes = this.#read(STATE)
    if (bytes === undefined) return undefined
    const [head, text = ""] = Buffer.from(bytes).toString().split("\n", 2)
    if (head !== headOf(text))
      throw new FedmoteError(
        "module-store",
        `${join(this.#folder, STATE)} is damaged, or no record of rollouts: put back a copy, or remove the folder to begin without modules`,
      )
    return JSON.parse(text) as ModuleRecord
  }

  save(record: ModuleRecord): void {
    const text = JSON.stringify(record)
    this.#replace(STATE, Buffer.from(`${headOf(text)}\n${text}`))
  }

  kept(): number[] {
    const names = doing(`read ${this.#folder}`, () => readdirSync(this.#folder))
    return names.flatMap((name) => /^(\d+)\.manifest$/.exec(name)?.[1] ?? []).map(Number)
  }

  module(sequence: number): StoredModule | undefined {
    const [envelope, bytes] = filesOf(sequence).map((name) => this.#read(name))
    return envelope && bytes && { sequence, envelope, bytes }
  }

  keep({ sequence, envelope, bytes }: StoredModule): void {
    const [manifest, module] = filesOf(sequence)
    this.#replace(module, bytes)
    this.#replace(manifest, envelope)
  }

  drop(sequence: number): void {
    for (const name of filesOf(sequence))
      doing(`remove ${name}`, () => rmSync(join(this.#folder, name), { force: true }))
  }

  #read(name: string): Uint8Array | undefined {
    const file = join(this.#folder, name)
    return doing(`read ${file}`, () => {
      try {
        return new Uint8Array(readFileSync(file))
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined
        throw error
      }
    })
  }

  /** Whole or not at all: written beside, synced, put in place, and the folder synced. */
  #replace(name: string, bytes: Uint8Array): void {
    const file = join(this.#folder, name)
    const unfinished = `${file}.new`
    doing(`write ${file}`, () => {
      withFile(unfinished, "w", (descriptor) => {
        for (let done = 0; done < bytes.length;) done += writeSync(descriptor, bytes, done)
        fsyncSync(descriptor)
      })
      renameSync(unfinished, file)
      withFile(this.#folder, "r", fsyncSync)
    })
  }
}

function filesOf(sequence: number): [manifest: string, module: string] {
  return [`${sequence}.manifest`, `${sequence}.wasm`]
}

function headOf(text: string): string {
  return `${HEADER} ${hex(sha256(text))}`
}

function withFile(file: string, flags: string, work: (descriptor: number) => void): void {
  const descriptor = openSync(file, flags, 0o600)
  try {
    work(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

function doing<T>(what: string, work: () => T): T {
  try {
    return work()
  } catch (cause) {
    if (cause instanceof FedmoteError) throw cause
    throw new FedmoteError("module-store", `cannot ${what}: ${(cause as Error).message}`, { cause })
  }
}
