import { FedmoteError } from "../core/error.ts"
import { devicesAsked } from "../core/over-selection.ts"
import type { ReadyDevice, RoundState } from "../core/round.ts"
import type { Dataset } from "../data/dataset.ts"
import { clientIndex } from "../data/client-index.ts"
import { deviceKey } from "../net/digest.ts"
import type { Client } from "./fleet-world.ts"
import { Permutation } from "./permutation.ts"
import type { Recorded } from "./replay.ts"

/** A client as the round machine hears of it. */
export type Member = Client & ReadyDevice

/** Whether a client takes part at all, or right now. */
export type Admits = (client: Client) => boolean

/** Who stands ready for rounds. */
export interface Roster {
  /** Whether it is others in every round. */
  readonly changes: boolean
  /** Those who stand ready for the round that is being selected. */
  standing(rounds: RoundState, admits: Admits): Iterable<Member>
  /** Does ahead what the next round will need, while others work on this one. */
  prepare(rounds: RoundState): void
}

/**
 * Up to so many clients all stand ready in every round, and selection is the live coordinator's own, over all of them. Of more, as of a live fleet that is larger than
 * its pool, only some stand ready at a time: see `DrawnRoster`.
 */
export const MOST_LISTED = 65536

/** One client of a data set, in full. */
export function memberOf(dataset: Dataset, index: number): Member {
  const id = dataset.id(index)
  return { index, id, key: deviceKey(id), samples: dataset.trainRows(index), testSamples: dataset.testRows(index) }
}

/** All of a fleet. */
export class ListedRoster implements Roster {
  readonly changes = false
  readonly #members: readonly Member[]

  constructor(dataset: Dataset) {
    this.#members = Array.from({ length: dataset.clients }, (_, index) => memberOf(dataset, index))
  }

  standing(_: RoundState, admits: Admits): Iterable<Member> {
    return this.#members.filter(admits)
  }

  prepare(): void {}
}

/** Draws in vain for each client that is wanted, before a round goes on with fewer. */
const MOST_DRAWS = 100

/**
 * Some of a population, in the order of a keyed permutation, from where the last round left off: every client has its turn before any has another, as the queue of a
 * live fleet has it, and a training round's clients are as good as drawn by chance. As many stand ready as are asked where they are all alike; where selection chooses
 * among them, as many as the plan's pool holds. Nothing is kept of those who do not.
 */
export class DrawnRoster implements Roster {
  readonly changes = true
  readonly #dataset: Dataset
  readonly #pool: number
  readonly #walks: { readonly [kind in RoundState["kind"]]: Walk }
  /** Drawn ahead for training, and how many of them have had their turn. */
  #ahead: Member[] = []
  #used = 0

  /** `pool`: how many stand ready where selection chooses among them. */
  constructor(dataset: Dataset, seed: number, pool: number) {
    this.#dataset = dataset
    this.#pool = Math.min(pool, MOST_LISTED)
    const walk = (number: number): Walk => new Walk(dataset.clients, seed, number)
    this.#walks = { train: walk(0), statistics: walk(1), evaluate: walk(2) }
  }

  *standing(rounds: RoundState, admits: Admits): Generator<Member> {
    const wanted = this.#wanted(rounds)
    const seen = new Set<number>()
    for (let tries = MOST_DRAWS * wanted, found = 0; found < wanted && tries > 0; tries--) {
      const member = this.#next(rounds.kind)
      // Where one order ends and the next begins, somebody may have a turn in both.
      if (seen.has(member.index) || !admits(member)) continue
      seen.add(member.index)
      found++
      yield member
    }
  }

  prepare(rounds: RoundState): void {
    const { kind, trained, settings } = rounds
    if (kind !== "train" || trained + 1 >= settings.rounds) return
    this.#ahead = this.#ahead.slice(this.#used)
    this.#used = 0
    for (let missing = this.#wanted(rounds) - this.#ahead.length; missing > 0; missing--)
      this.#ahead.push(this.#draw("train"))
  }

  // How many stand ready for a round of this kind.
  #wanted({ kind, settings, dropout }: RoundState): number {
    const alike = kind === "train" && settings.sampling === "uniform" && settings.late === undefined
    return alike ? Math.max(devicesAsked(settings, dropout), settings.minimumToStart) : this.#pool
  }

  #next(kind: RoundState["kind"]): Member {
    const ahead = kind === "train" && this.#used < this.#ahead.length ? this.#ahead[this.#used++] : undefined
    return ahead ?? this.#draw(kind)
  }

  #draw(kind: RoundState["kind"]): Member {
    return memberOf(this.#dataset, this.#walks[kind].next())
  }
}

/** All of a population, one order after the other. */
class Walk {
  readonly #count: number
  readonly #seed: number
  readonly #walk: number
  #order: Permutation
  #pass = 0
  #place = 0

  constructor(count: number, seed: number, walk: number) {
    this.#count = count
    this.#seed = seed
    this.#walk = walk
    this.#order = new Permutation(count, seed, walk, 0)
  }

  next(): number {
    if (this.#place === this.#count) {
      this.#place = 0
      this.#order = new Permutation(this.#count, this.#seed, this.#walk, ++this.#pass)
    }
    return this.#order.at(this.#place++)
  }
}

/** The clients of a recorded run, round by round; where they do not matter, whom `others` gives. */
export class RecordedRoster implements Roster {
  readonly changes = true
  readonly #dataset: Dataset
  readonly #recorded: Recorded
  readonly #others: Roster
  readonly #indexOf: (id: string) => number | undefined

  constructor(dataset: Dataset, recorded: Recorded, others: Roster) {
    this.#dataset = dataset
    this.#recorded = recorded
    this.#others = others
    this.#indexOf = clientIndex(dataset)
  }

  *standing(rounds: RoundState, admits: Admits): Generator<Member> {
    const devices = this.#recorded.devices(rounds)
    if (devices === undefined) yield* this.#others.standing(rounds, admits)
    else for (const id of devices) yield this.#find(id)
  }

  prepare(): void {}

  #find(id: string): Member {
    const index = this.#indexOf(id)
    if (index === undefined) throw new FedmoteError("replay", `expected the data of ${id}, got ${this.#dataset.name}`)
    return memberOf(this.#dataset, index)
  }
}
