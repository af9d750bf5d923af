import type { ParameterParts } from "../core/parameter-parts.ts"

/**
 * What a device keeps to itself from round to round, as one float32 vector: the parameters of its private layers in their order, then, with error
 * feedback, what its codec could not send so far, one value a shared parameter. Empty where the plan has neither.
 */
export interface KeptLayout {
  readonly parts: ParameterParts
  /** Values of the error: as many as shared parameters, or 0. */
  readonly residualSize: number
  /** Values in all. */
  readonly size: number
}

export function keptLayout(parts: ParameterParts, errorFeedback: boolean): KeptLayout {
  const residualSize = errorFeedback ? parts.shared.to - parts.shared.from : 0
  return { parts, residualSize, size: parts.ownSize + residualSize }
}

/** What a device that has not trained yet keeps: the model's own values for its private layers, and no error. */
export function firstKept(layout: KeptLayout, model: Float32Array): Float32Array {
  const kept = new Float32Array(layout.size)
  takeOwn(layout, model, kept)
  return kept
}

/** The model with the private layers that are kept, in `out` (of the model's size, or a new one); the model itself where none is private. */
export function withOwn(
  { parts }: KeptLayout,
  model: Float32Array,
  kept: Float32Array,
  out?: Float32Array,
): Float32Array {
  if (parts.ownSize === 0) return model
  const whole = out ?? new Float32Array(model.length)
  whole.set(model)
  let at = 0
  for (const { from, to } of parts.own) {
    whole.set(kept.subarray(at, at + to - from), from)
    at += to - from
  }
  return whole
}

/** Copies the private layers of `parameters` into `kept`. */
export function takeOwn({ parts }: KeptLayout, parameters: Float32Array, kept: Float32Array): void {
  let at = 0
  for (const { from, to } of parts.own) {
    kept.set(parameters.subarray(from, to), at)
    at += to - from
  }
}

/** The error within `kept`, a view. */
export function residualOf({ parts }: KeptLayout, kept: Float32Array): Float32Array {
  return kept.subarray(parts.ownSize)
}
