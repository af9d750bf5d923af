import type { Federation } from "../core/federation.ts"
import type { RoundName } from "../core/round-late.ts"
import { around } from "../core/round-pace.ts"
import type { Away } from "../core/round-pace.ts"
import { seedsOf } from "../core/seeds.ts"
import type { Receipt } from "../wire/message.ts"
import { toText } from "../wire/text.ts"
import type { Announcer } from "./announcer.ts"
import type { Registry } from "./registry.ts"

/** An update that is answered. */
export interface Answered extends RoundName {
  readonly device: string
  readonly updateId: Uint8Array
}

/** What devices are answered. Answers to the current message hold back the broker: `settled` waits for them. */
export class Answers {
  readonly #federation: Federation
  readonly #announcer: Announcer
  readonly #registry: Registry
  #pending: Promise<void>[] = []

  constructor(federation: Federation, announcer: Announcer, registry: Registry) {
    this.#federation = federation
    this.#announcer = announcer
    this.#registry = registry
  }

  /** A receipt for an update, with its round and epoch unless `facts` has others. */
  receipt({ device, round, epoch, updateId }: Answered, status: Receipt["status"], facts: Partial<Receipt> = {}): void {
    const message: Receipt = {
      ...{ type: "receipt", status, round, epoch, updateId, retrySeconds: 0, allowedBytes: 0 },
      ...facts,
      reason: toText(facts.reason ?? ""),
    }
    this.#pending.push(this.#announcer.receipt(device, message))
  }

  stop(device: string, reason: string): void {
    this.#pending.push(this.#announcer.stop(device, reason))
  }

  /** Outside the round machine: to come back around so many seconds from now. */
  comeBack(device: string, seconds: number): void {
    this.wait([{ device, seconds: this.around(device, seconds) }])
  }

  wait(devices: readonly Away[]): void {
    const [one, ...others] = devices
    // One that has just come holds back the broker until it is answered; many are answered by and by.
    if (others.length > 0) this.#announcer.wait(devices)
    else if (one !== undefined) this.#pending.push(this.#announcer.waitOne(one))
  }

  /** So many seconds, more or less: not all at once. */
  around(device: string, seconds: number): number {
    const { plan, rounds } = this.#federation
    return around(seconds, seedsOf(plan).sampling, rounds.round, this.#registry.keyOf(device))
  }

  /** Resolves when more may come. */
  async settled(): Promise<void> {
    const pending = this.#pending
    this.#pending = []
    await Promise.all(pending)
  }
}
