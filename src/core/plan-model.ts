import { FedmoteError } from "./error.ts"
import { MODEL_LIMITS, parameterCount, parameterRange } from "./model.ts"
import type { Layer, Loss, ModelSpec } from "./model.ts"
import { allShared, parameterParts } from "./parameter-parts.ts"
import type { ParameterParts } from "./parameter-parts.ts"
import type { LayerPlan, Plan } from "./plan.ts"
import { PlanError } from "./plan-error.ts"
import type { StrategySettings } from "./strategy.ts"
import type { LayerRange, TrainSettings } from "./training.ts"

/** What a plan means to the parts that carry it out. */

/** What a data source knows of its samples: class names in label order, none for regression. */
export interface DataFacts {
  readonly features: number | readonly string[]
  readonly classes: readonly string[]
}

/** Number of features, or undefined where neither the plan nor the data has said it yet. */
export function featureCount(plan: Plan): number | undefined {
  const { features } = plan.model
  return typeof features === "object" ? features.length : features
}

/** The loss, as the plan says it or as its labels imply. */
export function lossOf(plan: Plan): Loss | "custom" {
  const { loss, labels } = plan.model
  if (loss !== undefined) return loss
  return labels === undefined || labels.length === 0 ? "squared" : labels.length === 2 ? "logistic" : "softmax"
}

/** The model that the built-in kernels train. Throws `PlanError` where features or labels are not known yet, or the plan's model is custom. */
export function modelSpec(plan: Plan): ModelSpec {
  const { model } = plan
  const loss = lossOf(plan)
  if (loss === "custom")
    throw new PlanError(
      ["model", "loss"],
      "expected a loss of the built-in trainer, got custom: give a trainer of your own",
    )
  const inputs = featureCount(plan)
  if (inputs === undefined)
    throw new PlanError(
      ["model", "features"],
      "expected the number of features: add it, or use a data source that says it",
    )
  const labels = model.labels?.length ?? 0
  if (loss === "softmax" && labels === 0)
    throw new PlanError(
      ["model", "labels"],
      "expected the class names for loss softmax: add them, or use a data source that says them",
    )
  if (loss === "logistic" && labels !== 0 && labels !== 2)
    throw new PlanError(["model", "loss"], `expected two labels for loss logistic, got ${labels}: use softmax`)
  if (loss === "squared" && labels !== 0)
    throw new PlanError(
      ["model", "loss"],
      `expected no labels for loss squared, got ${labels}: use softmax or logistic`,
    )
  const outputs = loss === "softmax" ? labels : 1
  const layers: Layer[] = [...hiddenLayers(plan), { kind: "dense", units: outputs, activation: "identity" }]
  return { inputs, layers, loss, positiveWeight: Math.fround(loss === "logistic" ? model.positiveWeight : 1) }
}

function hiddenLayers({ model }: Plan): Layer[] {
  if (model.layers === undefined)
    return (model.hidden ?? []).map((units) => ({ kind: "dense", units, activation: model.activation }))
  let channels = 1
  return model.layers.map((layer) => {
    const made = toLayer(layer, channels, model.activation)
    channels = made.kind === "conv1d" ? made.filters : made.kind === "pool" ? made.channels : 1
    return made
  })
}

function toLayer(layer: LayerPlan, channels: number, fallback: Plan["model"]["activation"]): Layer {
  if ("dense" in layer) return { kind: "dense", units: layer.dense, activation: layer.activation ?? fallback }
  if ("pool" in layer)
    return { kind: "pool", mode: layer.pool, width: layer.width, channels: layer.channels ?? channels }
  const { conv1d: filters, width, stride } = layer
  return {
    kind: "conv1d",
    filters,
    width,
    stride,
    channels: layer.channels ?? channels,
    activation: layer.activation ?? fallback,
  }
}

/** Number of float32 parameters of the plan's model, a custom one included. */
export function parametersOf(plan: Plan): number {
  return plan.model.parameters ?? parameterCount(modelSpec(plan))
}

/** Whether the plan says, or has been told by the data, how many parameters its model has. */
export function sizeKnown(plan: Plan): boolean {
  if (plan.model.parameters !== undefined) return true
  return featureCount(plan) !== undefined && (lossOf(plan) !== "softmax" || (plan.model.labels?.length ?? 0) > 0)
}

/** Throws `PlanError` where the model is larger than the protocol allows, or its layers do not fit; nothing as long as its shape is unknown. */
export function checkSize(plan: Plan): void {
  if (plan.model.loss === "custom") return void layersOf(plan)
  if (!sizeKnown(plan)) return
  const spec = modelSpec(plan)
  const part = plan.model.layers === undefined ? "hidden" : "layers"
  let size = 0
  try {
    size = parameterCount(spec)
  } catch (error) {
    if (!(error instanceof FedmoteError)) throw error
    throw new PlanError(["model", part], error.message)
  }
  if (size > MODEL_LIMITS.parameters)
    throw new PlanError(["model", part], `expected at most ${MODEL_LIMITS.parameters} parameters, got ${size}`)
  layersOf(plan)
}

