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
}
