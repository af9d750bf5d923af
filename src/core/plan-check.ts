import { CODECS } from "./codec.ts"
import { METRICS_OF } from "./metrics.ts"
import type { Plan } from "./plan.ts"
import { lossOf, parametersOf, sizeKnown } from "./plan-model.ts"
import { roundSettings } from "./round-settings.ts"

/** Something that is allowed and likely to go wrong. `message`: what and why; `advice`: what to do. */
export interface Warning {
  /** Dotted path of the setting. */
  readonly path: string
  readonly message: string
  readonly advice: string
}

/** What is known of the fleet: number of clients, training samples of a typical one; and whether there is a model to start from. */
export interface FleetFacts {
  readonly clients?: number
  readonly samples?: number
  readonly init?: boolean
}

type Rule = (plan: Plan, facts: FleetFacts) => Warning | undefined

// Of a small microcontroller, for the deadline's estimate.
const MULTIPLY_ADDS_PER_SECOND = 10e6
const RADIO_BYTES_PER_SECOND = 20e3

/** What a non-expert should know before running the plan; empty when nothing stands out. */
export function checkPlan(plan: Plan, facts: FleetFacts = {}): Warning[] {
  return RULES.map((rule) => rule(plan, facts)).filter((warning) => warning !== undefined)
}

function warning(path: string, message: string, advice: string): Warning {
  return { path, message, advice }
}

/** Rounds to two digits for reading. */
function brief(value: number): string {
  return String(Number(value.toPrecision(2)))
}

