import { FedmoteError } from "../core/error.ts"
import { BOUNDS } from "./keys.ts"
import type { Update } from "./message.ts"

/** An update with its chunks joined. */
export interface WholeUpdate extends Omit<Update, "type" | "index" | "count"> {
  readonly device: string
}

/** What became of a chunk. */
export type Offer =
  /**
   * All chunks are there. Of an update of several chunks the payload is the receiver's and no longer counts against the budget; of an
   * update of one chunk it is that chunk's, borrowed as the chunk was.
   */
  | { readonly status: "complete"; readonly update: WholeUpdate }
  | { readonly status: "partial"; readonly missing: number }
  | { readonly status: "duplicate" }
  /** There is no room to begin this update now. What was there is still there, and the chunk may come again. */
  | { readonly status: "busy" }
  /** The chunk is wrong and was not taken. `allowedBytes` is the largest payload where size was the reason, otherwise 0. */
  | { readonly status: "refused"; readonly reason: string; readonly allowedBytes: number }

export interface ReassemblyOptions {
  /** All that incomplete updates may occupy, their bookkeeping included: room for one of the largest updates at least. */
  readonly budgetBytes: number
  /** Largest payload of one update. */
  readonly maxPayloadBytes: number
  /** SHA-256 of a payload; its first 8 bytes must be the update id. Asked once an update, when it is whole. */
  readonly sha256: (payload: Uint8Array) => Uint8Array
  /** Where there is no room, updates of which no chunk has come for so long make some. Default: they never do. */
  readonly idleMs?: number
}

/** Room counted for an incomplete update beside its payload and one byte a chunk: objects, keys, metrics. */
export const ENTRY_BYTES = 1024

/** Incomplete updates that one device may have: a device that is born again leaves one behind. The oldest goes first. */
export const ENTRIES_PER_DEVICE = 2

interface Entry {
  readonly first: Update
  /** One byte a chunk: 1 where it has come. */
  readonly come: Uint8Array
  missing: number
  /** Bytes of every chunk but the last; 0 while only the last has come, which then waits in `payload`. */
  chunkBytes: number
  payload: Uint8Array
  /** Bytes of the last chunk; 0 until it has come. */
  lastBytes: number
  heldBytes: number
  /** When the last chunk came. */
  touchedMs: number
}

/** Idle updates are looked for so often at most: a flood that finds no room must not pay with the time of all. */
const LOOK_MS = 1000

/**
 * Joins the chunks of updates within a fixed memory budget: in any order, duplicates ignored, only under one (device, round, epoch,
 * update id). Room for a whole update is taken with its first chunk, so that whatever was begun can be completed. Has no clock: what
 * never completes is dropped by device, with its round, or where others need the room. It forgets an update that was completed: ask the round machine first whether
 * the device was already counted.
 */
export class Reassembler {
  readonly #options: ReassemblyOptions
  readonly #entries = new Map<string, Entry[]>()
  #heldBytes = 0
  #lookedMs = -Infinity

  /** Throws `FedmoteError` ("reassembly") where the budget does not hold one of the largest updates. */
  constructor(options: ReassemblyOptions) {
    const least = ENTRY_BYTES + Math.min(BOUNDS.chunkCount.max, options.maxPayloadBytes) + options.maxPayloadBytes
    if (!(options.budgetBytes >= least))
      throw new FedmoteError("reassembly", `expected a budget of at least ${least} bytes, got ${options.budgetBytes}`)
    this.#options = options
  }

  /** What incomplete updates occupy or have reserved now; at most `budgetBytes`. */
  get heldBytes(): number {
    return this.#heldBytes
  }

