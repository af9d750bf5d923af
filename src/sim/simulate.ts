import type { Standardizer } from "../core/moments.ts"
import { FedmoteError } from "../core/error.ts"
import { Federation } from "../core/federation.ts"
import { modelSpec, partsOf, trainSettings, withData } from "../core/plan-model.ts"
import type { Plan } from "../core/plan.ts"
import { RESULT_SCHEMA } from "../core/result.ts"
import type { Result, RoundResult } from "../core/result.ts"
import type { Samples } from "../core/samples.ts"
import { seedsOf } from "../core/seeds.ts"
import { deviceFilter } from "../core/tags.ts"
import { initialModel } from "../coordinator/coordinator.ts"
import type { CoordinatorOutcome } from "../coordinator/coordinator.ts"
import { nextIncarnation } from "../coordinator/incarnation.ts"
import type { Dataset } from "../data/dataset.ts"
import { share, shareSamples } from "../data/share.ts"
import { keptLayout } from "../device/kept.ts"
import { loopbackNetwork } from "../net/loopback.ts"
import { downlinkOf } from "../kernel/downlink.ts"
import type { KernelKind } from "../kernel/types.ts"
import { baselineItems, collectBaselines } from "./baselines.ts"
import { heldOutItems } from "./held-out-parts.ts"
import { clientSpread } from "./client-spread.ts"
import type { Setup } from "./fold-job.ts"
import { openCrew } from "./crew.ts"
import type { Crew } from "./crew.ts"
import { FleetRun } from "./fleet-run.ts"
import type { World } from "./fleet-world.ts"
import { labelCounts } from "./label-counts.ts"
import { runLiveFleet } from "./live-fleet.ts"
import { dataFacts } from "./live-result.ts"
import { machineFacts } from "./machine.ts"
import { digestOf } from "./model-file.ts"
import { recordedRun, replayPlan, scheduledRun } from "./replay.ts"
import type { ScheduledRound } from "./replay.ts"
import { MOST_LISTED } from "./roster.ts"

export interface SimulateOptions {
  /** `planFor(dataset, ...)` makes one that suits the data. */
  readonly plan: Plan
  /** Each client is a device. */
  readonly dataset: Dataset
  /** Threads that work; 0 or 1 is this one. The result is the same. Default: 1. */
  readonly workers?: number | undefined
  /** Records who was folded with how many steps, for a replay. */
  readonly recordCohorts?: boolean | undefined
  /** Folds exactly what this result says was folded; its digest comes out again. */
  readonly replay?: Result | undefined
  /**
   * Who takes part in each training round with how many steps, for stragglers and dropout that somebody else decides; the federation has so many
   * rounds, and no stop rule. Not with `replay`. Default: whom the plan selects, with all their epochs.
   */
  readonly schedule?: readonly ScheduledRound[] | undefined
  /** Also trains what the fleet is compared with: pooled, alone, constant. Default: true. */
  readonly baselines?: boolean | undefined
  /** Also says which classes are where, and how the final model serves each client. Default: false. */
  readonly describeClients?: boolean | undefined
  /**
   * Samples that the server itself holds (`heldOut(dataset)` gathers those of a data set): the plan's evaluations are of the model on these, by the
   * workers, and cost no traffic. Only on the fast path. Binary F1 is at one half then. Default: clients evaluate on their own test samples.
   */
  readonly heldOut?: Samples | undefined
  /** Who is there and what comes when. Only on the fast path, and not with `replay` or `schedule`. Default: everybody, and at once. */
  readonly world?: World | undefined
  /** Parameters to start from, instead of those that the seed gives. */
  readonly init?: Float32Array | undefined
  readonly signal?: AbortSignal | undefined
  /** After every training round and its evaluation; `record` has the metrics where it was evaluated. */
  readonly onRound?: ((record: RoundResult) => void) | undefined
  /**
   * `fast`: the devices' work without messages. `loopback`: a real coordinator and real devices over an in-memory broker, in real time; for
   * tests. The model is the same. Default: fast.
   */
  readonly path?: "fast" | "loopback" | undefined
  /** Default: the fastest that runs here. All give the same bits. */
  readonly kernel?: KernelKind | undefined
}

export interface Simulation {
  readonly result: Result
  /** The final model as devices hold it. */
  readonly parameters: Float32Array
  readonly standardizer: Standardizer | undefined
  /** Binary models: the probability from which on a sample is called positive, best on the training samples. */
  readonly threshold: number | undefined
  /** Why it ended before its last round. */
  readonly stop: string | undefined
}

