import type { CodecName } from "../core/codec.ts"
import { FedmoteError, unreachable } from "../core/error.ts"
import type { Federation } from "../core/federation.ts"
import { drawOf } from "../core/round-selection.ts"
import type { RoundEffect, RoundEvent } from "../core/round.ts"
import { select } from "../core/select.ts"
import { deviceFilter } from "../core/tags.ts"
import type { Dataset } from "../data/dataset.ts"
import type { KeptLayout } from "../device/kept.ts"
import type { KernelKind } from "../kernel/types.ts"
import { Answers, EvenWorld } from "./answers.ts"
import type { Arrival } from "./arrivals.ts"
import { mostRowsOf } from "./client-worker.ts"
import type { Crew } from "./crew.ts"
import { FleetTraffic } from "./fleet-traffic.ts"
import type { World } from "./fleet-world.ts"
import type { Recorded } from "./replay.ts"
import { DrawnRoster, ListedRoster, MOST_LISTED, RecordedRoster } from "./roster.ts"
import type { Admits, Member, Roster } from "./roster.ts"
import { RoundWork } from "./round-work.ts"
import type { Folded } from "./round-work.ts"
import { taskOf } from "./task.ts"

export interface FleetOptions {
  readonly federation: Federation
  readonly dataset: Dataset
  readonly crew: Crew
  readonly codec: CodecName
  /** What clients keep to themselves between rounds. */
  readonly layout: KeptLayout
  readonly kernel: KernelKind | undefined
  readonly recordCohorts: boolean
  /** What is to be folded instead of what the machine selects. */
  readonly replay?: Recorded | undefined
  /** Decides who is there and what comes when; without one everybody is, and answers at once. Not with `replay`. */
  readonly world?: World | undefined
  /** Items of work that an evaluation is where the server holds the test samples: no client is asked, nothing travels. */
  readonly heldOutItems?: number | undefined
  readonly signal?: AbortSignal | undefined
  /** After every training round and its evaluation. */
  onCommit?(): void
}

/** A round that was abandoned so often does not get better by being tried again. */
const MOST_TRIES = 100
/** Clients that have not come in so long do not come any more. */
const MOST_WAIT_MS = 7 * 24 * 3_600_000

/**
 * Feeds the round machine with a fleet that does not exist: clients stand ready, and whoever is wanted answers - at once, or when the world has it that the
 * update arrives. Which updates are folded is decided first, by the machine; then the crew makes and folds them, and only partial sums come back. Time is a
 * number that jumps to wherever something happens.
 */
export class FleetRun {
  readonly #options: FleetOptions
  readonly #federation: Federation
  readonly #roster: Roster
  readonly #admits: Admits
  readonly #effects: RoundEffect[] = []
  #folding: Folded[] = []
  /** Absent where everybody answers at once. */
  readonly #answers: Answers | undefined
  /** What has just come. */
  #arrived: Arrival | undefined
  readonly #traffic: FleetTraffic
  readonly #work: RoundWork
  #bound = 1
  #nowMs = 0
  /** Since when a selection waits in vain. */
  #waitsSinceMs = Infinity

