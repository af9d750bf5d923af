/** The messages of protocol 1, as values. `protocol.cddl` says how each travels; every bound there is checked by `decode`. */

/** Retained; static facts about a device. `session` is a random 32-bit number, compared by equality only. */
export interface Hello {
  readonly type: "hello"
  readonly session: number
  /** Largest MQTT packet the device can take, in bytes. */
  readonly maxPacket: number
  /** RAM for model, data and update, in KiB; 0 is "plenty". */
  readonly ramKiB: number
  /** Codec ids the device can encode. */
  readonly codecs: readonly number[]
  /** Versions of the kernel ABI it can run. */
  readonly abis: readonly number[]
  /** Features of a sample; the coordinator refuses a device whose data does not fit the model. */
  readonly features: number
}

/** The device is willing to work now, with this many training and test samples. */
export interface Ready {
  readonly type: "ready"
  readonly session: number
  readonly willing: boolean
  readonly samples: number
  readonly testSamples: number
}

/** Last will. */
export interface Gone {
  readonly type: "gone"
  readonly session: number
}

export type RoundKind = "train" | "statistics" | "evaluate" | "released"
export type RoundPhase = "offline" | "selecting" | "working" | "finishing" | "committed" | "abandoned" | "released"

/** One layer, as it travels; the fields of the core's `Layer`. */
export type WireLayer =
  | { readonly kind: "dense"; readonly units: number; readonly activation: "identity" | "relu" | "tanh" }
  | {
      readonly kind: "conv1d"
      readonly channels: number
      readonly filters: number
      readonly width: number
      readonly stride: number
      readonly activation: "identity" | "relu" | "tanh"
    }
  | { readonly kind: "pool"; readonly mode: "average" | "max"; readonly channels: number; readonly width: number }

/** What to train: the model's shape and the settings of local SGD. Real numbers travel as float32. */
export interface WireTraining {
  readonly inputs: number
  readonly layers: readonly WireLayer[]
  readonly loss: "softmax" | "logistic" | "squared" | "custom"
  readonly positiveWeight: number
  /** The model's bytes begin with `inputs` means and `inputs` inverse deviations (float32): apply them to every sample. */
  readonly standardized: boolean
  readonly epochs: number
  readonly batch: number
  readonly learningRate: number
  readonly momentum: number
  readonly l2: number
  readonly proximal: number
  /** Add to each update what the codec lost of the last one. */
  readonly errorFeedback?: boolean
  readonly schedule?: {
    readonly kind: "constant" | "linear" | "cosine"
    readonly warmup: number
    readonly finalFraction: number
  }
  /** Largest L2 norms of a step's mean gradient, and of one sample's gradient. */
  readonly clipping?: { readonly step?: number; readonly example?: number }
  /** The layers that learn; absent where all do. */
  readonly trained?: WireRange
  /** The layers whose parameters an update carries; absent where it carries all. Never wider than `trained`. */
  readonly shared?: WireRange
  /** Updates of earlier training rounds are taken, from models of at most so many commits ago; absent where none are. */
  readonly maxStaleness?: number
}

/** Layers `from` to `to - 1`. */
export interface WireRange {
  readonly from: number
  readonly to: number
}

/** Retained; what the coordinator is doing. A Notice that arrives as a retained message informs; it never starts work. */
export interface Notice {
  readonly type: "notice"
  readonly round: number
  readonly epoch: number
  readonly kind: RoundKind
  readonly phase: RoundPhase
  /** The coordinator's session. A change means a new incarnation: say Hello again, after jitter. */
  readonly session: number
  /** The global model that this round starts from. */
  readonly version: number
  /** SHA-256 of the model's bytes. */
  readonly digest: Uint8Array
  readonly sizeBytes: number
  /** Chunk sizes in which the model is published, in bytes, ascending. */
  readonly chunkClasses: readonly number[]
  readonly secondsLeft: number
  readonly training: WireTraining
  /** Codec ids in order of preference. */
  readonly codecs: readonly number[]
  /** Grid exponent of the exact fold. */
  readonly grid: number
  readonly weightCap: number
  readonly seed: number
  readonly shards: number
  /** Uploads are delayed by hash(id) over this many seconds. */
  readonly spreadSeconds: number
  /** The last round and epoch that were committed; absent before the first. */
  readonly committed?: { readonly round: number; readonly epoch: number }
  /** The model also travels as deltas: of each version after `base` against the one before, in this codec with the biased scale. */
  readonly deltas?: { readonly base: number; readonly codec: number }
  /**
   * The round takes devices whose module in `slot` has exactly this sequence, 0 being the built-in kernels, and nobody goes back below `least`. Absent:
   * the built-in kernels.
   */
  readonly module?: { readonly slot: string; readonly sequence: number; readonly least: number }
}