/** Feature values that all threads together keep standardised: 512 MB. */
const CACHED_VALUES = 128 << 20

/**
 * Runs a federation in this process: the live coordinator's rounds, the devices' own work, no messages. The same plan and seed, and the same folded
 * updates, give the same model as a live run, bit for bit.
 *
 * Throws `PlanError` where plan and data contradict each other, `FedmoteError` ("replay", "fleet") where a round cannot be done.
 */
export async function simulate(options: SimulateOptions): Promise<Simulation> {
  const started = performance.now()
  const { dataset, replay, signal, kernel } = options
  signal?.throwIfAborted()
  const plan = withData(replay?.plan ?? options.plan, dataset)
  if (plan.module !== undefined || replay?.rounds.some(({ module }) => module !== undefined))
    throw new FedmoteError(
      "plan",
      "expected a plan without a module: what trains it is with the devices, so that it cannot be simulated or replayed",
    )
  const setup = { ...setupOf(plan, dataset, kernel, options.workers ?? 1), heldOut: shared(options.heldOut) }
  if (setup.heldOut !== undefined && setup.layout.parts.ownSize > 0)
    throw new FedmoteError("usage", "expected no held-out samples with private layers: the server has none of its own")
  return withCrew(setup, options.workers ?? 1, signal, async (crew) => {
    const outcome = await (options.path === "loopback" ? overLoopback(plan, options) : fast(plan, setup, crew, options))
    const { report, parameters, standardizer } = outcome
    const trainingSeconds = (performance.now() - started) / 1000
    const wanted = options.baselines !== false && canBePooled(dataset)
    // What is frozen is the same for all.
    const start = plan.model.frozen && options.init
    const baselines = wanted ? await trainBaselines(crew, plan, dataset, { standardizer, start }) : {}
    const seconds = (performance.now() - started) / 1000
    const { rounds, ...rest } = report
    const spread = options.describeClients && clientSpread(dataset, { plan, parameters, standardizer })
    const result: Result = {
      schema: RESULT_SCHEMA,
      seed: plan.seed,
      plan,
      data: dataFacts(dataset),
      ...rest,
      rounds: rounds.map((record, i) => ({
        ...record,
        ...options.world?.records?.[i],
        ...recordedOf(replay?.rounds[i]),
      })),
      ...(options.world?.summary && { world: options.world.summary() }),
      baselines,
      ...(spread && { clients: spread }),
      ...(options.describeClients && { labels: labelCounts(dataset) }),
      timing: { seconds, trainingSeconds, ...(wanted && { baselineSeconds: seconds - trainingSeconds }) },
      machine: machineFacts(kernel, crew.workers),
    }
    return { result, parameters, standardizer, threshold: probabilityOf(outcome.threshold), stop: outcome.stopped }
  })
}

type Outcome = Omit<CoordinatorOutcome, "digest" | "epoch" | "fleet" | "seconds">

async function fast(plan: Plan, setup: Setup, crew: Crew, options: SimulateOptions): Promise<Outcome> {
  const { dataset, replay, signal, onRound, kernel, world } = options
  const recorded =
    options.schedule === undefined
      ? replay && recordedRun(replay, plan, dataset)
      : scheduledRun(options.schedule, dataset)
  const federation = new Federation({
    plan: recorded === undefined ? plan : replayPlan(plan),
    init: options.init ?? initialModel(plan),
    epoch: nextIncarnation(0),
    downlink: downlinkOf(plan, kernel),
    ...(recorded === undefined && fleetOf(plan, dataset)),
  })
  const run = new FleetRun({
    federation,
    dataset,
    crew,
    codec: setup.codec,
    layout: setup.layout,
    kernel,
    recordCohorts: options.recordCohorts ?? replay !== undefined,
    replay: recorded,
    world,
    heldOutItems: options.heldOut && heldOutItems(options.heldOut.rows),
    signal,
    onCommit: () => onRound?.(federation.records.at(-1)!),
  })
  await run.run()
  const parameters = federation.model.devices.slice()
  const { standardizer, threshold, stopped } = federation
  return { report: federation.report(digestOf(parameters)), parameters, standardizer, threshold, stopped }
}

async function overLoopback(plan: Plan, options: SimulateOptions): Promise<Outcome> {
  const { dataset, replay, init, recordCohorts, onRound, signal, kernel, heldOut } = options
  if (heldOut !== undefined) throw new FedmoteError("usage", "expected held-out samples on the fast path, got loopback")
  if (replay !== undefined) throw new FedmoteError("replay", "expected a replay on the fast path, got loopback")
  const network = loopbackNetwork()
  const networks = { coordinatorNetwork: network, deviceNetwork: network }
  return runLiveFleet({ plan, dataset, ...networks, init, recordCohorts, onRound, signal, kernel })
}

