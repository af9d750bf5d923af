import { FedmoteError } from "../core/error.ts"
import { parameterCount } from "../core/model.ts"
import type { ModelSpec } from "../core/model.ts"
import type { TrainSettings } from "../core/training.ts"
import type { EvaluationSums } from "../kernel/types.ts"
import type { Notice, WireTraining } from "../wire/message.ts"

/** What a Notice says about training, as training programs take it. */

/** What the evaluation of a custom model has room for. */
export function errorsOf({ rows, lossSum, squaredError, absoluteError }: EvaluationSums): Partial<EvaluationSums> {
  return { rows, lossSum, squaredError: squaredError ?? 0, absoluteError: absoluteError ?? 0 }
}

/** Parameters of the model that a Notice describes. */
export function parametersIn({ training, sizeBytes }: Notice): number {
  if (training.loss !== "custom") return parameterCount(specOf(training))
  return Math.max(0, sizeBytes / 4 - (training.standardized ? 2 * training.inputs : 0))
}

/** The Notice's settings as a training program takes them. */
export function settingsOf(training: WireTraining): TrainSettings {
  const { epochs, batch, learningRate, momentum, l2, proximal, clipping, schedule, trained } = training
  return {
    ...{ epochs, batch, learningRate, momentum, l2, proximal },
    ...(clipping?.step !== undefined && { clipNorm: clipping.step }),
    ...(clipping?.example !== undefined && { exampleClipNorm: clipping.example }),
    ...(schedule && { schedule }),
    ...(trained && { trained }),
  }
}

/** The model, where it is no custom one. */
export function described(training: WireTraining): { readonly model?: ModelSpec } {
  return training.loss === "custom" ? {} : { model: specOf(training) }
}

/** Throws `FedmoteError` ("trainer") for a custom model. */
export function specOf({ inputs, layers, loss, positiveWeight }: WireTraining): ModelSpec {
  if (loss === "custom") throw new FedmoteError("trainer", "a custom model has no layers that the kernels know")
  return { inputs, layers, loss, positiveWeight }
}
