import { createHash } from "node:crypto"

const NOTHING: Uint8Array = new Uint8Array(0)

/**
 * One SHA-256 over the seals of all rows that make up a snapshot, kept in the row of the run: rows that are whole, but not of the same commit, do not
 * pass for a snapshot. Such a mixture is what is left of a transaction whose rollback journal was damaged or taken away.
 */
export class Contents {
  #model = NOTHING
  #standardizer = NOTHING
  /** A chain over the rounds before the last: those do not change any more. */
  #earlier = NOTHING
  #last = NOTHING
  #rounds = 0

  setModel(seal: Uint8Array): void {
    this.#model = seal
  }

  setStandardizer(seal: Uint8Array): void {
    this.#standardizer = seal
  }

  /** The last round, changed, or the one after it. */
  setRound(round: number, seal: Uint8Array): void {
    if (round !== this.#rounds) this.#earlier = hash(this.#earlier, this.#last)
    this.#rounds = round
    this.#last = seal
  }

  copy(): Contents {
    const made = new Contents()
    made.#model = this.#model
    made.#standardizer = this.#standardizer
    made.#earlier = this.#earlier
    made.#last = this.#last
    made.#rounds = this.#rounds
    return made
  }

  digest(): Uint8Array {
    return hash(this.#model, this.#standardizer, this.#earlier, this.#last)
  }
}

function hash(...parts: readonly Uint8Array[]): Uint8Array {
  const sha = createHash("sha256")
  for (const part of parts) sha.update(`${part.length} `).update(part)
  return new Uint8Array(sha.digest())
}
