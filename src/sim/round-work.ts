import { FedmoteError } from "../core/error.ts"
import { lossUnits } from "../core/federation.ts"
import type { Contribution, Federation, RoundShape, RoundSums } from "../core/federation.ts"
import type { RoundKind } from "../core/round.ts"
import type { KernelKind } from "../kernel/types.ts"
import type { KeptLayout } from "../device/kept.ts"
import { Accumulators } from "./accumulators.ts"
import { ClientStates } from "./client-states.ts"
import type { Crew } from "./crew.ts"
import type { FleetTraffic } from "./fleet-traffic.ts"
import type { FoldPart } from "./fold-job.ts"
import { PastModels } from "./past-models.ts"
import type { Member } from "./roster.ts"

export interface RoundWorkOptions {
  readonly federation: Federation
  readonly crew: Crew
  readonly traffic: FleetTraffic
  /** What clients keep to themselves between rounds. */
  readonly layout: KeptLayout
  readonly kernel: KernelKind | undefined
  readonly recordCohorts: boolean
  /** An update that is short of its steps, or not refused, is no error: the run is a replay, or what is lost is left out. */
  readonly replay: boolean
  /** Items of work that an evaluation is where the server holds the test samples: no client is asked, nothing travels. */
  readonly heldOutItems: number | undefined
  /** Commits that may lie between an update's model and its round. */
  readonly staleness: number
}

/** An update that is to be folded. */
export interface Folded {
  readonly client: Member
  readonly staleness: number
  /** Local steps; 0 for all. */
  readonly steps: number
}

/** What the crew did: partial sums, and whose they are. */
interface Worked {
  readonly folded: readonly Folded[]
  readonly staleness: number
  readonly parts: readonly FoldPart[]
}

/** Has the updates of a round made and folded by the crew, and puts together what they come to. */
export class RoundWork {
  readonly #options: RoundWorkOptions
  readonly #states: ClientStates
  readonly #models: PastModels
  readonly #accumulators: Accumulators

  constructor(options: RoundWorkOptions) {
    this.#options = options
    this.#states = new ClientStates(options.layout)
    this.#accumulators = new Accumulators(options.kernel)
    this.#models = new PastModels(options.federation.model.devices.length, options.staleness)
  }

  /** The sums of the round that is committing, folded in the given shape. */
  async sums(all: readonly Folded[], shape: RoundShape): Promise<Omit<RoundSums, "seconds">> {
    const { federation, heldOutItems } = this.#options
    const { kind, round, trained } = federation.rounds
    this.#models.set(trained, round, federation.model.devices)
    const heldOut = kind === "evaluate" ? heldOutItems : undefined
    const bounded = { ...shape, bound: Math.max(shape.bound, heldOut ?? 1, all.length) }
    const working = heldOut === undefined ? this.#foldAll(all, bounded) : this.#evaluate(heldOut, bounded)
    // While others work.
    const downlinkBytes = heldOut === undefined ? this.#options.traffic.downlink() : 0
    const worked = await working
    this.#refuse(worked)
    const sum = this.#accumulators.empty(bounded)
    for (const { parts } of worked) for (const part of parts) sum.merge(part.sum, part.weight, part.count)
    return { sum: sum.sum, weight: sum.weight, ...this.#account(worked), count: sum.count, downlinkBytes }
  }

  async #foldAll(all: readonly Folded[], shape: RoundShape): Promise<Worked[]> {
    const worked: Worked[] = []
    for (const [staleness, of] of byStaleness(all)) worked.push(await this.#fold(of, staleness, shape))
    return worked
  }

  async #evaluate(items: number, shape: RoundShape): Promise<Worked[]> {
    const { kind, round, trained } = this.#options.federation.rounds
    const { standardizer } = this.#options.federation
    const { model } = this.#models.get(trained)
    const numbers = Uint32Array.from({ length: items }, (_, i) => i)
    const job = { items: numbers, heldOut: true, kind, round, staleness: 0, model, standardizer, ...shape }
    return [{ folded: [], staleness: 0, parts: await this.#options.crew.fold(job) }]
  }

  async #fold(unsorted: readonly Folded[], staleness: number, shape: RoundShape): Promise<Worked> {
    const { federation, crew } = this.#options
    const { kind, trained } = federation.rounds
    const { round, model } = this.#models.get(trained - staleness)
    const { standardizer } = federation
    const folded = longestFirst(unsorted, kind)
    const { items, keys, steps } = columns(folded)
    const kept = this.#keeps(kind) ? this.#states.gather(items, model) : undefined
    const parts = await crew.fold({
      items,
      keys,
      steps,
      kept,
      kind,
      round,
      staleness,
      model,
      standardizer,
      ...shape,
    })
    if (kept !== undefined && kind === "train") for (const part of parts) this.#states.keep(items, part.places, kept)
    return { folded, staleness, parts }
  }

  // Whether work of this kind needs what clients keep. An error of the codec matters to nobody but the next training.
  #keeps(kind: RoundKind): boolean {
    const { size, parts } = this.#states.layout
    return (kind === "train" && size > 0) || (kind === "evaluate" && parts.ownSize > 0)
  }

