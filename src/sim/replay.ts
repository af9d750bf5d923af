import { FedmoteError } from "../core/error.ts"
import { Federation } from "../core/federation.ts"
import type { Contribution, RoundShape } from "../core/federation.ts"
import { parametersOf } from "../core/plan-model.ts"
import { parsePlan } from "../core/plan.ts"
import type { Plan } from "../core/plan.ts"
import type { Result } from "../core/result.ts"
import type { RoundState } from "../core/round.ts"
import { clientIndex } from "../data/client-index.ts"
import type { Dataset } from "../data/dataset.ts"

/** An update that was folded: steps of local SGD, and commits since the model that it was trained from. */
export type RecordedUpdate = Pick<Contribution, "device" | "steps" | "staleness">

/** What a result says about who was folded: enough to make its model again, bit for bit. */
export interface Recorded {
  /** The devices of the round that is being selected; undefined for all (an evaluation moves no parameter). */
  devices(rounds: RoundState): readonly string[] | undefined
  /** The updates of the current training round. */
  updates(rounds: RoundState): readonly RecordedUpdate[] | undefined
  /** Devices that stand ready at most where none are named; absent where nobody asked. */
  readonly pool?: number
  /** The most commits that lie between an update's model and its round. */
  readonly staleness: number
  /** How the recorded round was folded; undefined where that follows from its kind. */
  shape(rounds: RoundState): RoundShape | undefined
  /** Whether the recorded federation ended after so many training rounds. */
  over(trained: number): boolean
}

/** Throws `FedmoteError` ("replay") where the result does not name its cohorts, or `dataset` is another one. `plan`: the recorded one, with what the data says. */
export function recordedRun(result: Result, plan: Plan, dataset: Dataset): Recorded {
  const fail = (text: string): never => {
    throw new FedmoteError("replay", text)
  }
  const indexOf = clientIndex(dataset)
  const check = (device: string, where: string): void => {
    const index = indexOf(device)
    const lack =
      index === undefined ? "no such client" : dataset.trainRows(index) === 0 ? "no training samples of it" : undefined
    if (lack !== undefined) fail(`${where}: expected the data of ${device}, ${dataset.name} has ${lack}`)
  }
  const { features } = result.data
  if (features !== dataset.features.length)
    fail(`expected data of ${features} features as the result has, ${dataset.name} has ${dataset.features.length}`)
  const statistics = result.statistics?.cohort.map(({ device }) => device)
  const standardized = plan.model.standardize && plan.model.loss !== "custom"
  if (statistics === undefined && standardized) fail(MISSING)
  for (const device of statistics ?? []) check(device, "statistics")
  const rounds = result.rounds.map(({ round, cohort, bound }, trained) => {
    if (cohort === undefined || bound === undefined) return fail(MISSING)
    if (cohort.length === 0) fail(`round ${round}: its cohort is empty`)
    for (const { device, staleness = 0 } of cohort) {
      check(device, `round ${round}`)
      if (staleness > trained)
        fail(`round ${round}: expected at most ${trained} commits before it, ${device} is ${staleness} behind`)
    }
    return { bound, updates: cohort }
  })
  if (rounds.length === 0) fail("the result has no rounds to replay")
  // Knows what grid the recorded plan gives, which the plan that is replayed does not.
  const { downlink: _, ...asked } = plan
  const original = new Federation({ plan: asked, init: new Float32Array(parametersOf(plan)), epoch: 1 })
  return {
    devices({ kind, trained }) {
      if (kind === "statistics") return statistics
      return kind === "train" ? devicesOf(rounds[trained]!.updates) : undefined
    },
    updates: ({ kind, trained }) => (kind === "train" ? rounds[trained]!.updates : undefined),
    pool: original.rounds.settings.pool,
    staleness: Math.max(0, ...rounds.map(({ updates }) => oldest(updates))),
    shape: ({ kind, trained }) => (kind === "train" ? original.shape("train", rounds[trained]!.bound) : undefined),
    over: (trained) => trained >= rounds.length,
  }
}

/** Who takes part in a round and how many steps of local SGD each does; at least one device. */
export type ScheduledRound = readonly { readonly device: string; readonly steps: number }[]

/** A schedule in the place of a recorded run. Throws `FedmoteError` ("schedule") for a device that has no training samples. */
export function scheduledRun(schedule: readonly ScheduledRound[], dataset: Dataset): Recorded {
  const indexOf = clientIndex(dataset)
  const trains = (device: string): boolean => {
    const index = indexOf(device)
    return index !== undefined && dataset.trainRows(index) > 0
  }
  const rounds = schedule.map((cohort, i) => {
    const unknown = cohort.find(({ device }) => !trains(device))
    if (cohort.length === 0 || unknown !== undefined)
      throw new FedmoteError(
        "schedule",
        `round ${i + 1}: expected devices of ${dataset.name} with training samples, got ${unknown?.device ?? "none"}`,
      )
    return cohort
  })
  return {
    devices: ({ kind, trained }) => (kind === "train" ? devicesOf(rounds[trained]!) : undefined),
    updates: ({ kind, trained }) => (kind === "train" ? rounds[trained]! : undefined),
    staleness: 0,
    shape: () => undefined,
    over: (trained) => trained >= rounds.length,
  }
}

/** Each once: an asynchronous round may have more than one update of a device. */
function devicesOf(updates: readonly RecordedUpdate[]): string[] {
  return [...new Set(updates.map(({ device }) => device))]
}

function oldest(updates: readonly RecordedUpdate[]): number {
  return updates.reduce((most, { staleness = 0 }) => Math.max(most, staleness), 0)
}

const MISSING = "the result does not say who was folded: run it with --record-cohorts"

/** The recorded plan, with a round machine that takes whoever is there, however few they are. */
export function replayPlan(plan: Plan): Plan {
  const { stop: _, ...rest } = plan
  return parsePlan({
    ...rest,
    cohort: "all",
    mode: "sync",
    late: { ...plan.late, policy: "drop" },
    selection: { ...plan.selection, minimumToStart: 1, settleSeconds: 1 },
    report: { ...plan.report, minimumToCommit: 1 },
  })
}
