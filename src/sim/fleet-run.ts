import type { CodecName } from "../core/codec.ts"
import { CODECS } from "../core/codec.ts"
import { FedmoteError, unreachable } from "../core/error.ts"
import { lossUnits } from "../core/federation.ts"
import type { Contribution, Federation, RoundSums } from "../core/federation.ts"
import { drawOf } from "../core/round-selection.ts"
import type { ReadyDevice, RoundEffect, RoundEvent, RoundKind } from "../core/round.ts"
import { select } from "../core/select.ts"
import { deviceFilter } from "../core/tags.ts"
import { createAccumulator } from "../kernel/accumulator.ts"
import type { KernelKind } from "../kernel/types.ts"
import { deviceKey } from "../net/digest.ts"
import type { Dataset } from "../data/dataset.ts"
import type { KeptLayout } from "../device/kept.ts"
import { Pulls, longestChain } from "../wire/pulls.ts"
import { updateMessageBytes, uploadPacketBytes } from "../wire/traffic.ts"
import { topics } from "../wire/topics.ts"
import { ClientStates } from "./client-states.ts"
import type { FoldPart } from "./client-worker.ts"
import type { Crew } from "./crew.ts"
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

/**
 * Feeds the round machine with a fleet that does not exist: all clients are ready, whoever is wanted answers, nothing is late. Which updates are
 * folded is decided first, by the machine; then the crew makes and folds them, and only partial sums come back. Time is a number that jumps to wherever the machine wants it.
 */
