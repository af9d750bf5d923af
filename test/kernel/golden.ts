import type { CodecName } from "../../src/core/codec.ts"
import type { ModelSpec } from "../../src/core/model.ts"
import type { RandomKey } from "../../src/core/random.ts"
import type { LayerRange } from "../../src/core/training.ts"
import type { EncodeOptions, TrainOptions } from "../../src/kernel/types.ts"

/**
 * What the files in test/vectors/kernels hold; README.md there says it in words. Strings are bytes in hexadecimal: vectors are float32 unless
 * stated otherwise, little-endian.
 */

/** codecs.json */
export interface CodecVectors {
  readonly keys: readonly RandomKey[]
  readonly inputs: Readonly<Record<string, string>>
  readonly cases: readonly (EncodeOptions & {
    readonly input: string
    readonly codec: CodecName
    readonly key: number
    readonly payload: string
    readonly decoded: string
  })[]
  readonly toy: {
    readonly codec: CodecName
    readonly key: RandomKey
    readonly input: string
    readonly cases: readonly {
      readonly biased: boolean
      readonly payload: string
      readonly decoded: string
      readonly published: readonly number[]
    }[]
  }
  /** Vectors of zeros but for `values` at `positions`; so is what is decoded. */
  readonly far: readonly {
    readonly n: number
    readonly positions: readonly number[]
    readonly values: string
    readonly payload: string
    readonly decoded: string
  }[]
}

export interface GoldenUpdate {
  readonly weight: number
  readonly payload: string
}

/** fold.json; sums and means are float64. */
export interface FoldVectors {
  readonly cases: readonly {
    readonly codec: CodecName
    readonly n: number
    readonly cohort: number
    readonly weightCap: number
    readonly largestDelta: number
    readonly g: number
    readonly seed: number
    readonly round: number
    readonly updates: readonly (GoldenUpdate & { readonly device: readonly [number, number] })[]
    readonly weight: number
    readonly sum: string
  }[]
  readonly transform: {
    readonly key: RandomKey
    readonly codec: CodecName
    readonly n: number
    readonly g: number
    readonly updates: readonly GoldenUpdate[]
    readonly sum: string
  }
  readonly mean: {
    readonly start: string
    readonly cohort: number
    readonly weightCap: number
    readonly largestDelta: number
    readonly g: number
    readonly updates: readonly GoldenUpdate[]
    readonly sum: string
    readonly mean: string
    readonly published: readonly number[]
  }
}

/** feedback.json */
export interface FeedbackVectors {
  readonly cases: readonly {
    readonly codec: CodecName
    readonly n: number
    readonly fraction?: number
    readonly steps: readonly {
      readonly key: RandomKey
      readonly delta: string
      readonly payload: string
      readonly residual: string
    }[]
  }[]
}

/** Of an evaluation; the sums are float64. */
export interface GoldenEvaluation {
  readonly lossSum: string
  readonly squaredError: string
  readonly absoluteError: string
  readonly confusion: readonly number[]
  /** Counts of the bins that are not empty, by index. */
  readonly histogram: { readonly [bin: string]: number }
}

/** training.json */
export interface TrainingVectors {
  readonly functions: { readonly [name in "exp" | "log" | "tanh"]: { readonly x: string; readonly y: string } }
  readonly cases: readonly {
    readonly name: string
    readonly spec: ModelSpec
    readonly settings: TrainOptions
    readonly key: RandomKey
    readonly rows: number
    readonly x: string
    readonly y: string
    readonly init: string
    readonly start: string
    /** Steps after which it is over; absent: all. */
    readonly limit?: number
    readonly result: string
    readonly delta: string
    /** float64. */
    readonly lossSum: string
    readonly steps: number
    readonly samples: number
    /** Of the result, on the same rows. */
    readonly evaluation: GoldenEvaluation
    readonly predictions: string
  }[]
  readonly evaluations: readonly {
    readonly name: string
    readonly spec: ModelSpec
    readonly rows: number
    readonly parameters: string
    readonly x: string
    readonly y: string
    readonly evaluation: GoldenEvaluation
    readonly predictions: string
  }[]
}

/** round.json */
export interface RoundVectors {
  readonly cases: readonly GoldenFederation[]
}

export interface GoldenFederation {
  readonly name: string
  readonly spec: ModelSpec
  readonly settings: TrainOptions
  readonly seed: number
  readonly cohort: number
  readonly weightCap: number
  readonly largestDelta: number
  readonly g: number
  /** Where devices keep the other layers for themselves, and the positions of what travels. */
  readonly shared?: LayerRange
  readonly sharedParameters?: readonly [from: number, to: number]
  /** Codec of the deltas downwards; absent: models travel whole. */
  readonly downlink?: CodecName
  readonly feedback?: boolean
  readonly devices: readonly {
    readonly id: string
    readonly device: readonly [number, number]
    readonly rows: number
    readonly x: string
    readonly y: string
  }[]
  readonly init: string
  readonly rounds: readonly {
    readonly round: number
    /** Of the model that it makes. */
    readonly version: number
    /** One of each device, in order. */
    readonly updates: readonly GoldenTraining[]
    readonly weight: number
    /** float64, over the shared parameters. */
    readonly sum: string
    readonly downlink?: string
    /** float64. */
    readonly exact: string
    readonly model: string
    /** SHA-256 of the bytes of `model`. */
    readonly digest: string
  }[]
}

export interface GoldenTraining extends GoldenUpdate {
  readonly codec: CodecName
  readonly limit?: number
  readonly steps: number
  readonly samples: number
  /** float64. */
  readonly lossSum: string
  readonly result: string
  /** Of the shared parameters. */
  readonly delta: string
  readonly residual?: string
}

/** hostile.json */
export interface HostileVectors {
  readonly n: number
  readonly key: RandomKey
  readonly cohort: number
  readonly weightCap: number
  readonly g: number
  readonly weight: number
  readonly codecs: readonly {
    readonly codec: CodecName
    readonly payload: string
    /** SHA-256 of the float64 sums after this payload. */
    readonly sum: string
    /** The payload, cut or filled up with zeros to `length`, with bytes replaced. */
    readonly cases: readonly {
      readonly what: string
      readonly length?: number
      readonly patches: readonly (readonly [at: number, bytes: string])[]
      /** Why it is refused; otherwise `sum` is that of both payloads. */
      readonly fault?: "parts" | "scale" | "value" | "bound"
      readonly sum?: string
    }[]
  }[]
}
