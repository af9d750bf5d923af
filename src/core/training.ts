/** How the learning rate changes over the steps of one local training. */
export interface Schedule {
  /** constant, or falling to `finalFraction` of the rate, in a line or as half a cosine, over the steps after the warm-up. */
  readonly kind: "constant" | "linear" | "cosine"
  /** Steps over which the rate rises in a line from rate / warmup to its full value; default 0. */
  readonly warmup?: number
  /** Default 0. */
  readonly finalFraction?: number
}

/** Layers `from` to `to - 1`, counted from 0 at the input. */
export interface LayerRange {
  readonly from: number
  readonly to: number
}

/** Local training, as the Notice gives it. */
export interface TrainSettings {
  readonly epochs: number
  readonly batch: number
  readonly learningRate: number
  readonly momentum: number
  /** Weight decay: adds `l2 * w` to the gradient. */
  readonly l2: number
  /** FedProx (Li et al. 2020): adds `proximal * (w - w_global)` to the gradient. */
  readonly proximal: number
  /** Largest L2 norm of a step's mean gradient (before decay and proximal term); none by default. */
  readonly clipNorm?: number
  /** Largest L2 norm of each row's gradient before the mean is taken (DP-SGD, Abadi et al. 2016); none by default. */
  readonly exampleClipNorm?: number
  readonly schedule?: Schedule
  /** The layers that learn, the others stay as they are; all by default. */
  readonly trained?: LayerRange
}
