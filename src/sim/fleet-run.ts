import type { CodecName } from "../core/codec.ts"
import { FedmoteError, unreachable } from "../core/error.ts"
import { lossUnits } from "../core/federation.ts"
import type { Contribution, Federation, RoundShape, RoundSums } from "../core/federation.ts"
import { drawOf } from "../core/round-selection.ts"
import type { ReadyDevice, RoundEffect, RoundEvent, RoundKind } from "../core/round.ts"
import { select } from "../core/select.ts"
import { deviceFilter } from "../core/tags.ts"
import { createAccumulator } from "../kernel/accumulator.ts"
import type { KernelKind } from "../kernel/types.ts"
import { deviceKey } from "../net/digest.ts"
import type { Dataset } from "../data/dataset.ts"
import type { KeptLayout } from "../device/kept.ts"
import { Arrivals, workShare } from "./arrivals.ts"
import { ClientStates } from "./client-states.ts"
import type { FoldPart } from "./client-worker.ts"
import type { Crew } from "./crew.ts"
import { FleetTraffic } from "./fleet-traffic.ts"
import { PastModels } from "./past-models.ts"
import type { Recorded } from "./replay.ts"

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
  /** Items of work that an evaluation is where the server holds the test samples: no client is asked, nothing travels. */
  readonly heldOutItems?: number | undefined
  readonly signal?: AbortSignal | undefined
  /** After every training round and its evaluation. */
  onCommit?(): void
}

interface Client {
  readonly index: number
  readonly id: string
  readonly key: readonly [number, number]
}

/** An update that the machine takes. */
interface Folded {
  readonly client: Client
  readonly staleness: number
  /** Replay: local steps. */
  readonly steps?: number
}

/** What the crew did: partial sums, and whose they are. */
interface Worked {
  readonly clients: readonly Client[]
  readonly staleness: number
  readonly parts: readonly FoldPart[]
}

/**
 * Feeds the round machine with a fleet that does not exist: all clients are ready, and whoever is wanted answers. Nothing is late, unless the plan takes
 * late updates: then clients work for a time that follows from their samples and the seed. Which updates are folded is decided first, by the machine; then
 * the crew makes and folds them, and only partial sums come back. Time is a number that jumps to wherever the machine wants it.
 */
export class FleetRun {
  readonly #options: FleetOptions
  readonly #federation: Federation
  readonly #clients: Client[]
  readonly #byId: Map<string, Client>
  readonly #effects: RoundEffect[] = []
  readonly #folding: Folded[] = []
  readonly #arrivals = new Arrivals()
  readonly #models: PastModels
  /** Training samples of the largest client. */
  readonly #mostRows: number
  readonly #states: ClientStates
  readonly #traffic: FleetTraffic
  #bound = 1
  #nowMs = 0

