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
  /** Of clients that are made when they are asked for: what would otherwise take a look at each. */
  readonly population?: Population
}

/** What is known of clients too many to be listed. */
export interface Population {
  /** Training samples of a client at most. */
  readonly mostRows: number
  /** Of all clients; where their sizes vary, what is to be expected. */
  readonly trainSamples: number
  readonly testSamples: number
  /** The client with this id. */
  indexOf(id: string): number | undefined
}

/** Memory of a caller that goes through many clients one after the other; its arrays are replaced by larger ones where they are too small. */
export interface SampleBuffer {
  x: Float32Array
  y: Float32Array
  /** What was last put there, so that the next of as many rows need no views of their own. */
  last?: Samples | undefined
}

/** Room for so many samples, in `into` where it is given. */
export function roomFor(rows: number, features: number, into?: SampleBuffer): Samples {
  if (into === undefined) return { rows, features, x: new Float32Array(rows * features), y: new Float32Array(rows) }
  const { last } = into
  if (last !== undefined && last.rows === rows && last.features === features) return last
  if (into.x.length < rows * features) into.x = new Float32Array(rows * features)
  if (into.y.length < rows) into.y = new Float32Array(rows)
  return (into.last = { rows, features, x: into.x.subarray(0, rows * features), y: into.y.subarray(0, rows) })
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