const RULES: readonly Rule[] = [
  function rateTooHigh(plan) {
    const { batch, learningRate, momentum } = plan.train
    const effective = learningRate / (1 - momentum)
    // Small batches are noisy, and a squared error's gradient grows with the error.
    const squared = sizeKnown(plan) && lossOf(plan) === "squared"
    const limit = Math.min(1, 0.02 * batch) * (squared ? 0.1 : 1)
    if (effective <= limit) return undefined
    const why =
      momentum > 0 ? `${learningRate} with momentum ${momentum} acts like ${brief(effective)}` : `${learningRate}`
    return warning(
      "train.learningRate",
      `${why}, which is high for batches of ${batch}: training may diverge`,
      `try ${brief(limit * (1 - momentum))} or less${batch < 16 ? ", or a larger batch" : ""}`,
    )
  },
  function rateTooLow({ train, rounds }) {
    const effective = train.learningRate / (1 - train.momentum)
    if (effective >= 3e-4) return undefined
    return warning(
      "train.learningRate",
      `${train.learningRate} is low for plain SGD: ${rounds} rounds will change little`,
      "try 0.01 to 0.1",
    )
  },
  function decayTooStrong({ train }) {
    const pull = train.learningRate * Math.max(train.l2, train.proximal)
    if (pull < 0.5) return undefined
    const name = train.l2 > train.proximal ? "l2" : "proximal"
    return warning(
      `train.${name}`,
      `${train[name]} at learningRate ${train.learningRate} undoes ${brief(pull * 100)} % of the change at every step`,
      `keep ${name} below ${brief(0.1 / train.learningRate)}`,
    )
  },
  function clientDrift({ train }) {
    if (train.epochs <= 10 || train.proximal > 0) return undefined
    return warning(
      "train.epochs",
      `${train.epochs} local epochs let clients with different data drift apart`,
      "use 1 to 5, or set train.proximal (0.01 to 1)",
    )
  },
  function batchOverData({ train }, { samples }) {
    if (samples === undefined || train.batch <= samples) return undefined
    return warning(
      "train.batch",
      `a typical client has ${samples} samples: with batches of ${train.batch} it takes one step an epoch`,
      `use a batch of ${Math.max(1, Math.floor(samples / 4))} or less, or more epochs`,
    )
  },
  function serverRate({ strategy }) {
    const { name, serverLearningRate: rate } = strategy
    const limit = name === "fedavg" || name === "fedavgm" ? 2 : 0.5
    if (rate <= limit) return undefined
    return warning(
      "strategy.serverLearningRate",
      `${rate} is high for ${name}: the model may swing or diverge`,
      limit === 2 ? "use 1" : "use 0.01 to 0.1",
    )
  },
  function momentumOfFew({ strategy, cohort }) {
    if (strategy.name === "fedavg" || cohort === "all" || cohort >= 5) return undefined
    return warning(
      "strategy.name",
      `${strategy.name} remembers updates over rounds, and a cohort of ${cohort} makes them noisy`,
      "use a cohort of 10 or more, or fedavg",
    )
  },
  function cohortOfOne(plan, { clients }) {
    const { cohort, minimumToCommit } = roundSettings(plan, clients)
    if (cohort === 1)
      return warning(
        "cohort",
        "with a cohort of one the new model is one device's model: nothing is averaged, and its update is visible",
        'use 3 or more, or "all"',
      )
    if (minimumToCommit > 1) return undefined
    return warning(
      "report.minimumToCommit",
      "a round may commit with the update of a single device, which is then visible in the model",
      "set an absolute count of 3 or more",
    )
  },
  function cohortOverFleet({ cohort }, { clients }) {
    if (clients === undefined || cohort === "all" || cohort <= clients) return undefined
    return warning(
      "cohort",
      `${cohort} updates are wanted and the fleet has ${clients} clients: every round waits until its time is up`,
      `use ${clients} or less, or "all"`,
    )
  },
  function startOfAll({ cohort, selection }, { clients }) {
    if (cohort !== "all" || clients !== undefined || selection.minimumToStart >= 1) return undefined
    return warning(
      "selection.minimumToStart",
      `a fraction (${selection.minimumToStart}) of cohort "all" is unknown before the devices come: one device is enough to start`,
      "set an absolute count, or a cohort",
    )
  },
  function weightsTwice({ selection, weightCap }) {
    if (selection.sampling !== "weighted" || weightCap === 1) return undefined
    return warning(
      "weightCap",
      "weighted sampling prefers devices with many samples, and the mean weights their updates by the samples again",
      "set weightCap: 1, or sample uniformly",
    )
  },
  function unknownRate({ selection }, { clients }) {
    if (selection.sampling !== "poisson" || selection.rate !== undefined || clients !== undefined) return undefined
    return warning(
      "selection.rate",
      "where the size of the fleet is unknown, a device's probability follows from who is ready: no privacy accounting can rest on it",
      "set the rate: cohort / fleet",
    )
  },
  function evaluationsStall({ mode, evaluate }) {
    if (mode !== "async" || evaluate.every === 0 || evaluate.every >= 5) return undefined
    return warning(
      "evaluate.every",
      "an evaluation is a round of its own, and updates wait for its end: in async mode devices are idle meanwhile",
      "set it to 10 or more",
    )
  },
  function deadlineTooShort(plan, { samples }) {
    if (!sizeKnown(plan)) return undefined
    const parameters = parametersOf(plan)
    const rows = samples ?? 1000
    // Forward and backward take about three multiply-adds a parameter and sample; the model comes down as float32 and goes up quantised.
    const work = (3 * parameters * rows * plan.train.epochs) / MULTIPLY_ADDS_PER_SECOND
    const travel = (4 * parameters * (plan.codecs[0] === "f32" ? 2 : 1.25)) / RADIO_BYTES_PER_SECOND
    const need = work + travel + plan.upload.spreadSeconds
    const have = plan.report.timeoutSeconds - plan.report.finishSeconds
    if (need <= have) return undefined
    return warning(
      "report.timeoutSeconds",
      `${parameters} parameters, ${rows} samples and ${plan.train.epochs} epochs take a small microcontroller about ${Math.ceil(need)} s, and "finish now" comes after ${brief(have)} s`,
      "allow more time, or use fewer epochs or a smaller model; gateways and PCs are far faster",
    )
  },
  function noEvaluation({ evaluate, stop }) {
    if (evaluate.every > 0) return undefined
    return warning(
      "evaluate.every",
      `nothing measures the model while it trains${stop === undefined ? "" : ", so the stop rule never acts"}`,
      "set it to 1, or 5 for large fleets",
    )
  },
  function stopMetric(plan) {
    const loss = lossOf(plan)
    const metric = plan.stop?.metric
    if (metric === undefined || loss === "custom" || METRICS_OF[loss].includes(metric)) return undefined
    return warning(
      "stop.metric",
      `loss ${loss} does not give ${metric}, so the stop rule never acts`,
      `use one of ${METRICS_OF[loss].join(", ")}`,
    )
  },
  function fewRounds({ rounds, stop }) {
    if (rounds >= 3 || stop !== undefined) return undefined
    return warning("rounds", `${rounds} rounds are rarely enough`, "use 10 to 100, and a stop rule")
  },
  function rawFeatures({ model }) {
    if (model.standardize || model.loss === "custom" || (model.layers ?? []).some((layer) => "conv1d" in layer))
      return undefined
    return warning(
      "model.standardize",
      "features are used as they come; where their scales differ (humidity in %, temperature in degrees) training is slow or diverges",
      "leave it on unless all features already have the same scale",
    )
  },
  function uselessWeight(plan) {
    const loss = lossOf(plan)
    if (plan.model.positiveWeight === 1 || loss === "logistic") return undefined
    return warning("model.positiveWeight", `loss ${loss} has no positive class: it is ignored`, "leave it out")
  },
  function coarseCodec(plan) {
    const codec = plan.codecs[0]!
    const coarse = codec.startsWith("int4") || codec.startsWith("eden") || codec === "topk"
    if (!coarse || !sizeKnown(plan)) return undefined
    const parameters = parametersOf(plan)
    if (parameters >= 1000) return undefined
    return warning(
      "codecs",
      `${codec} on ${parameters} parameters saves at most ${parameters * 4} bytes an update and costs accuracy`,
      "use int8",
    )
  },
  function codecOfAll({ codecs }) {
    if (codecs.includes("int8") || codecs.includes("f32")) return undefined
    const biased = !CODECS[codecs[0]!].unbiased
    return warning(
      "codecs",
      `a device that has none of ${codecs.join(", ")} is told to stop`,
      biased ? "use unbiased codecs, with int8 last: every device has it" : "add int8 at the end: every device has it",
    )
  },
  function warmupForEver({ train }, { samples }) {
    if (samples === undefined || train.schedule === undefined) return undefined
    const steps = Math.ceil(samples / train.batch) * train.epochs
    if (train.schedule.warmup < steps) return undefined
    return warning(
      "train.schedule.warmup",
      `a typical client takes ${steps} steps a round: with ${train.schedule.warmup} of warm-up the rate never reaches its full value`,
      `use ${Math.floor(steps / 10)} or less: the schedule begins anew in every round`,
    )
  },
  function feedbackOfNothing({ codecs, upload }) {
    if (!upload.errorFeedback || codecs[0] !== "f32") return undefined
    return warning("upload.errorFeedback", "f32 loses nothing that could be sent later", "leave it off")
  },
  function feedbackOfFew({ cohort, upload }, { clients }) {
    if (!upload.errorFeedback || cohort === "all" || clients === undefined || 2 * cohort >= clients) return undefined
    return warning(
      "upload.errorFeedback",
      `a device takes part in one round of ${brief(clients / cohort)}: what its codec lost is old when it is sent`,
      `leave it off, with an unbiased codec, or use a cohort of ${Math.ceil(clients / 2)} or more`,
    )
  },
  function privateOfFew({ cohort, model, rounds }, { clients }) {
    const { first = 0, last = 0 } = model.private ?? {}
    if (first + last === 0 || cohort === "all" || clients === undefined || rounds * cohort >= 3 * clients)
      return undefined
    return warning(
      "model.private",
      `in ${rounds} rounds of ${cohort} a device of ${clients} takes part ${brief((rounds * cohort) / clients)} times: its private layers learn little`,
      "use more rounds or a larger cohort",
    )
  },
  function frozenAtRandom({ model }, { init = false }) {
    const { first = 0, last = 0 } = model.frozen ?? {}
    if (first + last === 0 || init) return undefined
    return warning(
      "model.frozen",
      "without a model to start from, frozen layers stay as random as they begin",
      "start from one that was trained before (--init)",
    )
  },
  function cappedWeights({ train, weightCap }, { samples }) {
    if (samples === undefined || samples * train.epochs <= weightCap) return undefined
    return warning(
      "weightCap",
      `a typical client processes ${samples * train.epochs} samples a round: above ${weightCap} all count the same`,
      `set ${samples * train.epochs} or more, if clients should count by their samples`,
    )
  },
]