/** Which layers learn, and which of them are shared with the fleet; both undefined where all are. */
export interface LayerRoles {
  readonly trained: LayerRange | undefined
  readonly shared: LayerRange | undefined
}

/** Throws `PlanError` where frozen and private layers leave nothing to share. */
export function layersOf(plan: Plan): LayerRoles {
  const { frozen, private: own } = plan.model
  const none = { first: 0, last: 0 }
  const { first, last } = frozen ?? none
  const { first: ownFirst, last: ownLast } = own ?? none
  if (first + last + ownFirst + ownLast === 0) return { trained: undefined, shared: undefined }
  const key = frozen === undefined ? "private" : "frozen"
  if (plan.model.loss === "custom")
    throw new PlanError(["model", key], "expected a model with layers, got a custom one")
  const spec = modelSpec(plan)
  const trained = { from: first, to: spec.layers.length - last }
  const shared = { from: trained.from + ownFirst, to: trained.to - ownLast }
  const range = parameterRange(spec, shared)
  if (range.to <= range.from)
    throw new PlanError(
      ["model", key],
      `expected some of the ${spec.layers.length} layers with parameters to be learned together, got none`,
    )
  return {
    trained: first + last === 0 ? undefined : trained,
    shared,
  }
}

/** Which parameters updates carry, and which devices learn for themselves. */
export function partsOf(plan: Plan): ParameterParts {
  if (plan.model.loss === "custom") return allShared(parametersOf(plan))
  return parameterParts(modelSpec(plan), layersOf(plan))
}

/** The layers that each device has for itself, counted from 0 at the input. */
export function privateLayers(plan: Plan): number[] {
  const { first = 0, last = 0 } = plan.model.private ?? {}
  if (plan.model.loss === "custom" || first + last === 0) return []
  const count = modelSpec(plan).layers.length
  const { trained = { from: 0, to: count }, shared = trained } = layersOf(plan)
  return Array.from({ length: count }, (_, layer) => layer).filter(
    (layer) => (layer >= trained.from && layer < shared.from) || (layer >= shared.to && layer < trained.to),
  )
}

/** The parameters that updates carry, as positions in the model's. */
export function sharedParameters(plan: Plan): LayerRange {
  return partsOf(plan).shared
}

/** The plan with what the data knows. Throws `PlanError` where the two contradict each other. */
export function withData(plan: Plan, data: DataFacts): Plan {
  const { model } = plan
  const have = typeof data.features === "number" ? data.features : data.features.length
  const want = featureCount(plan)
  if (want !== undefined && want !== have)
    throw new PlanError(["model", "features"], `expected ${want} features as the plan says, the data has ${have}`)
  if (typeof model.features === "object" && typeof data.features === "object")
    refuseDifference("features", model.features, data.features)
  if (model.labels !== undefined) {
    if (model.labels.length !== data.classes.length)
      throw new PlanError(
        ["model", "labels"],
        `expected ${model.labels.length} labels as the plan says, the data has ${data.classes.length}`,
      )
    refuseDifference("labels", model.labels, data.classes)
  }
  const filled: Plan = {
    ...plan,
    model: { ...model, features: model.features ?? data.features, labels: [...data.classes] },
  }
  if (model.loss !== "custom") modelSpec(filled)
  checkSize(filled)
  return filled
}

function refuseDifference(key: "features" | "labels", plan: readonly string[], data: readonly string[]): void {
  const at = plan.findIndex((name, i) => name !== data[i])
  if (at >= 0)
    throw new PlanError(["model", key, at], `expected "${plan[at]}" as the plan says, the data has "${data[at]}"`)
}

/** Settings of local training as they travel: real numbers rounded to float32. */
export function trainSettings(plan: Plan): TrainSettings {
  const { clipNorm, exampleClipNorm, schedule, ...train } = plan.train
  const { trained } = layersOf(plan)
  return {
    epochs: train.epochs,
    batch: train.batch,
    learningRate: Math.fround(train.learningRate),
    momentum: Math.fround(train.momentum),
    l2: Math.fround(train.l2),
    proximal: Math.fround(train.proximal),
    ...(clipNorm === undefined ? {} : { clipNorm: Math.fround(clipNorm) }),
    ...(exampleClipNorm === undefined ? {} : { exampleClipNorm: Math.fround(exampleClipNorm) }),
    ...(schedule === undefined
      ? {}
      : { schedule: { ...schedule, finalFraction: Math.fround(schedule.finalFraction) } }),
    ...(trained === undefined ? {} : { trained }),
  }
}

/** The server strategy, with 0 for what the named one has not. */
export function strategySettings({ strategy }: Plan): StrategySettings {
  return { momentum: 0, beta1: 0, beta2: 0, tau: 0, ...strategy }
}
