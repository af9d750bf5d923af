/**
 * The layers, and where everything lies. A layer's parameters are a matrix of `depth + 1` rows (the last one is the biases) and `columns`
 * columns. While the kernels work they keep it in panels of 8 columns: panel p holds columns 8p to 8p + 7 of every row, one row after the
 * other, so that a tile reads memory in sequence. What is left of the last panel, and of rows rounded up, holds numbers without meaning that
 * nothing reads into a real one.
 */
import {
  CONTROL_BYTES,
  CONV1D,
  DENSE,
  IDENTITY,
  LAYERS_AT,
  LAYER_RECORD_BYTES,
  LOGISTIC,
  LayerRecord,
  MAX_CLASSES,
  MAX_LAYERS,
  SOFTMAX,
  base,
  control,
} from "./control"

@unmanaged
export class Layer {
  kind: i32
  activation: i32
  /** Rows of the weight matrix without the biases, and its columns; 0 for pools. */
  depth: i32
  columns: i32
  panels: i32
  /** Bytes of one panel. */
  panelBytes: usize
  /** Byte offset of the first panel in a packed vector. */
  packed: usize
  /** Outputs: `positions` x `channels` values a sample, `rowBytes` from one sample to the next. */
  positions: i32
  channels: i32
  out: usize
  rowBytes: usize
  /** conv1d and pools: floats from one position's window to the next, and steps in a window. */
  step: i32
  width: i32
}

const LAYER_BYTES: usize = offsetof<Layer>()

/** Number of layers; layer 0 is the batch itself, the model's are 1 to `count`. */
export let count = 0
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
  return changetype<Layer>(base() + CONTROL_BYTES + <usize>index * LAYER_BYTES)
}

let top: u64 = 0

/** The next region of so many floats; at least 64 bytes after it belong to nobody. */
function take(floats: u64): usize {
  const at = <usize>top
  top = (top + (floats << 2) + 64 + 63) & ~63
  return at
}

// Bytes of a row of `n` floats and more: no multiple of 256, since rows that far apart share few cache lines.
function rowBytes(n: i32): usize {
  const bytes = ((<usize>n + 7) >> 3) << 5
  return bytes & 255 ? bytes : bytes + 64
}

/**
 * Reads the model from the control block, lays out memory for batches of `batch` and sets of `rows` rows, and returns how many bytes of
 * memory that takes from address 0 on; 0 if there is no such model, or not below 2 GiB.
 */
export function setup(batch: i32, rows: i32): u32 {
  const c = control()
  count = c.layerCount
  if (count < 1 || count > MAX_LAYERS || c.inputs < 1 || batch < 1 || rows < 1) return 0
  capacity = (max(batch, 32) + 3) & ~3
  top = <u64>(base() + CONTROL_BYTES + LAYER_BYTES * (MAX_LAYERS + 1))
  let parameters: u64 = 0
  let packed: u64 = 0
  let panelBytes: usize = 0
  let widest: u64 = 0
  let turned: u64 = 0
  let unrolled: u64 = 0
  let inputs = c.inputs
  const first = layer(0)
  first.kind = DENSE
  first.activation = 0
  first.positions = 1
  first.channels = inputs
  first.rowBytes = rowBytes(inputs)
  first.out = take(<u64>capacity * (first.rowBytes >> 2))
  for (let i = 1; i <= count; i++) {
    const record = changetype<LayerRecord>(base() + LAYERS_AT + <usize>(i - 1) * LAYER_RECORD_BYTES)
    const l = layer(i)
    const kind = record.kind
    l.kind = kind
    l.activation = record.activation
    l.width = record.width
    if (kind == DENSE) {
      l.depth = inputs
      l.columns = l.channels = record.a
      l.positions = 1
    } else {
      const conv = kind == CONV1D
      const stride = conv ? record.stride : record.width
      if (record.a < 1 || record.width < 1 || stride < 1) return 0
      l.positions = (inputs / record.a - record.width) / stride + 1
      if (inputs / record.a < record.width || inputs % record.a != 0) return 0
      l.step = stride * record.a
      l.depth = conv ? record.width * record.a : 0
      l.columns = conv ? record.filters : 0
      l.channels = conv ? record.filters : record.a
    }
    if (l.channels < 1) return 0
    l.panels = (l.columns + 7) >> 3
    // Tiles of the gradient are four rows high.
    l.panelBytes = (<usize>max(l.depth + 1, (l.depth + 3) & ~3)) << 5
    l.packed = <usize>(packed << 2)
    packed += <u64>l.panels * (l.panelBytes >> 2)
    parameters += <u64>(l.depth + 1) * <u64>l.columns
    if (packed > 1 << 28) return 0
    panelBytes = max(panelBytes, l.panelBytes)
    inputs = l.positions * l.channels
    l.rowBytes = rowBytes(inputs)
    // A convolution's tiles run over a sample's end by up to three positions.
    const floats = <u64>capacity * (l.rowBytes >> 2) + 4 * <u64>l.channels
    l.out = take(floats)
    widest = max(widest, floats)
    const depthPanels = <u64>((l.depth + 7) >> 3)
    turned = max(turned, (kind == CONV1D ? depthPanels << 3 : 8) * <u64>(l.columns + 1))
    if (kind == CONV1D) unrolled = max(unrolled, (depthPanels << 3) * <u64>(l.positions + 4))
  }
  const last = layer(count)
  if (last.kind != DENSE || last.activation != IDENTITY) return 0
  if (c.loss == SOFTMAX ? inputs > MAX_CLASSES : inputs != 1) return 0
  packedLength = <i32>packed
  weights = take(packed)
  anchor = take(packed)
  velocity = take(packed)
  gradient = take(packed)
  clipped = take(packed)
  deltas0 = take(widest)
  deltas1 = take(widest)
  panel = take(panelBytes >> 2)
  columns = take(4 * <u64>inputs + 8)
  // `transpose` writes whole blocks of 8 rows.
  transposed = take(turned + 64)
  windows = take(unrolled)
  order = take(rows)
  labels = take(capacity)
  c.parameters = <i32>parameters
  c.outputs = inputs
  c.start = take(parameters)
  c.result = take(parameters)
  c.candidate = take(parameters)
  c.x = take(<u64>rows * <u64>c.inputs)
  c.y = take(rows)
  c.predictions = take(<u64>rows * <u64>inputs)
  c.confusion = take(c.loss == SOFTMAX ? <u64>inputs * <u64>inputs : 4)
  c.histogram = take(c.loss == LOGISTIC ? 512 : 0)
  return top < (<u64>1) << 31 ? <u32>top : 0
}