/** Opens a crew, and ends it with the work or with the signal. */
async function withCrew<T>(
  setup: Setup,
  workers: number,
  signal: AbortSignal | undefined,
  work: (crew: Crew) => Promise<T>,
): Promise<T> {
  const crew = await openCrew(setup, workers)
  const stopThreads = (): void => void crew.close()
  signal?.addEventListener("abort", stopThreads)
  try {
    return await work(crew)
  } catch (error) {
    signal?.throwIfAborted()
    throw error
  } finally {
    signal?.removeEventListener("abort", stopThreads)
    await crew.close()
  }
}

/** The baselines of a federation that has run elsewhere: in the demo. */
export async function baselinesOf(
  plan: Plan,
  dataset: Dataset,
  federation: { readonly standardizer: Standardizer | undefined },
  workers = 1,
  signal?: AbortSignal,
): Promise<Result["baselines"]> {
  const setup = setupOf(plan, dataset, undefined, workers)
  return withCrew(setup, workers, signal, (crew) => trainBaselines(crew, plan, dataset, federation))
}

/** A population can be far larger than any memory. */
function canBePooled({ features, population }: Dataset): boolean {
  return population === undefined || population.trainSamples * features.length <= CACHED_VALUES
}

async function trainBaselines(
  crew: Crew,
  plan: Plan,
  dataset: Dataset,
  {
    standardizer,
    // A seed of its own for the initial model is that of the models to compare with, too.
    start = plan.seeds?.init === undefined ? undefined : initialModel(plan),
  }: { readonly standardizer: Standardizer | undefined; readonly start?: Float32Array | undefined },
): Promise<Result["baselines"]> {
  const scored = await crew.baselines({ items: baselineItems(dataset), rounds: plan.rounds, standardizer, start })
  return collectBaselines(dataset, modelSpec(plan), scored)
}

function setupOf(plan: Plan, dataset: Dataset, kernel: KernelKind | undefined, workers: number): Setup {
  if (!Number.isInteger(workers) || workers < 0 || workers > 256)
    throw new FedmoteError("workers", `expected 0 to 256 workers, got ${workers}`)
  return {
    dataset: share(dataset),
    spec: modelSpec(plan),
    settings: trainSettings(plan),
    layout: keptLayout(partsOf(plan), plan.upload.errorFeedback),
    seed: seedsOf(plan).training,
    codec: plan.codecs[0]!,
    stalenessExponent: plan.late.exponent,
    updateNorm: plan.updateNorm,
    kernel,
    cachedValues: Math.floor(CACHED_VALUES / Math.max(workers, 1)),
  }
}

function shared(samples: Samples | undefined): Samples | undefined {
  return samples && shareSamples(samples)
}

/** How many clients there are for training, where that is few enough to be known. Throws `FedmoteError` ("fleet") where the plan asks for more. */
function fleetOf(plan: Plan, dataset: Dataset): { readonly clients?: number } {
  const { cohort } = plan
  const known = dataset.clients <= MOST_LISTED
  const clients = known ? trainable(plan, dataset) : dataset.clients
  if (cohort !== "all" && cohort > clients)
    throw new FedmoteError(
      "fleet",
      `expected a population of at least ${cohort} clients, as many as the plan's cohort, got ${clients} of ${dataset.name}`,
    )
  if (cohort === "all" && !known)
    throw new FedmoteError(
      "fleet",
      `expected a number as the plan's cohort, at most ${MOST_LISTED} clients take part as "all", got ${clients} of ${dataset.name}`,
    )
  return known ? { clients } : {}
}

function trainable(plan: Plan, dataset: Dataset): number {
  const admits = deviceFilter(plan)
  let count = 0
  for (let client = 0; client < dataset.clients; client++)
    if (dataset.trainRows(client) > 0 && admits(dataset.id(client))) count++
  return count
}

/** What a replay cannot find out for itself: who else was there. */
function recordedOf(record: RoundResult | undefined): Pick<RoundResult, "bound" | "participation"> {
  const { bound, participation } = record ?? {}
  return { ...(bound !== undefined && { bound }), ...(participation !== undefined && { participation }) }
}

/** The probability at the lower edge of a score bin: bin = floor(16 x logit) + 128. */
export function probabilityOf(bin: number | undefined): number | undefined {
  return bin === undefined ? undefined : 1 / (1 + Math.exp((128 - bin) / 16))
}
