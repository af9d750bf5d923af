import * as fs from "node:fs"
import { join } from "node:path"
import { FedmoteError } from "../../core/error.ts"
import type { Side, SlotStore } from "./slot-store.ts"

/** What is used of `node:fs`. */
export type SlotFiles = Pick<
  typeof fs,
  | "mkdirSync"
  | "openSync"
  | "writeSync"
  | "fsyncSync"
  | "closeSync"
  | "renameSync"
  | "readFileSync"
  | "rmSync"
  | "statSync"
  | "statfsSync"
>

const STATE = "state"
const UNFINISHED = "state.new"

/** A slot in a folder of its own: `a.wasm`, `b.wasm` and `state`. Every method throws `FedmoteError` ("store") where the file system does. */
export class FileSlotStore implements SlotStore {
  readonly #folder: string
  readonly #files: SlotFiles

  /** Makes the folder where there is none. `files`: of another file system, for tests. */
  constructor(folder: string, files: SlotFiles = fs) {
    this.#folder = folder
    this.#files = files
    this.#doing("make", folder, () => files.mkdirSync(folder, { recursive: true, mode: 0o700 }))
  }

  load(): Uint8Array | undefined {
    return this.#readWhole(STATE)
  }

  // Written beside, made durable, and put in place at once: then the folder, which knows the name, is made durable too.
  save(state: Uint8Array): void {
    const [unfinished, file] = [this.#path(UNFINISHED), this.#path(STATE)]
    this.#doing("write", file, () => {
      this.#withFile(unfinished, "w", (descriptor) => {
        this.#put(descriptor, 0, state)
        this.#files.fsyncSync(descriptor)
      })
      this.#files.renameSync(unfinished, file)
      this.#syncFolder()
    })
  }

  read(side: Side): Uint8Array | undefined {
    return this.#readWhole(nameOf(side))
  }

  write(side: Side, at: number, bytes: Uint8Array): void {
    const file = this.#path(nameOf(side))
    this.#doing("write", file, () =>
      this.#withFile(file, OPEN_OR_MAKE, (descriptor) => this.#put(descriptor, at, bytes)),
    )
  }

  sync(side: Side): void {
    const file = this.#path(nameOf(side))
    this.#doing("write", file, () => {
      this.#withFile(file, OPEN_OR_MAKE, (descriptor) => this.#files.fsyncSync(descriptor))
      this.#syncFolder()
    })
  }

  erase(side: Side): void {
    const file = this.#path(nameOf(side))
    this.#doing("erase", file, () => this.#files.rmSync(file, { force: true }))
  }

  room(side: Side): number {
    return this.#doing("look at", this.#folder, () => {
      const { bavail, bsize } = this.#files.statfsSync(this.#folder)
      const there = this.#files.statSync(this.#path(nameOf(side)), { throwIfNoEntry: false })?.size ?? 0
      return bavail * bsize + there
    })
  }

  #path(name: string): string {
    return join(this.#folder, name)
  }

  #readWhole(name: string): Uint8Array | undefined {
    const file = this.#path(name)
    return this.#doing("read", file, () => {
      try {
        return new Uint8Array(this.#files.readFileSync(file))
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined
        throw error
      }
    })
  }

  #withFile(file: string, flags: string | number, work: (descriptor: number) => void): void {
    const descriptor = this.#files.openSync(file, flags, 0o600)
    try {
      work(descriptor)
    } finally {
      this.#files.closeSync(descriptor)
    }
  }

  #put(descriptor: number, at: number, bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length;)
      done += this.#files.writeSync(descriptor, bytes, done, bytes.length - done, at + done)
  }

  #syncFolder(): void {
    this.#withFile(this.#folder, "r", (descriptor) => this.#files.fsyncSync(descriptor))
  }

  #doing<T>(what: string, file: string, work: () => T): T {
    try {
      return work()
    } catch (cause) {
      throw new FedmoteError("store", `cannot ${what} ${file}: ${(cause as Error).message}`, { cause })
    }
  }
}

/** To write in the middle, whether it is there or not. */
const OPEN_OR_MAKE = fs.constants.O_CREAT | fs.constants.O_WRONLY

function nameOf(side: Side): string {
  return `${side}.wasm`
}