/** To one device: join this round / come back later / stop. */
export interface Task {
  readonly type: "task"
  readonly action: "join" | "wait" | "stop"
  readonly round: number
  readonly epoch: number
  /** For "wait": come back in so many seconds. */
  readonly retrySeconds: number
  readonly reason: string
}

/** One chunk of one device's update. */
export interface Update {
  readonly type: "update"
  readonly round: number
  readonly epoch: number
  /** First 8 bytes of the SHA-256 of the whole payload. */
  readonly updateId: Uint8Array
  readonly index: number
  readonly count: number
  readonly baseVersion: number
  readonly codec: number
  readonly samples: number
  readonly steps: number
  /** Metric sums, float32; their meaning is the round kind's. */
  readonly metrics: Float32Array
  /** Sequence of the module that trained it; absent: the built-in kernels. */
  readonly module?: number
  readonly payload: Uint8Array
}

export type ReceiptStatus = "folded" | "duplicate" | "late" | "busy" | "refused"

/** The coordinator's word on an update. Only a Notice that names the commit frees the device from keeping it. */
export interface Receipt {
  readonly type: "receipt"
  readonly status: ReceiptStatus
  /** The update's round and epoch, or the current ones where the update was late. */
  readonly round: number
  readonly epoch: number
  readonly updateId: Uint8Array
  readonly retrySeconds: number
  /** For "refused" by size: the largest payload allowed, in bytes; otherwise 0. */
  readonly allowedBytes: number
  readonly reason: string
}

/** Retained; one chunk of the model's bytes. An empty payload on the topic (no message at all) means superseded. */
export interface ModelChunk {
  readonly type: "model"
  readonly version: number
  readonly index: number
  readonly count: number
  /** The bytes are of a delta against this earlier version; absent where they are of the whole model. */
  readonly base?: number
  readonly payload: Uint8Array
}

/** To one device that can be flashed: to take a module, or to go back to the one before it. Said again it changes nothing. */
export interface Flash {
  readonly type: "flash"
  readonly action: "install" | "revert"
  readonly slot: string
  /** Of the module's manifest. */
  readonly sequence: number
}

/** Retained; one chunk of a module's bytes. An empty payload on the topic (no message at all) means that it is not there any more. */
export interface ModuleChunk {
  readonly type: "module"
  readonly sequence: number
  readonly index: number
  readonly count: number
  readonly payload: Uint8Array
}

/** Where a device is with a module. `failing`: it is confirmed, and a later round failed. */
export type FlashState =
  | "idle"
  | "loading"
  /** Verified and switched to, not tried yet. */
  | "installed"
  | "confirmed"
  /** It has never run here. */
  | "refused"
  /** It ran, and the one before it runs again: by itself, or as told. */
  | "rolledBack"
  | "reverted"
  | "failing"

/** Retained, of a device that can be flashed: where its slot is. */
export interface Flashed {
  readonly type: "flashed"
  readonly session: number
  readonly slot: string
  /** Sequence of the module that trains now; 0 for the built-in kernels. */
  readonly active: number
  /** The sequence that `state` is about; 0 where that is "idle". */
  readonly target: number
  readonly state: FlashState
  /** A code, ": " and words; empty where nothing is wrong. */
  readonly reason: string
  /** Of the trial, float32: nothing, or loss sum and rows with the program before it, loss sum and rows with it. */
  readonly losses: Float32Array
}

export type Message =
  Hello | Ready | Gone | Notice | Task | Update | Receipt | ModelChunk | Flash | ModuleChunk | Flashed
