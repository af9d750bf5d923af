import { parsePlan } from "../core/plan.ts"
import type { LayerPlan, Plan, PlanInput } from "../core/plan.ts"
import { FedmoteError } from "../core/error.ts"
import type { WireLayer, WireTraining } from "../wire/message.ts"

/** A plan of the model that a Notice describes, with the names of another plan where they fit. */
export function planOf(training: WireTraining, names?: Plan["model"]): Plan {
  const { inputs, layers, loss, positiveWeight, standardized } = training
  if (loss === "custom") throw new FedmoteError("model-file", "a custom model has no layers to export")
  const features = typeof names?.features === "object" ? names.features : inputs
  const have = typeof features === "number" ? features : features.length
  if (have !== inputs)
    throw new FedmoteError("model-file", `expected names of ${inputs} features as the model has, the plan has ${have}`)
  return parsePlan({
    model: {
      features,
      labels: names?.labels ?? labelsFor(training),
      layers: layers.slice(0, -1).map(layerPlan),
      loss,
      positiveWeight,
      standardize: standardized,
      ...rolesOf(training),
    },
  })
}

/** Frozen and private layers, as a plan counts them. */
function rolesOf({ layers, trained, shared }: WireTraining): Pick<PlanInput["model"] & {}, "frozen" | "private"> {
  if (shared === undefined) return {}
  const learned = trained ?? { from: 0, to: layers.length }
  return {
    frozen: { first: learned.from, last: layers.length - learned.to },
    private: { first: shared.from - learned.from, last: learned.to - shared.to },
  }
}

/** Labels 0, 1, ... where nobody has said their names. */
export function labelsFor({ layers, loss }: WireTraining): string[] {
  const last = layers.at(-1)
  const count = loss === "logistic" ? 2 : loss === "softmax" && last?.kind === "dense" ? last.units : 0
  return Array.from({ length: count }, (_, label) => String(label))
}

function layerPlan(layer: WireLayer): LayerPlan {
  switch (layer.kind) {
    case "dense":
      return { dense: layer.units, activation: layer.activation }
    case "conv1d": {
      const { filters, width, stride, channels, activation } = layer
      return { conv1d: filters, width, stride, channels, activation }
    }
    case "pool":
      return { pool: layer.mode, width: layer.width, channels: layer.channels }
  }
}