  /** Number of incomplete updates. */
  get size(): number {
    let size = 0
    for (const entries of this.#entries.values()) size += entries.length
    return size
  }

  /** Takes one chunk, as `decode` gave it, that came on `device`'s topic at `nowMs` of any clock. What it keeps of the payload it copies. */
  offer(device: string, chunk: Update, nowMs = 0): Offer {
    const wrongSize = this.#wrongSize(chunk)
    if (wrongSize) return wrongSize
    if (chunk.count === 1) return this.#finish(device, chunk, chunk.payload)
    const entry = this.#entries.get(device)?.find(({ first }) => isSameUpdate(first, chunk))
    if (!entry) return this.#begin(device, chunk, nowMs)
    const wrong = inconsistency(entry, chunk)
    if (wrong) return refused(wrong)
    if (entry.come[chunk.index]) return { status: "duplicate" }
    entry.touchedMs = nowMs
    return this.#tooLong(wholeBytes(entry, chunk)) ?? this.#place(device, entry, chunk)
  }

  /** Forgets what came from one device. */
  drop(device: string): void {
    this.#keep(device, () => false)
  }

  /** Forgets what belongs to this round and epoch. */
  dropRound(round: number, epoch: number): void {
    for (const device of this.#entries.keys())
      this.#keep(device, ({ first }) => first.round !== round || first.epoch !== epoch)
  }

  #begin(device: string, chunk: Update, nowMs: number): Offer {
    const heldBytes = ENTRY_BYTES + chunk.count + this.#payloadRoom(chunk)
    let oldest = this.#oldestOf(device)
    const fits = (): boolean => this.#heldBytes + heldBytes - (oldest?.heldBytes ?? 0) <= this.#options.budgetBytes
    if (!fits()) {
      this.#dropIdle(nowMs)
      oldest = this.#oldestOf(device)
      if (!fits()) return { status: "busy" }
    }
    if (oldest) this.#keep(device, (each) => each !== oldest)
    const entry: Entry = {
      first: { ...chunk, payload: NOTHING },
      come: new Uint8Array(chunk.count),
      missing: chunk.count,
      chunkBytes: 0,
      payload: NOTHING,
      lastBytes: 0,
      heldBytes,
      touchedMs: nowMs,
    }
    this.#entries.set(device, [...(this.#entries.get(device) ?? []), entry])
    this.#heldBytes += heldBytes
    return this.#place(device, entry, chunk)
  }

  /** The update that a device's next one takes the place of. */
  #oldestOf(device: string): Entry | undefined {
    const entries = this.#entries.get(device) ?? []
    return entries.length >= ENTRIES_PER_DEVICE ? entries[0] : undefined
  }

