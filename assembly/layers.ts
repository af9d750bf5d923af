/**
 * The layers, and where everything lies. A layer's parameters are a matrix of `depth + 1` rows (the last one is the biases) and `columns`
 * columns. While the kernels work they keep it in panels of 8 columns: panel p holds columns 8p to 8p + 7 of every row, one row after the
 * other, so that a tile reads memory in sequence. What is left of the last panel, and of rows rounded up, holds numbers without meaning that
 * nothing reads into a real one.
 */
import { LAYERS_AT, MAX_LAYERS, base, control } from "./control"

/** A layer, 64 bytes: what the host says of it, then what `setup` makes of that. Layer 0 is the batch, with `positions` and `channels` alone. */
@unmanaged
export class Layer {
  kind: i32
  activation: i32
  /** Rows of the weight matrix without the biases, and its columns; 0 for pools. */
  depth: i32
  columns: i32
  /** Outputs of a sample: `positions` x `channels`. */
  positions: i32
  channels: i32
  /** conv1d and pools: floats from one position's window to the next; pools: positions in a window; conv1d: for the fan out. */
  step: i32
  width: i32

  panels: i32
  /** Bytes of one panel. */
  panelBytes: usize
  /** Byte offsets of the first panel in a packed vector, and of the first weight in canonical order. */
  packed: usize
  canonical: usize
  /** Outputs, `rowBytes` from one sample to the next. */
  out: usize
  rowBytes: usize
  spare0: i32
  spare1: i32
}

/** Rows of a panel whose gradient is computed and applied at once, so that it stays in the nearest cache; a multiple of 4. */
export const BLOCK = 64

export const LAYER_BYTES: usize = offsetof<Layer>()

/** The last layer. Layer 0 is the batch itself; the model's are those after it. */
export let last: Layer = changetype<Layer>(0)
/** Packed vectors: parameters at work, their start, momentum, gradient, sum of clipped gradients of single rows. */
export let weights: usize = 0
export let anchor: usize = 0
export let velocity: usize = 0
export let gradient: usize = 0
export let clipped: usize = 0
/** Length of a packed vector, in floats. */
export let packedLength: i32 = 0
/** Rows that activations have room for. */
export let capacity: i32 = 0
/** Gradients of outputs; a layer's and the one below take turns. */
export let deltas0: usize = 0
export let deltas1: usize = 0
/** A panel's gradient before it is applied; the loss's columns; transposed panels; gradients of windows. */
export let panel: usize = 0
export let columns: usize = 0
export let transposed: usize = 0
export let windows: usize = 0
/** Order of the rows: `rows` words. Labels or targets of the batch. */
export let order: usize = 0
export let labels: usize = 0

export function layer(index: i32): Layer {
  return changetype<Layer>(base() + LAYERS_AT + <usize>index * LAYER_BYTES)
}

/** The neighbours, towards the outputs and towards the batch. */
export function next(l: Layer): Layer {
  return changetype<Layer>(changetype<usize>(l) + LAYER_BYTES)
}

export function previous(l: Layer): Layer {
  return changetype<Layer>(changetype<usize>(l) - LAYER_BYTES)
}

/** Whether `a` comes before `b` or is the same. */
export function reaches(a: Layer, b: Layer): bool {
  return changetype<usize>(a) <= changetype<usize>(b)
}

let top: u64 = 0

/** The next region of rows x floats; at least 64 bytes after it belong to nobody. */
function take(rows: i32, floats: i32): usize {
  const at = <usize>top
  top = (top + ((<u64>rows * <u64>floats) << 2) + 127) & ~63
  return at
}

// Bytes of a row of `n` floats and more: no multiple of 256, since rows that far apart share few cache lines.
function rowBytes(n: i32): usize {
  const bytes = ((<usize>n + 7) >> 3) << 5
  return bytes & 255 ? bytes : bytes + 64
}

/**
 * Reads the model, whose shapes the host has checked, from the control block, lays out memory for batches of `batch` and sets of `rows` rows, and
 * returns how many bytes of memory that takes from address 0 on; 0 if not below 2 GiB.
 */
export function setup(batch: i32, rows: i32): u32 {
  const c = control()
  capacity = (max(batch, 32) + 3) & ~3
  top = <u64>(base() + LAYERS_AT + LAYER_BYTES * (MAX_LAYERS + 2))
  last = layer(c.layerCount)
  let parameters = 0
  let packed = 0
  let rowFloats = 0
  let scratch = 0
  let l = layer(0)
  do {
    const rows = l.depth + 1
    l.panels = (l.columns + 7) >> 3
    l.panelBytes = (<usize>rows) << 5
    l.packed = (<usize>packed) << 2
    l.canonical = (<usize>parameters) << 2
    l.rowBytes = rowBytes(l.positions * l.channels)
    packed += (l.panels * rows) << 3
    parameters += l.columns * rows
    const floats = <i32>(l.rowBytes >> 2)
    // A convolution's tiles run over a sample's end by up to three positions: room for that is left after every layer.
    l.out = take(capacity + 4, floats)
    rowFloats = max(rowFloats, floats)
    scratch = max(scratch, (l.panels << 6) + (rows + 7) * (l.positions + 4))
    l = next(l)
  } while (reaches(l, last))
  l.canonical = (<usize>parameters) << 2
  l.packed = (<usize>packed) << 2
  packedLength = packed
  weights = take(1, packed)
  anchor = take(1, packed)
  velocity = take(1, packed)
  gradient = take(1, packed)
  clipped = take(1, packed)
  deltas0 = take(capacity + 4, rowFloats)
  deltas1 = take(capacity + 4, rowFloats)
  panel = take(BLOCK + 8, 8)
  columns = take(last.columns + 2, 4)
  transposed = take(1, scratch + 8)
  windows = take(1, scratch)
  order = take(1, rows)
  labels = take(1, capacity)
  c.parameters = parameters
  c.outputs = last.columns
  c.start = take(1, parameters)
  c.result = take(1, parameters)
  c.candidate = take(1, parameters)
  c.x = take(rows, c.inputs)
  c.y = take(1, rows)
  c.predictions = take(rows, last.columns)
  c.confusion = take(last.columns + 1, last.columns + 1)
  c.histogram = take(2, 256)
  return top < (<u64>1) << 31 ? <u32>top : 0
}
