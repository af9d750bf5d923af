import { codecName } from "../../src/core/codec.ts"
import type { FederationSnapshot } from "../../src/core/snapshot.ts"
import type { Accumulator } from "../../src/kernel/types.ts"
import type { Incarnation } from "./incarnation.ts"
import { keyOf } from "./ledger.ts"
import type { Ledger } from "./ledger.ts"
import type { Referee } from "./referee.ts"
import { WatchedAccumulator } from "./watched-accumulator.ts"
import type { Folding } from "./watched-accumulator.ts"

export interface SumsFacts {
  folded: number
  refused: number
  commits: number
}

/** Watches what is added up: every fold, every sum that is read, every commit. */
export class Sums {
  readonly facts: SumsFacts = { folded: 0, refused: 0, commits: 0 }
  readonly #referee: Referee
  readonly #ledger: Ledger
  readonly #deviceOf: (key: readonly [number, number]) => string
  readonly #minimumToCommit: number
  /** The update of every device, round and epoch that was folded. */
  readonly #folded = new Map<string, string>()
  /** Epoch and devices of the committed rounds. */
  readonly #committed = new Map<number, { readonly epoch: number; readonly devices: ReadonlySet<string> }>()

  constructor(
    referee: Referee,
    ledger: Ledger,
    deviceOf: (key: readonly [number, number]) => string,
    minimumToCommit: number,
  ) {
    this.#referee = referee
    this.#ledger = ledger
    this.#deviceOf = deviceOf
    this.#minimumToCommit = minimumToCommit
  }

  /** The update of this device that was folded in a round and epoch. */
  foldedBy(device: string, round: number, epoch: number): string | undefined {
    return this.#folded.get(keyOf(device, round, epoch))
  }

  /** The epoch in which a round was committed, and who is in it. */
  commitOf(round: number): { readonly epoch: number; readonly devices: ReadonlySet<string> } | undefined {
    return this.#committed.get(round)
  }

  /** An accumulator as the coordinator wants it, with a second opinion on all that goes in and comes out. */
  watch(inner: Accumulator, incarnation: Incarnation): Accumulator {
    return new WatchedAccumulator(inner, incarnation, {
      folded: (fold) => this.#onFold(fold, inner.weightCap, incarnation),
      refused: () => void this.facts.refused++,
      wrong: (text) => this.#referee.breach("exact-sum", text),
    })
  }

  /** A commit is about to be written. */
  onCommit(incarnation: Incarnation, before: FederationSnapshot, after: FederationSnapshot): void {
    const { rounds } = incarnation
    if (rounds === undefined) return this.#referee.breach("commit-once", "a commit before the first round")
    const { round, epoch, kind } = rounds
    const name = `${kind} round ${round} of epoch ${epoch}`
    const { position } = after
    if (position.committed?.round !== round || position.committed.epoch !== epoch)
      this.#referee.breach("commit-once", `${name} is written as round ${position.committed?.round}`)
    if (this.#committed.has(round) || before.position.round !== round || position.round !== round + 1)
      this.#referee.breach("commit-once", `${name} is committed behind round ${before.position.round - 1}`)
    const devices = new Set(incarnation.folds?.() ?? [])
    const least = kind === "train" ? this.#minimumToCommit : kind === "statistics" ? 1 : 0
    if (devices.size < least)
      this.#referee.breach("minimum", `${name} is committed with ${devices.size} updates of at least ${least}`)
    if (kind === "train") this.#checkModel(name, incarnation, before, after)
    this.#committed.set(round, { epoch, devices })
    this.facts.commits++
  }

  /** Nothing came of it: the disk has failed, or the process has died before. */
  undoCommit(round: number): void {
    this.#committed.delete(round)
    this.facts.commits--
  }

  /** Returns the device. */
  #onFold({ key, payload, weight, codec }: Folding, weightCap: number, { rounds }: Incarnation): string {
    this.facts.folded++
    const device = this.#deviceOf(key.device)
    const { round, epoch, kind, cohort } = rounds!
    const name = keyOf(device, round, epoch)
    if (this.#folded.has(name)) this.#referee.breach("fold-once", `${name} is folded twice`)
    const sent = this.#ledger.find(device, round, epoch, payload)
    this.#folded.set(name, sent?.updateId ?? "")
    if (sent === undefined) this.#referee.breach("fold-sent", `${name}: what is folded is not what was sent`)
    else {
      const { samples, codec: id } = sent.header
      const expected = kind === "train" ? Math.min(samples, weightCap) : 1
      if (weight !== expected || codecName(id) !== codec)
        this.#referee.breach("fold-sent", `${name}: is folded as ${codec} with weight ${weight}, expected ${expected}`)
    }
    if (!cohort.has(device)) this.#referee.breach("fold-sent", `${name}: was not invited`)
    return device
  }

  #checkModel(name: string, incarnation: Incarnation, before: FederationSnapshot, after: FederationSnapshot): void {
    const { sum, weight } = incarnation.sums!()
    const momentum = before.model.strategy[0]
    for (let i = 0; i < sum.length; i++) {
      // FedAvg and FedAvgM (the momentum of every world is 1/2), with a server learning rate of 1.
      const mean = sum[i]! / weight
      const step = momentum === undefined ? mean : 0.5 * momentum[i]! + mean
      const expected = before.model.exact[i]! + step
      const got = after.model.exact[i]!
      if (Object.is(expected, got)) continue
      this.#referee.breach("exact-sum", `${name}: parameter ${i} becomes ${got}, expected ${expected}`)
      return
    }
  }
}
