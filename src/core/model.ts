import { FedmoteError, unreachable } from "./error.ts"
import type { LayerRange } from "./training.ts"

/** What follows a layer's affine part. */
export type Activation = "identity" | "relu" | "tanh"

/** Fully connected. Parameters: weights `[inputs][units]` (input-major), then `units` biases. */
export interface DenseLayer {
  readonly kind: "dense"
  readonly units: number
  readonly activation: Activation
}

/**
 * One-dimensional convolution over a window of sensor readings, time-major: the input is `[steps][channels]`, the
 * output `[(steps - width) / stride + 1][filters]`. Parameters: weights `[width][channels][filters]`, then `filters` biases.
 */
export interface Conv1dLayer {
  readonly kind: "conv1d"
  readonly channels: number
  readonly filters: number
  readonly width: number
  readonly stride: number
  readonly activation: Activation
}

/** Average or maximum over `width` steps, without overlap; a shorter rest is dropped. No parameters. */
export interface PoolLayer {
  readonly kind: "pool"
  readonly mode: "average" | "max"
  readonly channels: number
  readonly width: number
}

export type Layer = DenseLayer | Conv1dLayer | PoolLayer

/** softmax: cross-entropy over `outputs` classes; logistic: one output, binary; squared: half squared error, one output. */
export type Loss = "softmax" | "logistic" | "squared"

/** A model that the built-in kernels train. The last layer is dense with identity activation: its units are the outputs. */
export interface ModelSpec {
  readonly inputs: number
  readonly layers: readonly Layer[]
  readonly loss: Loss
  /** Weight of the positive class in the logistic loss; 1 for every other loss. */
  readonly positiveWeight: number
}

/** Where one layer's parameters lie in the flat float32 vector. */
export interface LayerLayout {
  readonly inputs: number
  readonly outputs: number
  /** Rows of the weight matrix: inputs (dense) or width x channels (conv1d); 0 for a pool. */
  readonly fanIn: number
  readonly weights: number
  readonly biases: number
}

/** Bounds every part agrees on; `protocol.cddl` repeats them. */
export const MODEL_LIMITS = { layers: 15, units: 65535, parameters: 1 << 24 } as const

/** The layout of every layer, in order. Throws `FedmoteError` ("model") where the shapes do not fit. */
export function layout(spec: ModelSpec): LayerLayout[] {
  const out: LayerLayout[] = []
  let width = spec.inputs
  let offset = 0
  for (const [i, layer] of spec.layers.entries()) {
    const shape = layerShape(layer, width, i)
    const weights = offset
    const biases = offset + shape.fanIn * shape.columns
    offset = biases + shape.columns
    out.push({ inputs: width, outputs: shape.outputs, fanIn: shape.fanIn, weights, biases })
    width = shape.outputs
  }
  return out
}

interface Shape {
  readonly outputs: number
  readonly fanIn: number
  /** Columns of the weight matrix, and number of biases. */
  readonly columns: number
}

function layerShape(layer: Layer, inputs: number, index: number): Shape {
  switch (layer.kind) {
    case "dense":
      return { outputs: layer.units, fanIn: inputs, columns: layer.units }
    case "conv1d": {
      const steps = stepsOf(inputs, layer.channels, index)
      const positions = Math.floor((steps - layer.width) / layer.stride) + 1
      if (positions < 1)
        throw new FedmoteError("model", `layer ${index}: a width of ${layer.width} needs as many steps, got ${steps}`)
      return { outputs: positions * layer.filters, fanIn: layer.width * layer.channels, columns: layer.filters }
    }
    case "pool": {
      const positions = Math.floor(stepsOf(inputs, layer.channels, index) / layer.width)
      if (positions < 1)
        throw new FedmoteError(
          "model",
          `layer ${index}: pooling over ${layer.width} steps leaves nothing of ${inputs} inputs`,
        )
      return { outputs: positions * layer.channels, fanIn: 0, columns: 0 }
    }
    default:
      return unreachable(layer)
  }
}

function stepsOf(inputs: number, channels: number, index: number): number {
  if (inputs % channels !== 0)
    throw new FedmoteError("model", `layer ${index}: expected inputs in ${channels} channels, got ${inputs} values`)
  return inputs / channels
}

/** The parameters of layers `from` to `to - 1`, as positions in the flat vector. */
export function parameterRange(spec: ModelSpec, { from, to }: LayerRange): LayerRange {
  const layers = layout(spec)
  const end = parameterCount(spec)
  return { from: layers[from]?.weights ?? end, to: layers[to]?.weights ?? end }
}

/** Number of float32 parameters. */
export function parameterCount(spec: ModelSpec): number {
  let count = 0
  let width = spec.inputs
  for (const [i, layer] of spec.layers.entries()) {
    const shape = layerShape(layer, width, i)
    count += (shape.fanIn + 1) * shape.columns
    width = shape.outputs
  }
  return count
}

/** Number of outputs: classes (softmax), 1 (logistic, squared). */
export function outputCount(spec: ModelSpec): number {
  const last = spec.layers.at(-1)
  if (last?.kind !== "dense" || last.activation !== "identity")
    throw new FedmoteError("model", "the last layer must be dense with identity activation")
  return last.units
}

/** Number of classes a label may name: outputs (softmax), 2 (logistic), 0 (squared). */
export function classCount(spec: ModelSpec): number {
  return spec.loss === "softmax" ? outputCount(spec) : spec.loss === "logistic" ? 2 : 0
}
