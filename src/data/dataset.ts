import type { Samples } from "../core/samples.ts"

/** What is to be learned. It follows from the labels: two classes, more of them, or a number. */
export type Task = "binary" | "multiclass" | "regression"

/** A federation's worth of data: who the clients are, and the samples of each, made when asked for. */
export interface Dataset {
  readonly name: string
  readonly task: Task
  readonly features: readonly string[]
  /** Class names in label order; empty for regression. */
  readonly classes: readonly string[]
  readonly clients: number
  /** Device id of client `index`: `[a-z0-9-]{1,64}`. */
  id(index: number): string
  /** Number of training samples of client `index`: its weight in a weighted mean. */
  trainRows(index: number): number
  testRows(index: number): number
  /** The client's samples: the caller's to keep, or lying in `into` and valid until it is used again. */
  train(index: number, into?: SampleBuffer): Samples
  test(index: number, into?: SampleBuffer): Samples
}

/** Memory of a caller that goes through many clients one after the other; its arrays are replaced by larger ones where they are too small. */
export interface SampleBuffer {
  x: Float32Array
  y: Float32Array
}

export function sampleBuffer(): SampleBuffer {
  return { x: new Float32Array(0), y: new Float32Array(0) }
}

/** One client's share of a data set: what a device holds. */
export interface ClientData {
  readonly id: string
  readonly task: Task
  readonly features: readonly string[]
  readonly classes: readonly string[]
  readonly train: Samples
  readonly test: Samples
}

/** The task that class names stand for. */
export function taskOf(classes: readonly string[]): Task {
  return classes.length === 0 ? "regression" : classes.length === 2 ? "binary" : "multiclass"
}
