/** `fedmote/kernel`: local training, update codecs and the exact fold, in WebAssembly. */

export { KernelError } from "./error.ts"
export { defaultKind } from "./module.ts"
export { createTrainer } from "./trainer.ts"
export type { TrainerLimits } from "./trainer.ts"
export { SCORE_BINS } from "./types.ts"
export type {
  Accumulator,
  Encoder,
  EvaluationSums,
  KernelKind,
  Schedule,
  TrainOptions,
  TrainOutcome,
  Trainer,
} from "./types.ts"