  // What a live federation would leave out, or try again for ever, is an error here: it has one cause, and trying again changes nothing.
  #refuse(worked: readonly Worked[]): void {
    const { federation, replay, heldOutItems } = this.#options
    const { rounds } = federation
    const parts = worked.flatMap((each) => each.parts)
    const refused = parts.flatMap((part) => part.refused)
    if (refused.length === 0) return
    const count = parts.reduce((sum, part) => sum + part.count, 0)
    const least = rounds.kind === "train" ? rounds.settings.minimumToCommit : 1
    const heldOut = rounds.kind === "evaluate" && heldOutItems !== undefined
    if (!replay && !heldOut && count >= least) return
    const of = `${refused.length} of ${refused.length + count} updates`
    const where = rounds.kind === "train" ? `round ${rounds.trained + 1}` : rounds.kind
    throw new FedmoteError("fleet", `${where}: ${of} were refused, the first: ${refused[0]!.reason}`)
  }

  #account(worked: readonly Worked[]): Pick<RoundSums, "samples" | "lossSum" | "contributions" | "uplinkBytes"> {
    const { traffic, recordCohorts, federation } = this.#options
    const { trained } = federation.rounds
    const contributions: Contribution[] = []
    let samples = 0
    let lossSum = 0
    let uplinkBytes = 0
    for (const { folded, staleness, parts } of worked) {
      // Held-out samples are nobody's.
      if (folded.length === 0) continue
      const { round } = this.#models.get(trained - staleness)
      for (const { places, ...part } of parts)
        for (let i = 0; i < places.length; i++) {
          const device = folded[places[i]!]!.client.id
          const update = { device, steps: part.steps[i]!, samples: part.samples[i]!, staleness }
          samples += update.samples
          lossSum += lossUnits(part.lossSums[i]!)
          uplinkBytes += traffic.uplink(update, round, part.bytes[i]!)
          if (recordCohorts) contributions.push(update)
        }
    }
    return { samples, lossSum, ...(recordCohorts && { contributions }), uplinkBytes }
  }
}

/** What was trained from one model goes together. */
function byStaleness(all: readonly Folded[]): Iterable<[number, readonly Folded[]]> {
  return all.every(({ staleness }) => staleness === 0) ? [[0, all]] : Map.groupBy(all, ({ staleness }) => staleness)
}

/** The longest work first, so that no thread has it left at the end. */
function longestFirst(folded: readonly Folded[], kind: RoundKind): readonly Folded[] {
  const rows = ({ client }: Folded): number => (kind === "evaluate" ? client.testSamples : client.samples)
  const first = folded.length === 0 ? 0 : rows(folded[0]!)
  return folded.every((each) => rows(each) === first) ? folded : folded.toSorted((a, b) => rows(b) - rows(a))
}

/** The clients as threads are told of them. */
function columns(folded: readonly Folded[]): { items: Uint32Array; keys: Uint32Array; steps: Uint32Array | undefined } {
  const items = new Uint32Array(folded.length)
  const keys = new Uint32Array(2 * folded.length)
  const steps = new Uint32Array(folded.length)
  let cut = false
  for (let place = 0; place < folded.length; place++) {
    const { client, steps: most } = folded[place]!
    items[place] = client.index
    keys[2 * place] = client.key[0]
    keys[2 * place + 1] = client.key[1]
    steps[place] = most
    cut ||= most > 0
  }
  return { items, keys, steps: cut ? steps : undefined }
}
