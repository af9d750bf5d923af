import { dirname } from "node:path"
import type { SlotFiles } from "../../../src/device/flash/file-slot-store.ts"

/** What becomes of what was not made durable: all is lost, all is there, or any part of it. */
export type Survives = "nothing" | "everything" | "something"

class Inode {
  now = new Uint8Array(0)
  durable = new Uint8Array(0)
}

/**
 * A file system in memory of which the power is cut before its `cutAt`-th change: from then on everything fails. A file's bytes are durable after `fsync` of the
 * file, its name after `fsync` of its folder. `restart` gives what a disk might have afterwards.
 */
export class PowerFiles {
  changes = 0
  readonly #cutAt: number
  readonly #random: () => number
  #names = new Map<string, Inode>()
  #durableNames = new Map<string, Inode>()
  readonly #open = new Map<number, { readonly path: string; readonly inode: Inode | undefined }>()
  #next = 3

  constructor(cutAt = Infinity, random: () => number = () => 0) {
    this.#cutAt = cutAt
    this.#random = random
  }

  get isCut(): boolean {
    return this.changes > this.#cutAt
  }

  /** What `FileSlotStore` uses. */
  get files(): SlotFiles {
    const files = {
      mkdirSync: () => undefined,
      openSync: (path: string, flags: string | number) => this.#openFile(path, flags),
      closeSync: (descriptor: number) => void this.#open.delete(descriptor),
      writeSync: (descriptor: number, bytes: Uint8Array, from: number, length: number, at: number) =>
        this.#write(descriptor, bytes.subarray(from, from + length), at),
      fsyncSync: (descriptor: number) => this.#sync(descriptor),
      renameSync: (from: string, to: string) => {
        this.#change()
        this.#names.set(to, this.#names.get(from)!)
        this.#names.delete(from)
      },
      rmSync: (path: string) => {
        this.#change()
        this.#names.delete(path)
      },
      readFileSync: (path: string) => {
        const inode = this.#names.get(path)
        if (inode === undefined) throw Object.assign(new Error("no such file"), { code: "ENOENT" })
        return inode.now.slice()
      },
      statSync: () => undefined,
      statfsSync: () => ({ bavail: 1 << 20, bsize: 4096 }),
    }
    return files as unknown as SlotFiles
  }

  /** The disk after the power was cut. */
  restart(survives: Survives): PowerFiles {
    const after = new PowerFiles()
    const names = new Set([...this.#names.keys(), ...this.#durableNames.keys()])
    for (const name of names) {
      const inode = (this.#kept(survives) ? this.#names : this.#durableNames).get(name)
      if (inode === undefined) continue
      const copy = new Inode()
      copy.now = copy.durable = this.#rest(inode, survives)
      after.#names.set(name, copy)
      after.#durableNames.set(name, copy)
    }
    return after
  }

  #kept(survives: Survives): boolean {
    return survives === "everything" || (survives === "something" && this.#random() < 0.5)
  }

  #rest({ now, durable }: Inode, survives: Survives): Uint8Array<ArrayBuffer> {
    if (survives === "nothing") return durable.slice()
    if (survives === "everything") return now.slice()
    // Some of the new bytes, a length in between.
    const rest = now.slice(0, durable.length + Math.floor(this.#random() * (now.length - durable.length + 1)))
    for (let at = 0; at < rest.length; at += 64)
      if (this.#random() < 0.5) rest.set(durable.subarray(at, Math.min(at + 64, rest.length)), at)
    return rest
  }

  #change(): void {
    if (this.changes++ >= this.#cutAt) throw new Error("the power was cut")
  }

  #openFile(path: string, flags: string | number): number {
    const descriptor = this.#next++
    if (flags === "r") {
      this.#open.set(descriptor, { path, inode: this.#names.get(path) })
      return descriptor
    }
    this.#change()
    let inode = this.#names.get(path)
    if (inode === undefined || flags === "w") {
      inode ??= new Inode()
      inode.now = new Uint8Array(0)
      this.#names.set(path, inode)
    }
    this.#open.set(descriptor, { path, inode })
    return descriptor
  }

  // The power may go in the middle of a write.
  #write(descriptor: number, bytes: Uint8Array, at: number): number {
    const { inode } = this.#open.get(descriptor)!
    const torn = this.changes >= this.#cutAt ? bytes.subarray(0, bytes.length >> 1) : bytes
    const after = new Uint8Array(Math.max(inode!.now.length, at + torn.length))
    after.set(inode!.now)
    after.set(torn, at)
    inode!.now = after
    this.#change()
    return bytes.length
  }

  #sync(descriptor: number): void {
    this.#change()
    const { path, inode } = this.#open.get(descriptor)!
    if (inode !== undefined) inode.durable = inode.now.slice()
    else
      for (const name of new Set([...this.#names.keys(), ...this.#durableNames.keys()])) {
        if (dirname(name) !== path) continue
        const there = this.#names.get(name)
        if (there === undefined) this.#durableNames.delete(name)
        else this.#durableNames.set(name, there)
      }
  }
}
