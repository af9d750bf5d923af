import type { Standardizer } from "../core/moments.ts"
import { FedmoteError } from "../core/error.ts"
import { Federation } from "../core/federation.ts"
import { modelSpec, trainSettings, withData } from "../core/plan-model.ts"
import type { Plan } from "../core/plan.ts"
import { NO_DEVICE } from "../core/random.ts"
import { RESULT_SCHEMA } from "../core/result.ts"
import type { Result, RoundResult } from "../core/result.ts"
import type { Dataset } from "../data/dataset.ts"
import { share } from "../data/share.ts"
import { createTrainer } from "../kernel/trainer.ts"
import type { KernelKind } from "../kernel/types.ts"
import { baselineItems, collectBaselines } from "./baselines.ts"
import type { Setup } from "./client-worker.ts"
import { openCrew } from "./crew.ts"
import type { Crew } from "./crew.ts"
import { FleetRun } from "./fleet-run.ts"
import { machineFacts } from "./machine.ts"
import { digestOf } from "./model-file.ts"
import { recordedRun, replayPlan } from "./replay.ts"

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
  /** Also trains what the fleet is compared with: pooled, alone, constant. Default: true. */
  readonly baselines?: boolean | undefined
  /** Parameters to start from, instead of those that the seed gives. */
  readonly init?: Float32Array | undefined
  readonly signal?: AbortSignal | undefined
  /** After every training round and its evaluation; `record` has the metrics where it was evaluated. */
  readonly onRound?: ((record: RoundResult) => void) | undefined
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
  const { dataset, replay, signal, onRound, kernel } = options
  signal?.throwIfAborted()
  const plan = withData(replay?.plan ?? options.plan, { features: dataset.features, classes: dataset.classes })
  const recorded = replay === undefined ? undefined : recordedRun(replay, plan, dataset)
  const setup = setupOf(plan, dataset, kernel, options.workers ?? 1)
  const federation = new Federation({
    plan: replay === undefined ? plan : replayPlan(plan),
    init: options.init ?? initialModel(plan, kernel),
    epoch: 1,
    ...(replay === undefined && { clients: trainable(dataset) }),
  })
  const crew = await openCrew(setup, options.workers ?? 1)
  const stopThreads = (): void => void crew.close()
  signal?.addEventListener("abort", stopThreads)
  try {
    const run = new FleetRun({
      federation,
      dataset,
      crew,
      codec: setup.codec,
      kernel,
      recordCohorts: options.recordCohorts ?? replay !== undefined,
      replay: recorded,
      signal,
      onCommit: () => onRound?.(federation.records.at(-1)!),
    })
    await run.run()
    const trainingSeconds = (performance.now() - started) / 1000
    const baselines = options.baselines === false ? {} : await trainBaselines(crew, plan, dataset, federation)
    const seconds = (performance.now() - started) / 1000
    const parameters = federation.model.devices.slice()
    const { rounds, ...report } = federation.report(digestOf(parameters))
    const result: Result = {
      schema: RESULT_SCHEMA,
      seed: plan.seed,
      plan,
      data: dataFacts(dataset),
      ...report,
      rounds: rounds.map((record, i) => ({ ...record, ...boundOf(replay?.rounds[i]) })),
      baselines,
      timing: {
        seconds,
        trainingSeconds,
        ...(options.baselines !== false && { baselineSeconds: seconds - trainingSeconds }),
      },
      machine: machineFacts(kernel, crew.workers),
    }
    const { standardizer, stopped: stop } = federation
    return { result, parameters, standardizer, threshold: probabilityOf(federation.threshold), stop }
  } catch (error) {
    signal?.throwIfAborted()
    throw error
  } finally {
    signal?.removeEventListener("abort", stopThreads)
    await crew.close()
  }
}

/** The model that a federation with this plan starts from. */
export function initialModel(plan: Plan, kernel?: KernelKind): Float32Array {
  const trainer = createTrainer(modelSpec(plan), { batch: 1, rows: 1 }, ...(kernel === undefined ? [] : [kernel]))
  return trainer.init({ seed: plan.seed, round: 0, device: NO_DEVICE }).slice()
}

/** Means and deviations, and the baselines, of a federation that has run elsewhere: in the demo. */
export async function baselinesOf(
  plan: Plan,
  dataset: Dataset,
  federation: { readonly standardizer: Standardizer | undefined },
  workers = 1,
  signal?: AbortSignal,
): Promise<Result["baselines"]> {
  const crew = await openCrew(setupOf(plan, dataset, undefined, workers), workers)
  const stopThreads = (): void => void crew.close()
  signal?.addEventListener("abort", stopThreads)
  try {
    return await trainBaselines(crew, plan, dataset, federation)
  } catch (error) {
    signal?.throwIfAborted()
    throw error
  } finally {
    signal?.removeEventListener("abort", stopThreads)
    await crew.close()
  }
}

async function trainBaselines(
  crew: Crew,
  plan: Plan,
  dataset: Dataset,
  { standardizer }: { readonly standardizer: Standardizer | undefined },
): Promise<Result["baselines"]> {
  const scored = await crew.baselines({ items: baselineItems(dataset), rounds: plan.rounds, standardizer })
  return collectBaselines(dataset, modelSpec(plan), scored)
}

function setupOf(plan: Plan, dataset: Dataset, kernel: KernelKind | undefined, workers: number): Setup {
  if (!Number.isInteger(workers) || workers < 0 || workers > 256)
    throw new FedmoteError("workers", `expected 0 to 256 workers, got ${workers}`)
  return {
    dataset: share(dataset),
    spec: modelSpec(plan),
    settings: trainSettings(plan),
    seed: plan.seed,
    codec: plan.codecs[0]!,
    kernel,
    cachedValues: Math.floor(CACHED_VALUES / Math.max(workers, 1)),
  }
}

function trainable(dataset: Dataset): number {
  let count = 0
  for (let client = 0; client < dataset.clients; client++) if (dataset.trainRows(client) > 0) count++
  return count
}

/** What a result says of the data. */
export function dataFacts(dataset: Dataset): Result["data"] {
  let trainSamples = 0
  let testSamples = 0
  for (let client = 0; client < dataset.clients; client++) {
    trainSamples += dataset.trainRows(client)
    testSamples += dataset.testRows(client)
  }
  return {
    name: dataset.name,
    clients: dataset.clients,
    trainSamples,
    testSamples,
    features: dataset.features.length,
    classes: dataset.classes.length,
  }
}

function boundOf(record: RoundResult | undefined): Pick<RoundResult, "bound"> {
  return record?.bound === undefined ? {} : { bound: record.bound }
}

/** The probability at the lower edge of a score bin: bin = floor(16 x logit) + 128. */
export function probabilityOf(bin: number | undefined): number | undefined {
  return bin === undefined ? undefined : 1 / (1 + Math.exp((128 - bin) / 16))
}