  constructor(options: FleetOptions) {
    const { federation, dataset, replay, heldOutItems, world } = options
    const { settings } = federation.rounds
    this.#options = options
    this.#federation = federation
    this.#roster = rosterOf(options)
    const tagged = deviceFilter(federation.plan)
    this.#admits = (client) => tagged(client.id) && (world === undefined || world.isReady(client, this.#nowMs))
    if (world !== undefined) this.#answers = new Answers(world, settings.late !== undefined)
    else if (settings.late !== undefined)
      this.#answers = new Answers(new EvenWorld(settings, mostRowsOf(dataset)), true)
    this.#traffic = new FleetTraffic(federation, options.codec)
    const staleness = replay?.staleness ?? settings.late?.maxStaleness ?? 0
    this.#work = new RoundWork({
      ...options,
      traffic: this.#traffic,
      replay: replay !== undefined,
      heldOutItems,
      staleness,
    })
  }

  async run(): Promise<void> {
    this.#gather()
    this.#feed({ type: "start", nowMs: 0 })
    while (this.#federation.rounds.phase !== "released") {
      this.#options.signal?.throwIfAborted()
      if (this.#effects.length === 0 && !this.#arrive()) this.#skip()
      // Few effects are to be waited for, and there is one for each client.
      for (const effect of this.#effects.splice(0))
        if (effect.type === "commit") await this.#commit()
        else this.#apply(effect)
    }
  }

  // Keeps nothing of the event: there are many, and one object may serve for all of a kind.
  #feed(event: RoundEvent): void {
    this.#federation.step(event, this.#effects)
  }

  // The devices of the next round say that they are ready, all of them at once.
  #gather(): void {
    const devices = this.#roster.standing(this.#federation.rounds, this.#admits)
    this.#feed({ type: "gathered", nowMs: this.#nowMs, devices })
  }

  #scatter(): void {
    const unready = { type: "unready" as const, nowMs: this.#nowMs, device: "" }
    for (const device of this.#federation.rounds.ready.keys()) {
      unready.device = device
      this.#feed(unready)
    }
  }

  // Whether those who stand ready are not the same in every round.
  get #changes(): boolean {
    return this.#roster.changes || this.#options.world !== undefined
  }

  // The next update, where it comes before the machine wants to be asked again. Between training rounds theirs wait.
  #arrive(): boolean {
    const { rounds } = this.#federation
    const open = rounds.phase === "working" || rounds.phase === "finishing"
    const next = open ? this.#answers?.next(rounds) : undefined
    if (next === undefined || next.atMs > rounds.wakeAtMs) return false
    this.#answers!.take(rounds)
    this.#nowMs = Math.max(this.#nowMs, next.atMs)
    this.#arrived = next
    const { client, round, epoch } = next.task
    this.#feed({ type: "update", nowMs: this.#nowMs, device: client.id, round, epoch })
    return true
  }

  // Nothing happens before the machine wants to be asked again.
  #skip(): void {
    this.#nowMs = Math.max(this.#nowMs, this.#federation.rounds.wakeAtMs)
    if (!Number.isFinite(this.#nowMs)) throw new FedmoteError("internal", "the round machine waits for nothing")
    this.#feed({ type: "tick", nowMs: this.#nowMs })
  }

  #apply(effect: Exclude<RoundEffect, { readonly type: "commit" }>): void {
    switch (effect.type) {
      case "begin":
        this.#bound = effect.bound
        this.#folding = []
        this.#waitsSinceMs = Infinity
        this.#answer(effect.devices)
        break
      case "join":
        this.#ask(effect.devices)
        break
      case "fold":
        this.#fold(effect.device, effect.staleness)
        break
      case "waiting":
        this.#wait(effect.ready, effect.needed)
        break
      case "abandoned":
        this.#retry(effect.folded, effect.needed)
        break
      case "receipt":
        this.#turnedAway(effect.device, effect.status)
        break
      case "notice":
        if (this.#federation.rounds.phase === "finishing") this.#answers?.finish(this.#federation.rounds, this.#nowMs)
        break
      case "wait":
      case "released":
        break
      default:
        unreachable(effect)
    }
  }

  // Of more devices than are wanted, those that selection ranks first are also the first to answer, where all answer at once.
  #answer(devices: readonly string[]): void {
    const { rounds } = this.#federation
    const { kind, round, epoch, settings } = rounds
    const { world, heldOutItems } = this.#options
    const asksNobody = kind === "evaluate" && heldOutItems !== undefined
    if (!asksNobody && (world !== undefined || (kind === "train" && this.#answers !== undefined)))
      return this.#ask(devices)
    const folded =
      kind === "train" && settings.sampling !== "poisson" && devices.length > settings.cohort
        ? select(
            devices.map((id) => this.#member(id)),
            { ...drawOf(rounds), attempt: rounds.draws - 1, count: settings.cohort },
          )
        : devices
    this.#arrived = undefined
    const update = { type: "update" as const, nowMs: this.#nowMs, device: "", round, epoch }
    for (const device of folded) {
      update.device = device
      this.#feed(update)
    }
  }

  #ask(devices: readonly string[]): void {
    for (const id of devices)
      this.#answers!.ask(taskOf(this.#member(id), this.#nowMs, this.#federation, this.#traffic, this.#options.codec))
  }

  // The machine keeps the very members that it was fed.
  #member(id: string): Member {
    return this.#federation.rounds.ready.get(id) as Member
  }

  #fold(device: string, staleness: number): void {
    const arrived = this.#arrived
    const client = arrived === undefined ? this.#member(device) : (arrived.task.client as Member)
    if (arrived !== undefined) this.#answers!.fold(arrived)
    this.#folding.push({ client, staleness, steps: arrived?.steps ?? 0 })
    this.#feed({ type: "folded", nowMs: this.#nowMs, device, ok: true })
  }

  #turnedAway(device: string, status: string): void {
    const { settings } = this.#federation.rounds
    const arrived = this.#arrived
    if (arrived !== undefined && status === "busy") return this.#answers!.again(arrived, this.#nowMs)
    // Too old, or of a round that was abandoned.
    if (arrived !== undefined && (settings.late !== undefined || this.#options.world !== undefined)) return
    throw new FedmoteError("internal", `the update of ${device} was ${status}`)
  }

  // In a world that changes others may come; in one that does not it would wait for ever.
  #wait(ready: number, needed: number): void {
    if (this.#options.world === undefined)
      throw new FedmoteError(
        "fleet",
        `expected ${needed} clients with samples for a round of this plan, the data has ${ready}`,
      )
    this.#waitsSinceMs = Math.min(this.#waitsSinceMs, this.#nowMs)
    if (this.#nowMs - this.#waitsSinceMs > MOST_WAIT_MS)
      throw new FedmoteError(
        "fleet",
        `expected ${needed} clients ready for a round, got ${ready} at best in ${MOST_WAIT_MS / 86_400_000} days of this world's time: their hours do not meet, or their batteries are empty`,
      )
    this.#scatter()
    this.#gather()
  }

  #retry(folded: number, needed: number): void {
    const { kind, tries, trained } = this.#federation.rounds
    if (this.#options.world === undefined || tries > MOST_TRIES)
      throw new FedmoteError("fleet", `round ${trained + 1}: expected ${needed} updates in a round, got ${folded}`)
    this.#answers!.end(kind, this.#nowMs, false)
    this.#scatter()
    this.#gather()
  }

  async #commit(): Promise<void> {
    const { federation, onCommit, replay } = this.#options
    const started = performance.now()
    const { kind, trained } = federation.rounds
    const sums = await this.#sums()
    const { stop } = federation.commit({ ...sums, seconds: (performance.now() - started) / 1000 })
    this.#answers?.end(kind, this.#nowMs, true)
    const over = replay === undefined ? stop !== undefined : replay.over(kind === "train" ? trained + 1 : trained)
    if (this.#changes) this.#scatter()
    const evaluated = kind === "evaluate"
    this.#feed({ type: "committed", nowMs: this.#nowMs, stop: over && (kind !== "train" || !this.#evaluates()) })
    if (this.#changes && federation.rounds.phase === "selecting") this.#gather()
    if (evaluated || (kind === "train" && federation.rounds.kind !== "evaluate")) onCommit?.()
  }

  // Whether the training round that is committed now is followed by an evaluation.
  #evaluates(): boolean {
    const { settings, trained } = this.#federation.rounds
    const { evaluateEvery, rounds } = settings
    return evaluateEvery > 0 && ((trained + 1) % evaluateEvery === 0 || trained + 1 >= rounds)
  }

  async #sums(): ReturnType<RoundWork["sums"]> {
    const { federation, replay } = this.#options
    const { rounds } = federation
    const shape = replay?.shape(rounds) ?? federation.shape(rounds.kind, this.#bound)
    const sums = this.#work.sums(this.#recorded() ?? this.#folding, { ...shape, bound: this.#bound })
    this.#roster.prepare(rounds)
    return sums
  }

  // A round that is replayed may have more than one update of a device.
  #recorded(): Folded[] | undefined {
    const { replay, federation } = this.#options
    return replay?.updates(federation.rounds)?.map(({ device, steps, staleness = 0 }) => ({
      client: this.#member(device),
      staleness,
      steps,
    }))
  }
}
function rosterOf({ dataset, federation, replay }: FleetOptions): Roster {
  const { seed, pool } = federation.rounds.settings
  const large = dataset.clients > MOST_LISTED
  const own = large ? new DrawnRoster(dataset, seed, replay?.pool ?? pool) : new ListedRoster(dataset)
  return replay === undefined ? own : new RecordedRoster(dataset, replay, own)
}
