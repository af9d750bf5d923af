import type { Update } from "../../src/wire/message.ts"

/** An update as its device has sent it, so far. */
export interface Sent {
  readonly updateId: string
  readonly header: Update
  readonly parts: (Uint8Array | undefined)[]
}

/** All updates that devices have sent, by device, round and epoch: what may be folded. */
export class Ledger {
  readonly #sent = new Map<string, Sent[]>()

  /** A chunk that a device has handed to its link; copied. */
  write(device: string, chunk: Update): Sent {
    const { round, epoch, index, count, payload } = chunk
    const key = keyOf(device, round, epoch)
    const updateId = hex(chunk.updateId)
    let list = this.#sent.get(key)
    if (list === undefined) this.#sent.set(key, (list = []))
    let sent = list.find((each) => each.updateId === updateId && each.parts.length === count)
    if (sent === undefined) list.push((sent = { updateId, header: chunk, parts: Array.from({ length: count }) }))
    sent.parts[index] ??= payload.slice()
    return sent
  }

  /** What this device has sent for a round and epoch with just this payload, whole. */
  find(device: string, round: number, epoch: number, payload: Uint8Array): Sent | undefined {
    return this.#sent.get(keyOf(device, round, epoch))?.find(({ parts }) => isWhole(parts, payload))
  }
}

/** Names an update in a round and epoch. */
export function keyOf(device: string, round: number, epoch: number): string {
  return `${device}/${round}/${epoch}`
}

export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex")
}

function isWhole(parts: readonly (Uint8Array | undefined)[], payload: Uint8Array): boolean {
  let at = 0
  for (const part of parts) {
    if (part === undefined || Buffer.compare(part, payload.subarray(at, at + part.length)) !== 0) return false
    at += part.length
  }
  return at === payload.length
}
