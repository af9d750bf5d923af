import { parameterCount, parameterRange } from "./model.ts"
import type { ModelSpec } from "./model.ts"
import type { LayerRange } from "./training.ts"

/** Which of a model's parameters travel, and which a device learns for itself. Ranges are positions in the flat float32 vector. */
export interface ParameterParts {
  /** What updates carry. */
  readonly shared: LayerRange
  /** What a device learns and never sends: trained layers before and behind the shared ones. None of them is empty. */
  readonly own: readonly LayerRange[]
  /** Parameters in `own`. */
  readonly ownSize: number
}

/** Layers, as a plan or a Notice gives them; what is absent is all layers. */
export interface LayerRanges {
  readonly trained?: LayerRange | undefined
  readonly shared?: LayerRange | undefined
}

/** The parts of a model with layers. `shared` lies within `trained`. Throws `FedmoteError` ("model") where shapes do not fit. */
export function parameterParts(spec: ModelSpec, { trained, shared }: LayerRanges): ParameterParts {
  if (shared === undefined) return allShared(parameterCount(spec))
  const { from, to } = trained ?? { from: 0, to: spec.layers.length }
  const own = [parameterRange(spec, { from, to: shared.from }), parameterRange(spec, { from: shared.to, to })].filter(
    (range) => range.to > range.from,
  )
  return {
    shared: parameterRange(spec, shared),
    own,
    ownSize: own.reduce((size, range) => size + range.to - range.from, 0),
  }
}

/** The parts of a model of `size` parameters that travels whole. */
export function allShared(size: number): ParameterParts {
  return { shared: { from: 0, to: size }, own: [], ownSize: 0 }
}
