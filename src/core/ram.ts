import { layout } from "./model.ts"
import { featureCount, lossOf, modelSpec, parametersOf } from "./plan-model.ts"
import type { Plan } from "./plan.ts"

/**
 * The RAM in bytes that local training takes at least, in any client, its samples not counted: two float32 values a parameter (the model and its trained
 * copy) and a third with momentum, two for each unit (its value and its gradient), and two for each feature where features are standardised. Batches
 * of more than one sample and some codecs take more; the C client knows exactly (`fm_device_options_t`).
 */
export function leastRamBytes(plan: Plan): number {
  const units = lossOf(plan) === "custom" ? 0 : layout(modelSpec(plan)).reduce((sum, { outputs }) => sum + outputs, 0)
  const copies = plan.train.momentum > 0 ? 3 : 2
  const scales = plan.model.standardize ? 2 * (featureCount(plan) ?? 0) : 0
  return 4 * (copies * parametersOf(plan) + 2 * units + scales)
}
