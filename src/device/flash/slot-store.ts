/** A slot has room for two modules: the one that runs, and the one before it or the one that comes. */
export type Side = "a" | "b"

/**
 * Where a slot survives a restart: a small state, and the bytes of two modules. All are called at once; an error that is thrown leaves the slot as it was,
 * or ends the device where that cannot be known. Whatever happens between two calls, a power cut too, `load` gives the state that was saved last, whole.
 */
export interface SlotStore {
  /** The state that was saved last; undefined the first time. */
  load(): Uint8Array | undefined
  /** Replaces the state whole or not at all; it is durable when this returns. */
  save(state: Uint8Array): void
  /** All bytes of a side; undefined where it has none. */
  read(side: Side): Uint8Array | undefined
  /** Puts bytes in their place, before the end or behind it. Durable after `sync` alone. */
  write(side: Side, at: number, bytes: Uint8Array): void
  sync(side: Side): void
  erase(side: Side): void
  /** Bytes that a side has room for, with what is on it. */
  room(side: Side): number
}

/** A store that lasts as long as its process, for devices that need no other and for tests. */
export class MemorySlotStore implements SlotStore {
  readonly #roomBytes: number
  readonly #sides = new Map<Side, Uint8Array>()
  #state: Uint8Array | undefined

  constructor(roomBytes = Infinity) {
    this.#roomBytes = roomBytes
  }

  load(): Uint8Array | undefined {
    return this.#state?.slice()
  }

  save(state: Uint8Array): void {
    this.#state = state.slice()
  }

  read(side: Side): Uint8Array | undefined {
    return this.#sides.get(side)?.slice()
  }

  write(side: Side, at: number, bytes: Uint8Array): void {
    const before = this.#sides.get(side) ?? new Uint8Array(0)
    const after = new Uint8Array(Math.max(before.length, at + bytes.length))
    after.set(before)
    after.set(bytes, at)
    this.#sides.set(side, after)
  }

  sync(): void {
    // Memory has nothing that could be lost.
  }

  erase(side: Side): void {
    this.#sides.delete(side)
  }

  room(): number {
    return this.#roomBytes
  }
}
