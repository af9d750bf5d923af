import type { Samples } from "../core/samples.ts"
import type { Dataset } from "./dataset.ts"
import { sampleBuffer } from "./dataset.ts"
import { sharedFloats } from "./pool.ts"

/** All test samples of a data set, as a server might hold them: see `gathered`. */
export function heldOut(dataset: Dataset): Samples {
  return gathered(dataset, "test")
}

/** All samples of one part of a data set, client after client, in memory that threads can share. */
export function gathered(dataset: Dataset, part: "train" | "test"): Samples {
  const count = (client: number): number => (part === "train" ? dataset.trainRows(client) : dataset.testRows(client))
  const features = dataset.features.length
  let rows = 0
  for (let client = 0; client < dataset.clients; client++) rows += count(client)
  const x = sharedFloats(rows * features)
  const y = sharedFloats(rows)
  const buffer = sampleBuffer()
  let at = 0
  for (let client = 0; client < dataset.clients; client++) {
    const own = dataset[part](client, buffer)
    x.set(own.x, at * features)
    y.set(own.y, at)
    at += own.rows
  }
  return { rows, features, x, y }
}

/** Samples `[from, to)`, without copying. */
export function slice({ features, x, y }: Samples, from: number, to: number): Samples {
  return { rows: to - from, features, x: x.subarray(from * features, to * features), y: y.subarray(from, to) }
}
