import type { CodecName } from "../core/codec.ts"
import type { ModelSpec } from "../core/model.ts"
import type { Standardizer } from "../core/moments.ts"
import type { RoundKind } from "../core/round.ts"
import type { Samples } from "../core/samples.ts"
import type { StalenessExponent } from "../core/staleness.ts"
import type { TrainSettings } from "../core/training.ts"
import type { SharedDataset } from "../data/share.ts"
import type { KeptLayout } from "../device/kept.ts"
import type { KernelKind } from "../kernel/types.ts"

/** What every thread that works on virtual clients is given once. */
export interface Setup {
  readonly dataset: SharedDataset
  readonly spec: ModelSpec
  readonly settings: TrainSettings
  /** What clients keep to themselves between rounds. */
  readonly layout: KeptLayout
  readonly seed: number
  readonly codec: CodecName
  readonly stalenessExponent: StalenessExponent
  readonly updateNorm: number | undefined
  readonly kernel: KernelKind | undefined
  /** Feature values of standardised samples that a thread may keep. */
  readonly cachedValues: number
  /** What the server evaluates on, in shared memory; absent where clients evaluate on their own test samples. */
  readonly heldOut?: Samples | undefined
}

/** Work that threads share: each takes the next item of `items` until there is none. */
export interface Shared {
  readonly items: Uint32Array
  /** One counter in shared memory. */
  readonly next: Int32Array
}

/** One round's work on the clients in `items`, folded into one partial sum per thread. */
export interface FoldJob extends Shared {
  readonly type: "fold"
  readonly kind: RoundKind
  /** Training: the round in which all items were trained, from `model`, and how many commits ago that was. */
  readonly round: number
  readonly staleness: number
  readonly model: Float32Array
  readonly standardizer: Standardizer | undefined
  readonly size: number
  readonly gridExponent: number
  readonly bound: number
  readonly weightCap: number
  readonly largest: number
  /** Two words for each item: its device's key. Absent for held-out samples. */
  readonly keys?: Uint32Array | undefined
  /** Steps of the client at the same place in `items`, 0 where all epochs are run; absent where all of them run theirs. */
  readonly steps?: Uint32Array | undefined
  /** What each client keeps, a row at its place, in shared memory; the row is changed in place. Absent where nothing is kept. */
  readonly kept?: Float32Array | undefined
  /** Evaluation: the items are parts of the held-out samples, not clients. */
  readonly heldOut?: boolean
}

/** A thread's share of a round; the arrays go together. `places` are positions in the job's `items`. */
export interface FoldPart extends Done {
  readonly sum: Float64Array
  readonly weight: number
  readonly count: number
  readonly refused: readonly { readonly place: number; readonly reason: string }[]
}

/** What was done for each client that was folded. */
export interface Done {
  readonly places: Uint32Array
  readonly samples: Uint32Array
  readonly steps: Uint32Array
  readonly lossSums: Float32Array
  /** Length of each payload. */
  readonly bytes: Uint32Array
}

/** Models to train and score without a federation; items as `Baselines` numbers them. */
export interface BaselineJob extends Shared {
  readonly type: "baseline"
  readonly rounds: number
  /** What all begin with; default: the model that the seed gives. */
  readonly start?: Float32Array | undefined
  /** What the fleet learned, for the pooled model. */
  readonly standardizer: Standardizer | undefined
}