  #dropIdle(nowMs: number): void {
    const { idleMs = Infinity } = this.#options
    if (nowMs - this.#lookedMs < LOOK_MS) return
    this.#lookedMs = nowMs
    for (const device of this.#entries.keys()) this.#keep(device, ({ touchedMs }) => nowMs - touchedMs < idleMs)
  }

  #place(device: string, entry: Entry, chunk: Update): Offer {
    if (isLast(chunk)) {
      entry.lastBytes = chunk.payload.length
      if (entry.chunkBytes === 0) entry.payload = new Uint8Array(chunk.payload)
    } else if (entry.chunkBytes === 0) this.#open(entry, chunk)
    if (entry.chunkBytes > 0) entry.payload.set(chunk.payload, chunk.index * entry.chunkBytes)
    entry.come[chunk.index] = 1
    entry.missing--
    if (entry.missing > 0) return { status: "partial", missing: entry.missing }
    return this.#finish(
      device,
      chunk,
      entry.payload.subarray(0, (chunk.count - 1) * entry.chunkBytes + entry.lastBytes),
    )
  }

  /** The size of chunks is known now: makes the payload, with the last chunk in its place if it came before. */
  #open(entry: Entry, chunk: Update): void {
    const last = entry.payload
    const room = this.#payloadRoom(chunk)
    entry.chunkBytes = chunk.payload.length
    entry.payload = new Uint8Array(room)
    entry.payload.set(last, (chunk.count - 1) * entry.chunkBytes)
    this.#heldBytes -= entry.heldBytes
    entry.heldBytes = ENTRY_BYTES + chunk.count + room
    this.#heldBytes += entry.heldBytes
  }

  /** Room for the whole payload, as far as this chunk tells: the last one does not know how long the others are. */
  #payloadRoom(chunk: Update): number {
    const { maxPayloadBytes } = this.#options
    return isLast(chunk) ? maxPayloadBytes : Math.min(chunk.count * chunk.payload.length, maxPayloadBytes)
  }

  #wrongSize({ index, count, payload }: Update): Offer | undefined {
    // Every chunk but the last is as long as this one, the last has a byte at least; before the last, every chunk is as long as the last at least.
    const least = index < count - 1 ? (count - 1) * payload.length + 1 : count * payload.length
    return this.#tooLong(least)
  }

  #tooLong(payloadBytes: number): Offer | undefined {
    const { maxPayloadBytes } = this.#options
    if (payloadBytes <= maxPayloadBytes) return undefined
    return refused(
      `expected a payload of at most ${maxPayloadBytes} bytes, got ${payloadBytes} or more`,
      maxPayloadBytes,
    )
  }

  #finish(device: string, chunk: Update, payload: Uint8Array): Offer {
    if (this.#entries.has(device)) this.#keep(device, ({ first }) => !isSameUpdate(first, chunk))
    if (!beginsWith(this.#options.sha256(payload), chunk.updateId))
      return refused("the payload's digest does not begin with the update id")
    const { round, epoch, updateId, baseVersion, codec, samples, steps, metrics } = chunk
    const update = { device, round, epoch, updateId, baseVersion, codec, samples, steps, metrics, payload }
    return { status: "complete", update }
  }

  #keep(device: string, wanted: (entry: Entry) => boolean): void {
    const kept: Entry[] = []
    for (const entry of this.#entries.get(device) ?? [])
      if (wanted(entry)) kept.push(entry)
      else this.#heldBytes -= entry.heldBytes
    if (kept.length > 0) this.#entries.set(device, kept)
    else this.#entries.delete(device)
  }
}

const NOTHING = new Uint8Array(0)

function refused(reason: string, allowedBytes = 0): Offer {
  return { status: "refused", reason, allowedBytes }
}

function isLast(chunk: Update): boolean {
  return chunk.index === chunk.count - 1
}

/** How long the payload is at least, with what is known once this chunk has come. */
function wholeBytes({ chunkBytes, lastBytes }: Entry, chunk: Update): number {
  const each = isLast(chunk) ? chunkBytes : chunk.payload.length
  return (chunk.count - 1) * each + (isLast(chunk) ? chunk.payload.length : lastBytes)
}

function isSameUpdate(a: Update, b: Update): boolean {
  return a.round === b.round && a.epoch === b.epoch && isEqual(a.updateId, b.updateId)
}

/** Why a chunk does not belong to what came before under its update id. */
function inconsistency({ first, chunkBytes, lastBytes }: Entry, chunk: Update): string | undefined {
  for (const field of ["count", "baseVersion", "codec", "samples", "steps"] as const)
    if (first[field] !== chunk[field])
      return `expected ${field} ${first[field]} as in other chunks, got ${chunk[field]}`
  if (!isEqual(first.metrics, chunk.metrics)) return "expected the same metrics as in other chunks"
  const got = chunk.payload.length
  if (isLast(chunk)) {
    if (lastBytes > 0 && got !== lastBytes) return `expected a last chunk of ${lastBytes} bytes as before, got ${got}`
    if (chunkBytes > 0 && got > chunkBytes) return `expected a last chunk of at most ${chunkBytes} bytes, got ${got}`
    return undefined
  }
  if (chunkBytes > 0 && got !== chunkBytes) return `expected chunks of ${chunkBytes} bytes, got ${got}`
  if (got < lastBytes) return `expected chunks of at least ${lastBytes} bytes, got ${got}`
  return undefined
}

function beginsWith(digest: Uint8Array, id: Uint8Array): boolean {
  for (let i = 0; i < id.length; i++) if (digest[i] !== id[i]) return false
  return true
}

function isEqual(a: Uint8Array | Float32Array, b: Uint8Array | Float32Array): boolean {
  return a.length === b.length && a.every((value, i) => value === b[i])
}
