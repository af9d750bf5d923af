import { layout } from "./model.ts"
import { featureCount, lossOf, modelSpec, parametersOf } from "./plan-model.ts"
import type { Plan } from "./plan.ts"

/** Layers, settings, buffers of the protocol. */
const OVERHEAD_BYTES = 1024

/**
 * An estimate of the RAM in KiB that local training takes on a small device, its samples not counted, as the minimal kernel profile lays it out
 * (assembly/mcu-train.ts): three float32 values a parameter (the model, its trained copy, the gradient, whose place the update takes later), two for
 * each unit (the value and its gradient), two for each feature (mean and deviation), and 1 KiB.
 */
export function ramEstimateKiB(plan: Plan): number {
  const units = lossOf(plan) === "custom" ? 0 : layout(modelSpec(plan)).reduce((sum, { outputs }) => sum + outputs, 0)
  const values = 3 * parametersOf(plan) + 2 * units + 2 * (featureCount(plan) ?? 0)
  return Math.ceil((4 * values + OVERHEAD_BYTES) / 1024)
}
