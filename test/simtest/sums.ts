import { codecName } from "../../src/core/codec.ts"
import type { Plan } from "../../src/core/plan.ts"
import type { FederationSnapshot } from "../../src/core/snapshot.ts"
import type { Accumulator } from "../../src/kernel/types.ts"
import { Commits } from "./commits.ts"
import type { Commit } from "./commits.ts"
import type { Incarnation } from "./incarnation.ts"
import { keyOf } from "./ledger.ts"
import type { Ledger, Sent } from "./ledger.ts"
import type { Referee } from "./referee.ts"
import { WatchedAccumulator } from "./watched-accumulator.ts"
import type { Folded, Folding } from "./watched-accumulator.ts"

export interface SumsFacts {
  folded: number
  /** Of them: updates of earlier rounds. */
  "folded late": number
  refused: number
  commits: number
}

export interface SumsOptions {
  readonly referee: Referee
  readonly ledger: Ledger
  readonly plan: Plan
  readonly minimumToCommit: number
  readonly isHonest: (device: string) => boolean
  /** The device with this key. */
  readonly deviceOf: (key: readonly [number, number]) => string
}

/** Watches what is added up: every fold, every sum that is read, every commit. */
export class Sums {
  readonly facts: SumsFacts = { folded: 0, "folded late": 0, refused: 0, commits: 0 }
  readonly #options: SumsOptions
  readonly #referee: Referee
  readonly #commits = new Commits()
  /** The ids of the updates of a device that are in the sum of a round and epoch. */
  readonly #left = new Set<string>()
  readonly #folded = new Map<string, Set<string>>()

  constructor(options: SumsOptions) {
    this.#options = options
    this.#referee = options.referee
  }

  /** The ids of a device's updates that were folded into the sum of a round and epoch. */
  foldedBy(device: string, round: number, epoch: number): ReadonlySet<string> | undefined {
    return this.#folded.get(keyOf(device, round, epoch))
  }

  /** A coordinator has heard a device's Hello, or that it was cleared: then nothing of it is folded any more, unless it says Hello again. */
  greets(device: string, isHere: boolean): void {
    if (isHere) this.#left.delete(device)
    else if (this.#options.isHonest(device)) this.#left.add(device)
  }

  /** How a round was committed. */
  commitOf(round: number): Commit | undefined {
    return this.#commits.of(round)
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
    if (this.#commits.of(round) !== undefined || before.position.round !== round || position.round !== round + 1)
      this.#referee.breach("commit-once", `${name} is committed behind round ${before.position.round - 1}`)
    const folds = incarnation.folds?.() ?? []
    const least = kind === "train" ? this.#options.minimumToCommit : kind === "statistics" ? 1 : 0
    if (folds.length < least)
      this.#referee.breach("minimum", `${name} is committed with ${folds.length} updates of at least ${least}`)
    const stranger = folds.find(({ into }) => into !== `${round}/${epoch}`)
    if (stranger !== undefined)
      this.#referee.breach("exact-sum", `${name} has ${stranger.update}, which was folded into ${stranger.into}`)
    if (kind === "train") this.#checkModel(name, incarnation, before, after)
    this.#commits.add({ round, epoch, kind, folds })
    this.facts.commits++
  }

  /** Nothing came of it: the disk has failed, or the process has died before. */
  undoCommit(round: number): void {
    this.#commits.undo(round)
    this.facts.commits--
  }

  #onFold(fold: Folding, weightCap: number, { rounds }: Incarnation): Folded {
    const { key, payload } = fold
    const { round, epoch, kind, cohort } = rounds!
    const device = this.#options.deviceOf(key.device)
    this.facts.folded++
    const isLate = key.round !== round
    if (isLate) this.facts["folded late"]++
    // An update of an earlier round is of the epoch in which that was committed.
    const ownEpoch = isLate ? (this.#commits.of(key.round)?.epoch ?? -1) : epoch
    const update = keyOf(device, key.round, ownEpoch)
    const into = keyOf(device, round, epoch)
    const sent = this.#options.ledger.find(device, key.round, ownEpoch, payload)
    if (sent === undefined) this.#referee.breach("fold-sent", `${update}: what is folded is not what was sent`)
    else {
      const staleness = isLate ? this.#commits.since(key.round) : 0
      const samples = kind === "train" ? Math.min(sent.header.samples, weightCap) : 1
      this.#checkWeight(update, fold, sent, samples, staleness)
    }
    if (this.#left.has(device)) this.#referee.breach("fold-sent", `${update}: has opted out`)
    if (!isLate && !cohort.has(device)) this.#referee.breach("fold-sent", `${update}: was not invited`)
    const ids = this.#folded.get(into) ?? new Set()
    const name = `${update} ${sent?.updateId}`
    if (this.#commits.has(update)) this.#referee.breach("fold-once", `${name} is in a model already`)
    if (ids.has(name) || (!isLate && [...ids].some((other) => other.startsWith(`${update} `))))
      this.#referee.breach("fold-once", `${update} is folded twice`)
    ids.add(name)
    this.#folded.set(into, ids)
    return { device, update, into: `${round}/${epoch}` }
  }

  #checkWeight(name: string, { codec, weight }: Folding, { header }: Sent, samples: number, staleness: number): void {
    const { late } = this.#options.plan
    // (1 + s)^-exponent in 65536ths (README.md, "How a round runs").
    const divisor = [1, Math.sqrt(1 + staleness), 1 + staleness][2 * late.exponent]!
    const share = Math.max(1, Math.round(65536 / divisor)) / 65536
    const expected = samples * share
    if (weight !== expected || codecName(header.codec) !== codec)
      this.#referee.breach("fold-sent", `${name}: is folded as ${codec} with weight ${weight}, expected ${expected}`)
    if (staleness > late.maxStaleness) this.#referee.breach("fold-sent", `${name}: ${staleness} commits old is too old`)
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
