import type { Complaints } from "./log.ts"

/** Counts are of a minute. */
const WINDOW_MS = 60_000

/** Devices counted at a time; a hostile fleet could name any number. */
const MOST_DEVICES = 10_000

/** Names devices that send far more than they have to: whose messages in a minute that lead to nothing are more than any doubt explains. */
export class FloodWatch {
  readonly #complaints: Complaints
  readonly #most: number
  readonly #counts = new Map<string, number>()
  #sinceMs = -Infinity

  /** `most`: messages that lead to nothing in a minute, from which on a device is complained about. */
  constructor(complaints: Complaints, most: number) {
    this.#complaints = complaints
    this.#most = most
  }

  /** A message of a device has led to nothing. */
  note(device: string, nowMs: number): void {
    if (nowMs - this.#sinceMs >= WINDOW_MS || this.#counts.size >= MOST_DEVICES) {
      this.#counts.clear()
      this.#sinceMs = nowMs
    }
    const messages = (this.#counts.get(device) ?? 0) + 1
    this.#counts.set(device, messages)
    if (messages === this.#most)
      this.#complaints.about(device, "device sends far more than it has to", { messages, seconds: WINDOW_MS / 1000 })
  }
}
