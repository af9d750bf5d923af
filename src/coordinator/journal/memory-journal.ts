import { FedmoteError } from "../../core/error.ts"
import type { FederationSnapshot } from "../../core/snapshot.ts"
import type {
  FleetCount,
  Incarnation,
  Journal,
  JournalCommit,
  JournaledRun,
  KnownDevice,
  RetainedChunks,
  RunIdentity,
} from "./journal.ts"

/** A durable write of a journal. */
export type JournalWrite = "begin" | "incarnate" | "commit" | "retain" | "discard"

/** What survives the process in the stead of a disk. Values in it are never changed, only replaced. */
export interface MemoryDisk {
  run: StoredRun | undefined
  runs: number
  incarnations: readonly (Incarnation & { readonly run: number })[]
  current: readonly RetainedChunks[]
  stale: readonly RetainedChunks[]
  devices: ReadonlyMap<string, KnownDevice>
}

interface StoredRun extends RunIdentity {
  readonly id: string
  readonly beganAtMs: number
  readonly committedAtMs: number | undefined
  readonly snapshot: FederationSnapshot
  readonly fleet: FleetCount
}

export interface MemoryJournalOptions {
  readonly disk?: MemoryDisk
  readonly now?: () => number
  /**
   * Called before each durable write is made, and after: whoever throws from "before" is a disk that fails or a process that dies before the fsync,
   * from "after" a process that dies behind it.
   */
  readonly onWrite?: (write: JournalWrite, when: "before" | "after") => void
}

export function memoryDisk(): MemoryDisk {
  return { run: undefined, runs: 0, incarnations: [], current: [], stale: [], devices: new Map() }
}

/** A journal for simulated worlds. Another one on the same disk is the process after a crash. */
export class MemoryJournal implements Journal {
  readonly where = "memory"
  readonly #disk: MemoryDisk
  readonly #now: () => number
  readonly #onWrite: (write: JournalWrite, when: "before" | "after") => void
  /** Not yet durable. */
  #devices: Map<string, KnownDevice>
  #rest: readonly RetainedChunks[] | undefined

  constructor({ disk = memoryDisk(), now = () => 0, onWrite = () => {} }: MemoryJournalOptions = {}) {
    this.#disk = disk
    this.#now = now
    this.#onWrite = onWrite
    this.#devices = new Map(disk.devices)
  }

  run(): JournaledRun | undefined {
    const { run, devices } = this.#disk
    return run === undefined ? undefined : structuredClone({ ...run, devices: [...devices.values()] })
  }

  lastEpoch(): number {
    return Math.max(0, ...this.#disk.incarnations.map(({ lastEpoch }) => lastEpoch))
  }

  knows(session: number): boolean {
    const { run, runs, incarnations } = this.#disk
    return run !== undefined && incarnations.some((each) => each.run === runs && each.session === session)
  }

  times(): { readonly beganAtMs: number; readonly committedAtMs: number | undefined } | undefined {
    return this.#disk.run
  }

  retained(): { readonly current: readonly RetainedChunks[]; readonly stale: readonly RetainedChunks[] } {
    const { current, stale } = this.#disk
    return { current, stale }
  }

  begin(identity: RunIdentity, snapshot: FederationSnapshot): void {
    if (this.#disk.run !== undefined) throw new FedmoteError("internal", "expected no run in the journal")
    this.#write("begin", (disk) => {
      disk.run = {
        ...identity,
        id: String(++disk.runs),
        beganAtMs: this.#now(),
        committedAtMs: undefined,
        snapshot: structuredClone(snapshot),
        fleet: { devices: 0, trainSamples: 0, testSamples: 0 },
      }
    })
  }

  incarnate(incarnation: Incarnation): void {
    this.#write("incarnate", (disk) => {
      disk.incarnations = [...disk.incarnations, { ...incarnation, run: disk.runs }]
    })
  }

  commit({ snapshot, fleet, retained }: JournalCommit): void {
    this.#write("commit", (disk) => {
      if (disk.run === undefined) throw new FedmoteError("internal", "expected a run in the journal")
      disk.run = { ...disk.run, committedAtMs: this.#now(), snapshot: structuredClone(snapshot), fleet }
      disk.current = union(disk.current, retained)
    })
  }

  retain(chunks: readonly RetainedChunks[]): void {
    const known = this.#rest ?? this.#disk.current
    if (union(known, chunks).length === known.length) return
    this.#write("retain", (disk) => (disk.current = union(disk.current, chunks)))
  }

  cleared(rest: readonly RetainedChunks[]): void {
    this.#rest = rest
  }

  remember(device: KnownDevice): void {
    this.#devices.set(device.id, device)
  }

  forget(device: string): void {
    this.#devices.delete(device)
  }

  discard(): void {
    if (this.#disk.run === undefined) return
    this.#devices = new Map()
    this.#write("discard", (disk) => {
      disk.stale = union(disk.stale, disk.current)
      disk.current = []
      disk.run = undefined
    })
  }

  close(): void {
    this.#disk.devices = this.#devices
  }

  /** All or nothing, as a transaction is. */
  #write(write: JournalWrite, change: (disk: MemoryDisk) => void): void {
    this.#onWrite(write, "before")
    const next = { ...this.#disk, devices: new Map(this.#devices) }
    if (this.#rest !== undefined) {
      next.current = this.#rest
      next.stale = []
    }
    change(next)
    Object.assign(this.#disk, next)
    this.#rest = undefined
    this.#onWrite(write, "after")
  }
}

function union(some: readonly RetainedChunks[], more: readonly RetainedChunks[]): readonly RetainedChunks[] {
  const all = new Map(
    [...some, ...more].map((each) => [[each.version, each.base, each.size, each.chunks].join(), each]),
  )
  return [...all.values()]
}
