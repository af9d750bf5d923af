import type { RoundEffect, RoundEvent, RoundState } from "./round-state.ts"

/** How many devices came how far in one training round, its tries that were abandoned included. Counts, no names. */
export interface Participation {
  /** Stood ready with enough samples when the round began; the most of its tries. */
  readonly ready: number
  /** Asked to take part. */
  readonly selected: number
  /** Updates that came when their round had no place for them any more. */
  readonly late: number
  /** Updates that were refused. */
  readonly refused: number
}

/** Counts what the round machine hears and decides. */
export class ParticipationCount {
  #ready = 0
  #selected = 0
  #late = 0
  #refused = 0

  /** An event that was fed into the machine. */
  heard(event: RoundEvent, { kind }: RoundState): void {
    if (event.type === "folded" && !event.ok && kind === "train") this.#refused++
  }

  /** What came of it. */
  decided(effect: RoundEffect, { trainable }: RoundState): void {
    if (effect.type === "begin" && effect.kind === "train") {
      this.#ready = Math.max(this.#ready, trainable)
      this.#selected += effect.devices.length
    } else if (effect.type === "join") this.#selected += effect.devices.length
    else if (effect.type === "receipt" && effect.status === "late") this.#late++
  }

  /** The counts since the last time, for the round that is committed. */
  take(): Participation {
    const taken = { ready: this.#ready, selected: this.#selected, late: this.#late, refused: this.#refused }
    this.#ready = this.#selected = this.#late = this.#refused = 0
    return taken
  }
}
