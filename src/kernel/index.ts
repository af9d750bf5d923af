/** `fedmote/kernel`: local training, update codecs and the exact fold, in WebAssembly. */

export { createAccumulator } from "./accumulator.ts"
export type { AccumulatorOptions } from "./accumulator.ts"
export { TOPK_FRACTION, payloadBytes, topkCount } from "./codec.ts"
export { createDecoder, decode } from "./codec-decode.ts"
export { createFeedbackEncoder } from "./codec-feedback.ts"
export type { FeedbackEncoder } from "./codec-feedback.ts"
export { createDownlink, downlinkKey } from "./downlink.ts"
export type { DownlinkOptions } from "./downlink.ts"
export { createEncoder } from "./encoder.ts"
export { KernelError } from "./error.ts"
export { defaultKind } from "./module.ts"
export { createTrainer } from "./trainer.ts"
export type { TrainerLimits } from "./trainer.ts"
export { SCORE_BINS } from "./types.ts"
export type {
  Accumulator,
  Decoder,
  EncodeOptions,
  Encoder,
  EvaluationSums,
  KernelKind,
  Schedule,
  TrainOptions,
  TrainOutcome,
  Trainer,
} from "./types.ts"