export class FleetRun {
  readonly #options: FleetOptions
  readonly #federation: Federation
  readonly #clients: Client[]
  readonly #byId: Map<string, Client>
  readonly #effects: RoundEffect[] = []
  readonly #folding: Client[] = []
  readonly #model: Float32Array
  readonly #states: ClientStates
  readonly #pulls: Pulls
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
    this.#states = new ClientStates(options.layout)
    // All threads read the same.
    this.#model = new Float32Array(new SharedArrayBuffer(4 * options.federation.model.devices.length))
    const { upload, downlink } = options.federation.plan
    this.#pulls = new Pulls(upload.chunkBytes, downlink?.history)
  }

  async run(): Promise<void> {
    this.#feed({ type: "start", nowMs: 0 })
    this.#gather()
    while (this.#federation.rounds.phase !== "released") {
      this.#options.signal?.throwIfAborted()
      if (this.#effects.length === 0) this.#skip()
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
      case "fold":
        this.#folding.push(this.#byId.get(effect.device)!)
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
        throw new FedmoteError("internal", `the update of ${effect.device} was ${effect.status}`)
      case "notice":
      case "wait":
      case "released":
        break
      default:
        unreachable(effect)
    }
  }

  // Of more devices than are wanted, those that selection ranks first are also the first to answer.
  #answer(devices: readonly string[]): void {
    const { rounds } = this.#federation
    const { kind, round, epoch, settings } = rounds
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
    const { federation, dataset, crew, recordCohorts, replay, heldOutItems } = this.#options
    const { rounds } = federation
    const { kind, round } = rounds
    // The longest first, so that no thread has it left at the end.
    const rows = (client: Client): number =>
      kind === "evaluate" ? dataset.testRows(client.index) : dataset.trainRows(client.index)
    const clients = [...this.#folding].sort((a, b) => rows(b) - rows(a))
    const shape = replay?.shape(rounds) ?? federation.shape(kind, this.#bound)
    const heldOut = kind === "evaluate" && heldOutItems !== undefined
    const bound = Math.max(this.#bound, heldOut ? heldOutItems : 1)
    this.#model.set(federation.model.devices)
    const recorded = replay?.steps(rounds)
    const items = heldOut ? Uint32Array.from({ length: heldOutItems }, (_, i) => i) : places(clients)
    const kept = this.#keeps(kind) && !heldOut ? this.#states.gather(items, this.#model) : undefined
    const parts = await crew.fold({
      items,
      heldOut,
      kind,
      round,
      model: this.#model,
      standardizer: federation.standardizer,
      ...shape,
      bound,
      kept,
      ...(recorded && { steps: Uint32Array.from(clients, ({ id }) => recorded.get(id)!) }),
    })
    this.#refuse(parts, heldOut)
    if (kept !== undefined && kind === "train") for (const part of parts) this.#states.keep(items, part.places, kept)
    const sum = createAccumulator({ ...shape, cohort: bound, ...kernelOf(this.#options) })
    for (const part of parts) sum.merge(part.sum, part.weight, part.count)
    const account = heldOut ? { ...NO_TRAFFIC, count: sum.count } : this.#account(clients, parts, recordCohorts)
    return { sum: sum.sum, weight: sum.weight, ...account }
  }

  // Whether work of this kind needs what clients keep. An error of the codec matters to nobody but the next training.
  #keeps(kind: RoundKind): boolean {
    const { size, parts } = this.#states.layout
    return (kind === "train" && size > 0) || (kind === "evaluate" && parts.ownSize > 0)
  }

  // What a live federation would leave out, or try again for ever, is an error here: it has one cause, and trying again changes nothing.
  #refuse(parts: readonly FoldPart[], heldOut: boolean): void {
    const { rounds } = this.#federation
    const refused = parts.flatMap((part) => part.refused)
    if (refused.length === 0) return
    const folded = parts.reduce((count, part) => count + part.count, 0)
    const least = rounds.kind === "train" ? rounds.settings.minimumToCommit : 1
    if (this.#options.replay === undefined && !heldOut && folded >= least) return
    const of = `${refused.length} of ${refused.length + folded} updates`
    const where = rounds.kind === "train" ? `round ${rounds.trained + 1}` : rounds.kind
    throw new FedmoteError("fleet", `${where}: ${of} were refused, the first: ${refused[0]!.reason}`)
  }

  #account(
    clients: readonly Client[],
    parts: readonly FoldPart[],
    record: boolean,
  ): Omit<RoundSums, "sum" | "weight" | "seconds"> {
    const contributions: Contribution[] = []
    let count = 0
    let samples = 0
    let lossSum = 0
    let uplinkBytes = 0
    for (const part of parts) {
      count += part.count
      for (let i = 0; i < part.places.length; i++) {
        const { id } = clients[part.places[i]!]!
        samples += part.samples[i]!
        lossSum += lossUnits(part.lossSums[i]!)
        uplinkBytes += this.#uplink(id, part.samples[i]!, part.steps[i]!, part.bytes[i]!)
        if (record) contributions.push({ device: id, steps: part.steps[i]!, samples: part.samples[i]! })
      }
    }
    const downlinkBytes = this.#downlink()
    return { count, samples, lossSum, ...(record && { contributions }), uplinkBytes, downlinkBytes }
  }

  #uplink(device: string, samples: number, steps: number, payloadBytes: number): number {
    const { plan, rounds, version } = this.#federation
    const { shards } = plan.upload
    const header = {
      round: rounds.round,
      epoch: rounds.epoch,
      updateId: NO_ID,
      baseVersion: version,
      codec: CODECS[rounds.kind === "train" ? this.#options.codec : "f32"].id,
      samples,
      steps,
      metrics: rounds.kind === "train" ? LOSS : NO_METRICS,
    }
    const topic = topics(plan.fleet).update(device, shards)
    return updateMessageBytes(header, payloadBytes, topic, uploadPacketBytes())
  }

  // What the coordinator offers: all deltas since the first commit, as far as the plan keeps them and they are worth it.
  #downlink(): number {
    const { plan, model, rounds, version, standardizer } = this.#federation
    if (rounds.kind === "statistics") return 0
    const features = standardizer === undefined ? 0 : 2 * standardizer.mean.length
    const modelBytes = 4 * (features + model.devices.length)
    const deltaBytes = model.delta?.payload.length ?? 0
    const deltas = Math.min(model.version, longestChain(plan.downlink?.history ?? 0, deltaBytes, modelBytes))
    return this.#pulls.take(rounds.cohort, { version, modelBytes, deltaBytes, deltas })
  }
}

const NO_TRAFFIC = { samples: 0, lossSum: 0, uplinkBytes: 0, downlinkBytes: 0 }

function places(clients: readonly Client[]): Uint32Array {
  return Uint32Array.from(clients, ({ index }) => index)
}

// Only their lengths count.
const NO_ID = new Uint8Array(8)
const LOSS = new Float32Array(1)
const NO_METRICS = new Float32Array(0)

function kernelOf({ kernel }: FleetOptions): { readonly kind?: KernelKind } {
  return kernel === undefined ? {} : { kind: kernel }
}
