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
  readonly #pool: number
  readonly #clients: number
  readonly #walks: { readonly [kind in RoundState["kind"]]: Walk }

  /** `pool`: how many stand ready where selection chooses among them. */
  constructor(dataset: Dataset, seed: number, pool: number) {
    this.#pool = Math.min(pool, MOST_LISTED)
    this.#clients = dataset.clients
    const walk = (number: number): Walk => new Walk(dataset, seed, number)
    this.#walks = { train: walk(0), statistics: walk(1), evaluate: walk(2) }
  }

  standing(rounds: RoundState, admits: Admits): readonly Member[] {
    const wanted = this.#wanted(rounds)
    const walk = this.#walks[rounds.kind]
    const members: Member[] = []
    const begun = walk.turns
    let seen: Set<number> | undefined
    for (let tries = MOST_DRAWS * wanted; members.length < wanted && tries > 0; tries--) {
      const member = walk.turn()
      if (!admits(member)) continue
      // Where one order ends and the next begins, somebody may have a turn in both.
      if (walk.turns > begun) seen ??= new Set(members.map(({ index }) => index))
      if (seen?.has(member.index) === true) continue
      members.push(member)
    }
    return members
  }

  prepare(rounds: RoundState): void {
    const { kind, trained, settings } = rounds
    if (kind === "train" && trained + 1 < settings.rounds) this.#walks.train.prepare(this.#wanted(rounds))
  }

  // How many stand ready for a round of this kind.
  #wanted({ kind, settings, dropout }: RoundState): number {
    const alike = kind === "train" && settings.sampling === "uniform" && settings.late === undefined
    const wanted = alike ? Math.max(devicesAsked(settings, dropout), settings.minimumToStart) : this.#pool
    return Math.min(wanted, this.#clients)
  }
}

/** All of a population, one order after the other. */
class Walk {
  readonly #dataset: Dataset
  readonly #seed: number
  readonly #number: number
  #order: Permutation
  /** Turns that were drawn, and those of them that were taken. */
  #drawn = 0
  #taken = 0
  #ahead: Member[] = []

  constructor(dataset: Dataset, seed: number, number: number) {
    this.#dataset = dataset
    this.#seed = seed
    this.#number = number
    this.#order = new Permutation(dataset.clients, seed, number, 0)
  }

  /** How often all have had their turn. */
  get turns(): number {
    return Math.floor((this.#taken - 1) / this.#dataset.clients)
  }

  turn(): Member {
    const waiting = this.#drawn - this.#taken
    const member = waiting > 0 ? this.#ahead[this.#ahead.length - waiting]! : this.#draw()
    this.#taken++
    return member
  }

  /** Draws ahead until so many wait. */
  prepare(count: number): void {
    const waiting = this.#drawn - this.#taken
    this.#ahead = this.#ahead.slice(this.#ahead.length - waiting)
    for (let missing = count - waiting; missing > 0; missing--) this.#ahead.push(this.#draw())
  }

  #draw(): Member {
    const { clients } = this.#dataset
    const place = this.#drawn % clients
    if (place === 0 && this.#drawn > 0)
      this.#order = new Permutation(clients, this.#seed, this.#number, this.#drawn / clients)
    this.#drawn++
    return memberOf(this.#dataset, this.#order.at(place))
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