  constructor(options: FleetOptions) {
    this.#options = options
    this.#federation = options.federation
    this.#clients = Array.from({ length: options.dataset.clients }, (_, index) => {
      const id = options.dataset.id(index)
      return { index, id, key: deviceKey(id) }
    })
    this.#byId = new Map(this.#clients.map((client) => [client.id, client]))
    this.#mostRows = this.#clients.reduce((most, { index }) => Math.max(most, options.dataset.trainRows(index)), 1)
    this.#states = new ClientStates(options.layout)
    const { model, rounds } = options.federation
    const staleness = options.replay?.staleness ?? rounds.settings.late?.maxStaleness ?? 0
    this.#models = new PastModels(model.devices.length, staleness)
    this.#traffic = new FleetTraffic(options.federation, options.codec)
  }

  async run(): Promise<void> {
    this.#feed({ type: "start", nowMs: 0 })
    this.#gather()
    while (this.#federation.rounds.phase !== "released") {
      this.#options.signal?.throwIfAborted()
      if (this.#effects.length === 0 && !this.#arrive()) this.#skip()
      for (const effect of this.#effects.splice(0)) await this.#apply(effect)
    }
  }

  #feed(event: RoundEvent): void {
    this.#federation.step(event, this.#effects)
  }

  // The devices of the next round say that they are ready: all, or in a replay those that were folded.
  #gather(): void {
    const { replay, dataset } = this.#options
    const wanted = replay?.devices(this.#federation.rounds)
    const admits = deviceFilter(this.#federation.plan)
    for (const client of wanted?.map((id) => this.#byId.get(id)!) ?? this.#clients.filter(({ id }) => admits(id)))
      this.#feed({
        type: "ready",
        nowMs: this.#nowMs,
        device: {
          id: client.id,
          key: client.key,
          samples: dataset.trainRows(client.index),
          testSamples: dataset.testRows(client.index),
        },
      })
  }

  #scatter(): void {
    for (const device of this.#federation.rounds.ready.keys())
      this.#feed({ type: "unready", nowMs: this.#nowMs, device })
  }

  // The next update, where it comes before the machine wants to be asked again. Between training rounds all wait.
  #arrive(): boolean {
    const { kind, phase, wakeAtMs } = this.#federation.rounds
    const next = this.#arrivals.next
    const open = kind === "train" && (phase === "working" || phase === "finishing")
    if (!open || next === undefined || next.atMs > wakeAtMs) return false
    this.#arrivals.take()
    this.#nowMs = Math.max(this.#nowMs, next.atMs)
    const { device, round, epoch } = next
    this.#feed({ type: "update", nowMs: this.#nowMs, device, round, epoch })
    return true
  }

  // Nothing happens before the machine wants to be asked again.
  #skip(): void {
    this.#nowMs = Math.max(this.#nowMs, this.#federation.rounds.wakeAtMs)
    if (!Number.isFinite(this.#nowMs)) throw new FedmoteError("internal", "the round machine waits for nothing")
    this.#feed({ type: "tick", nowMs: this.#nowMs })
  }

  async #apply(effect: RoundEffect): Promise<void> {
    switch (effect.type) {
      case "begin":
        this.#bound = effect.bound
        this.#folding.length = 0
        this.#answer(effect.devices)
        break
      case "join":
        this.#launch(effect.devices)
        break
      case "fold":
        this.#folding.push({ client: this.#byId.get(effect.device)!, staleness: effect.staleness })
        this.#feed({ type: "folded", nowMs: this.#nowMs, device: effect.device, ok: true })
        break
      case "commit":
        await this.#commit()
        break
      case "waiting":
        throw new FedmoteError(
          "fleet",
          `expected ${effect.needed} clients with samples for a round of this plan, the data has ${effect.ready}`,
        )
      case "abandoned":
        throw new FedmoteError("fleet", `expected ${effect.needed} updates in a round, got ${effect.folded}`)
      case "receipt":
        this.#turnedAway(effect.device, effect.status)
        break
      case "notice":
      case "wait":
      case "released":
        break
      default:
        unreachable(effect)
    }
  }

  // Training takes its time where late updates are taken.
  #launch(devices: readonly string[]): void {
    const { round, epoch, settings } = this.#federation.rounds
    for (const { id, key, samples } of this.#ready(devices)) {
      const share = workShare(samples, this.#mostRows, settings.seed, round, key)
      // The slowest is there before the word to finish.
      const atMs = this.#nowMs + (share * (settings.reportTimeoutMs - settings.finishMs)) / 2
      this.#arrivals.add({ device: id, round, epoch, atMs })
    }
  }

  #turnedAway(device: string, status: string): void {
    const { rounds } = this.#federation
    // Too old.
    if (rounds.settings.late !== undefined && status === "late") return
    throw new FedmoteError("internal", `the update of ${device} was ${status}`)
  }

  // Of more devices than are wanted, those that selection ranks first are also the first to answer.
  #answer(devices: readonly string[]): void {
    const { rounds } = this.#federation
    const { kind, round, epoch, settings } = rounds
    if (kind === "train" && settings.late !== undefined) return this.#launch(devices)
    const folded =
      kind === "train" && settings.sampling !== "poisson" && devices.length > settings.cohort
        ? select(this.#ready(devices), { ...drawOf(rounds), attempt: rounds.draws - 1, count: settings.cohort })
        : devices
    for (const device of folded) this.#feed({ type: "update", nowMs: this.#nowMs, device, round, epoch })
  }

  #ready(devices: readonly string[]): ReadyDevice[] {
    return devices.map((id) => this.#federation.rounds.ready.get(id)!)
  }

  async #commit(): Promise<void> {
    const { federation, onCommit, replay } = this.#options
    const started = performance.now()
    const { kind, trained } = federation.rounds
    const sums = await this.#work()
    const { stop } = federation.commit({ ...sums, seconds: (performance.now() - started) / 1000 })
    const over = replay === undefined ? stop !== undefined : replay.over(kind === "train" ? trained + 1 : trained)
    if (replay !== undefined) this.#scatter()
    const evaluated = kind === "evaluate"
    this.#feed({ type: "committed", nowMs: this.#nowMs, stop: over && (kind !== "train" || !this.#evaluates()) })
    if (replay !== undefined && federation.rounds.phase === "selecting") this.#gather()
    if (evaluated || (kind === "train" && federation.rounds.kind !== "evaluate")) onCommit?.()
  }

  // Whether the training round that is committed now is followed by an evaluation.
  #evaluates(): boolean {
    const { settings, trained } = this.#federation.rounds
    const { evaluateEvery, rounds } = settings
    return evaluateEvery > 0 && ((trained + 1) % evaluateEvery === 0 || trained + 1 >= rounds)
  }

  async #work(): Promise<Omit<RoundSums, "seconds">> {
    const { federation, recordCohorts, replay, heldOutItems } = this.#options
    const { rounds } = federation
    const { kind, round, trained } = rounds
    this.#models.set(trained, round, federation.model.devices)
    const shape = replay?.shape(rounds) ?? federation.shape(kind, this.#bound)
    const heldOut = kind === "evaluate" ? heldOutItems : undefined
    // A round that is replayed may have more than one update of a device.
    const bound = Math.max(this.#bound, heldOut ?? 1, replay?.updates(rounds)?.length ?? 1)
    const worked: Worked[] = []
    if (heldOut !== undefined) worked.push(await this.#fold([], 0, { ...shape, bound }, heldOut))
    else for (const [staleness, of] of this.#groups()) worked.push(await this.#fold(of, staleness, { ...shape, bound }))
    this.#refuse(worked, heldOut !== undefined)
    const sum = createAccumulator({ ...shape, cohort: bound, ...kernelOf(this.#options) })
    for (const { parts } of worked) for (const part of parts) sum.merge(part.sum, part.weight, part.count)
    const account = heldOut === undefined ? this.#account(worked, recordCohorts) : { ...NO_TRAFFIC, count: sum.count }
    return { sum: sum.sum, weight: sum.weight, ...account }
  }

  // What was trained from one model goes together.
  #groups(): Map<number, Folded[]> {
    const recorded = this.#options.replay?.updates(this.#federation.rounds)
    const all = recorded?.map(({ device, steps, staleness = 0 }) => ({
      client: this.#byId.get(device)!,
      staleness,
      steps,
    }))
    return Map.groupBy(all ?? this.#folding, ({ staleness }) => staleness)
  }

  async #fold(folded: readonly Folded[], staleness: number, shape: RoundShape, heldOutItems?: number): Promise<Worked> {
    const { federation, dataset, crew } = this.#options
    const { kind, trained } = federation.rounds
    const { round, model } = this.#models.get(trained - staleness)
    // The longest first, so that no thread has it left at the end.
    const rows = ({ client }: Folded): number =>
      kind === "evaluate" ? dataset.testRows(client.index) : dataset.trainRows(client.index)
    const sorted = [...folded].sort((a, b) => rows(b) - rows(a))
    const clients = sorted.map(({ client }) => client)
    const heldOut = heldOutItems !== undefined
    const items = heldOut ? Uint32Array.from({ length: heldOutItems }, (_, i) => i) : places(clients)
    const kept = this.#keeps(kind) && !heldOut ? this.#states.gather(items, model) : undefined
    const steps = sorted.flatMap((each) => (each.steps === undefined ? [] : [each.steps]))
    const { standardizer } = federation
    const parts = await crew.fold({
      items,
      heldOut,
      kind,
      round,
      staleness,
      model,
      standardizer,
      ...shape,
      kept,
      ...(steps.length > 0 && { steps: Uint32Array.from(steps) }),
    })
    if (kept !== undefined && kind === "train") for (const part of parts) this.#states.keep(items, part.places, kept)
    return { clients, staleness, parts }
  }

  // Whether work of this kind needs what clients keep. An error of the codec matters to nobody but the next training.
  #keeps(kind: RoundKind): boolean {
    const { size, parts } = this.#states.layout
    return (kind === "train" && size > 0) || (kind === "evaluate" && parts.ownSize > 0)
  }

  // What a live federation would leave out, or try again for ever, is an error here: it has one cause, and trying again changes nothing.
  #refuse(worked: readonly Worked[], heldOut: boolean): void {
    const { rounds } = this.#federation
    const parts = worked.flatMap((each) => each.parts)
    const refused = parts.flatMap((part) => part.refused)
    if (refused.length === 0) return
    const folded = parts.reduce((count, part) => count + part.count, 0)
    const least = rounds.kind === "train" ? rounds.settings.minimumToCommit : 1
    if (this.#options.replay === undefined && !heldOut && folded >= least) return
    const of = `${refused.length} of ${refused.length + folded} updates`
    const where = rounds.kind === "train" ? `round ${rounds.trained + 1}` : rounds.kind
    throw new FedmoteError("fleet", `${where}: ${of} were refused, the first: ${refused[0]!.reason}`)
  }

  #account(worked: readonly Worked[], record: boolean): Omit<RoundSums, "sum" | "weight" | "seconds"> {
    const { trained } = this.#federation.rounds
    const contributions: Contribution[] = []
    let count = 0
    let samples = 0
    let lossSum = 0
    let uplinkBytes = 0
    for (const { clients, staleness, parts } of worked)
      for (const part of parts) {
        count += part.count
        for (let i = 0; i < part.places.length; i++) {
          const { id } = clients[part.places[i]!]!
          const update = { device: id, steps: part.steps[i]!, samples: part.samples[i]!, staleness }
          samples += update.samples
          lossSum += lossUnits(part.lossSums[i]!)
          uplinkBytes += this.#traffic.uplink(update, this.#models.get(trained - staleness).round, part.bytes[i]!)
          if (record) contributions.push(update)
        }
      }
    const downlinkBytes = this.#traffic.downlink()
    return { count, samples, lossSum, ...(record && { contributions }), uplinkBytes, downlinkBytes }
  }
}

const NO_TRAFFIC = { samples: 0, lossSum: 0, uplinkBytes: 0, downlinkBytes: 0 }

function places(clients: readonly Client[]): Uint32Array {
  return Uint32Array.from(clients, ({ index }) => index)
}

function kernelOf({ kernel }: FleetOptions): { readonly kind?: KernelKind } {
  return kernel === undefined ? {} : { kind: kernel }
}
