import { evaluationTotals, evaluationVector } from "../../core/evaluation.ts"
import { metricsOf } from "../../core/metrics.ts"
import type { Metrics } from "../../core/metrics.ts"
import { classCount } from "../../core/model.ts"
import type { ModelSpec } from "../../core/model.ts"
import type { Samples } from "../../core/samples.ts"
import type { Trainer } from "../../kernel/types.ts"

/** What a model is worth on samples; `trainer` is one for `spec`. */
export function score(trainer: Trainer, spec: ModelSpec, parameters: Float32Array, samples: Samples): Metrics {
  const classes = classCount(spec)
  const vector = evaluationVector(spec.loss, classes, trainer.evaluate(parameters, samples))
  return metricsOf(spec.loss, classes, evaluationTotals(spec.loss, classes, Float64Array.from(vector)))
}
