import { PURPOSE, NO_DEVICE, RandomStream } from "../../src/core/random.ts"
import type { Dataset } from "../../src/data/dataset.ts"
import { normal } from "../../src/data/dirichlet.ts"
import { DrawnDataset } from "../../src/data/drawn.ts"
import type { PoolRows } from "../../src/data/drawn.ts"
import { sharedFloats, sharedWords } from "../../src/data/pool.ts"

/** Features and classes of the small model: with a bias, softmax of 610 parameters. */
const FEATURES = 60
const CLASSES = 10
const POOL_ROWS = 4096
/** Rows that each client draws. */
const ROWS_EACH = 20

/** A population whose clients draw 20 rows each, by hash, from 4,096 rows that a linear model labels. */
export function population(clients: number): Dataset {
  const stream = new RandomStream({ seed: 1, round: 0, device: NO_DEVICE }, PURPOSE.generator)
  const weights = Float64Array.from({ length: CLASSES * FEATURES }, () => normal(stream))
  const pool = { values: sharedFloats(POOL_ROWS * FEATURES), stride: FEATURES, y: sharedFloats(POOL_ROWS) }
  for (let i = 0; i < pool.values.length; i++) pool.values[i] = normal(stream)
  for (let row = 0; row < POOL_ROWS; row++)
    pool.y[row] = classOf(weights, pool.values.subarray(row * FEATURES, (row + 1) * FEATURES))
  const rows = sharedWords(POOL_ROWS)
  for (let row = 0; row < POOL_ROWS; row++) rows[row] = row
  const all: PoolRows = { pool, rows }
  return new DrawnDataset({
    name: "population",
    task: "multiclass",
    features: Array.from({ length: FEATURES }, (_, j) => `x${j}`),
    classes: Array.from({ length: CLASSES }, (_, c) => String(c)),
    train: all,
    test: { pool, rows: rows.subarray(0, 0) },
    clients,
    each: { least: ROWS_EACH, most: ROWS_EACH },
    seed: 1,
  })
}

function classOf(weights: Float64Array, x: Float32Array): number {
  let best = 0
  let highest = -Infinity
  for (let c = 0; c < CLASSES; c++) {
    let score = 0
    for (let j = 0; j < FEATURES; j++) score += weights[c * FEATURES + j]! * x[j]!
    if (score > highest) {
      highest = score
      best = c
    }
  }
  return best
}
