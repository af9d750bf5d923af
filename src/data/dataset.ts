import type { Samples } from "../core/samples.ts"

/** A federation's worth of data: who the clients are, and the samples of each, made when asked for. */
export interface Dataset {
  readonly name: string
  readonly features: readonly string[]
  /** Class names in label order; empty for regression. */
  readonly classes: readonly string[]
  readonly clients: number
  /** Device id of client `index`: `[a-z0-9-]{1,64}`. */
  id(index: number): string
  train(index: number): Samples
  test(index: number): Samples
}
