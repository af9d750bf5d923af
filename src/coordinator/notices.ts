import { CODECS } from "../core/codec.ts"
import type { Federation } from "../core/federation.ts"
import { featureCount, layersOf, lossOf, modelSpec, trainSettings } from "../core/plan-model.ts"
import type { Plan } from "../core/plan.ts"
import type { RoundState } from "../core/round.ts"
import { takesLate } from "../core/round-settings.ts"
import { seedsOf } from "../core/seeds.ts"
import { BOUNDS } from "../wire/keys.ts"
import type { Notice, RoundPhase, WireTraining } from "../wire/message.ts"
import type { PublishedModel } from "./publisher.ts"

/** What is with the broker: the current version whole, in these classes, and so many deltas that lead to it. */
export interface Published {
  readonly model: PublishedModel
  readonly classes: readonly number[]
  readonly deltas: number
}

/** The module that the rounds take; undefined where devices have none, nor are to have one. */
export type RoundModule = NonNullable<Notice["module"]> | undefined

/** The Notice of where a federation is now. `offline`: of a coordinator that has left before the end. */
export function noticeOf(
  federation: Federation,
  { model, classes: chunkClasses, deltas }: Published,
  session: number,
  nowMs: number,
  offline = false,
  module: RoundModule = undefined,
): Notice {
  const { plan, rounds, gridExponent, weightCap } = federation
  const released = rounds.phase === "released"
  return {
    type: "notice",
    round: rounds.round,
    epoch: rounds.epoch,
    kind: released ? "released" : rounds.kind,
    phase: offline ? "offline" : phaseOf(rounds),
    session,
    version: model.version,
    digest: model.digest,
    sizeBytes: model.bytes.length,
    chunkClasses,
    secondsLeft: offline ? 0 : secondsLeft(rounds, nowMs),
    training: wireTraining(plan, model.standardized),
    codecs: plan.codecs.map((codec) => CODECS[codec].id),
    grid: gridExponent,
    weightCap,
    seed: seedsOf(plan).training,
    shards: plan.upload.shards,
    spreadSeconds: plan.upload.spreadSeconds,
    ...(rounds.committed === undefined ? {} : { committed: rounds.committed }),
    ...(plan.downlink && deltas > 0
      ? { deltas: { base: model.version - deltas, codec: CODECS[plan.downlink.codec].id } }
      : {}),
    ...(module && { module }),
  }
}

/** What to train, as it travels. A model of the user's own has no layers. */
export function wireTraining(plan: Plan, standardized: boolean): WireTraining {
  const { clipNorm, exampleClipNorm, schedule, ...train } = trainSettings(plan)
  const { shared } = layersOf(plan)
  const settings = {
    standardized,
    ...train,
    ...(plan.upload.errorFeedback && { errorFeedback: true }),
    ...(schedule && { schedule: { warmup: 0, finalFraction: 0, ...schedule } }),
    ...((clipNorm ?? exampleClipNorm) !== undefined && { clipping: clippingOf(clipNorm, exampleClipNorm) }),
    ...(shared && { shared }),
    ...(takesLate(plan) && { maxStaleness: plan.late.maxStaleness }),
  }
  if (lossOf(plan) === "custom")
    return { inputs: featureCount(plan) ?? 1, layers: [], loss: "custom", positiveWeight: 1, ...settings }
  const { inputs, layers, loss, positiveWeight } = modelSpec(plan)
  return { inputs, layers, loss, positiveWeight, ...settings }
}

function clippingOf(step: number | undefined, example: number | undefined): NonNullable<WireTraining["clipping"]> {
  return { ...(step !== undefined && { step }), ...(example !== undefined && { example }) }
}

function phaseOf({ phase }: RoundState): RoundPhase {
  // While a commit is on its way to the broker nothing more is taken.
  return phase === "committing" ? "finishing" : phase
}

function secondsLeft({ phase, deadlineMs, selectUntilMs }: RoundState, nowMs: number): number {
  if (phase === "released" || phase === "committing") return 0
  const untilMs = phase === "selecting" ? selectUntilMs : deadlineMs
  const { min, max } = BOUNDS.seconds
  return Number.isFinite(untilMs) ? Math.min(Math.max(Math.ceil((untilMs - nowMs) / 1000), min), max) : 0
}
