/**
 * The control block: from `base()` on, where host and module leave each other numbers; the layers follow it (layers.ts). README.md has the same table, with
 * offsets, for whoever writes a host or a module.
 */
@unmanaged
export class Control {
  // The model; the host writes it, and its layers, before `setup`.
  inputs: i32
  loss: i32
  positiveWeight: f32
  layerCount: i32
  // Settings; the host writes them before `init`, `begin`, `evaluate` and `predict`.
  rows: i32
  epochs: i32
  batch: i32
  learningRate: f32
  momentum: f32
  l2: f32
  proximal: f32
  clipNorm: f32
  exampleClipNorm: f32
  schedule: i32
  warmup: i32
  finalFraction: f32
  trainFrom: i32
  trainTo: i32
  seed: u32
  round: u32
  deviceHigh: u32
  deviceLow: u32
  // What the module says of itself after `setup`: sizes and addresses.
  parameters: i32
  outputs: i32
  start: usize
  result: usize
  candidate: usize
  x: usize
  y: usize
  predictions: usize
  confusion: usize
  histogram: usize
  // What happened; the module writes it.
  lossSum: f64
  squaredError: f64
  absoluteError: f64
  samples: i32
  steps: i32
}

export const LAYERS_AT: usize = 256
export const MAX_LAYERS = 15

export const DENSE = 0
export const CONV1D = 1
export const AVERAGE_POOL = 2
export const MAX_POOL = 3

export const IDENTITY = 0
export const RELU = 1
export const TANH = 2

export const SOFTMAX = 0
export const LOGISTIC = 1

export const LINEAR = 1
export const COSINE = 2

export const PURPOSE_INIT = 1
export const PURPOSE_SHUFFLE = 2

/** First byte that the host may use, a multiple of 64; below it are the module's own constants. */
export function base(): usize {
  return (__heap_base + 63) & ~63
}

export function control(): Control {
  return changetype<Control>(base())
}
