import { firstKept } from "../device/kept.ts"
import type { KeptLayout } from "../device/kept.ts"

/**
 * What virtual clients keep to themselves between rounds, as devices do: only of those that took part, and as of their last committed round.
 * It lies with the thread that drives the rounds, and goes to whoever works on a client: which worker that is makes no difference.
 */
export class ClientStates {
  readonly layout: KeptLayout
  readonly #kept = new Map<number, Float32Array>()

  constructor(layout: KeptLayout) {
    this.layout = layout
  }

  /** One row for each of these clients, in shared memory: what it keeps, or what it begins with. */
  gather(clients: Uint32Array, model: Float32Array): Float32Array {
    const { size } = this.layout
    const rows = new Float32Array(new SharedArrayBuffer(4 * size * clients.length))
    const first = firstKept(this.layout, model)
    for (const [place, client] of clients.entries()) rows.set(this.#kept.get(client) ?? first, place * size)
    return rows
  }

  /** A round was committed with the clients at these places; their rows are as their training left them. */
  keep(clients: Uint32Array, places: Uint32Array, rows: Float32Array): void {
    for (const place of places) this.#kept.set(clients[place]!, keptAt(this.layout, rows, place).slice())
  }
}

/** A client's row, a view. */
export function keptAt({ size }: KeptLayout, rows: Float32Array, place: number): Float32Array {
  return rows.subarray(place * size, (place + 1) * size)
}
