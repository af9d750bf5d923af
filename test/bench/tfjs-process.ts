/**
 * TensorFlow.js on its WASM backend (SIMD, one thread) in a process of its own, so that its memory goes when the comparison is done. Does what
 * tfjs.ts asks over IPC, one request after the other, and takes the time itself: messages are not counted.
 */
import { dirname, join, sep } from "node:path"
import { fileURLToPath } from "node:url"
import { getThreadsCount, setThreadsCount, setWasmPaths } from "@tensorflow/tfjs-backend-wasm"
import {
  cast,
  env,
  getBackend,
  losses,
  oneHot,
  ready,
  setBackend,
  tensor,
  tensor1d,
  tensor2d,
  tidy,
  train,
} from "@tensorflow/tfjs-core"
import type { Tensor, Tensor2D } from "@tensorflow/tfjs-core"
import { layers, sequential } from "@tensorflow/tfjs-layers"
import type { Sequential } from "@tensorflow/tfjs-layers"

/** A multilayer perceptron with relu in between, its samples (rows x sizes[0]), labels and start (layer after layer, weights then biases). */
export interface ModelRequest {
  readonly ask: "model"
  readonly sizes: readonly number[]
  readonly batch: number
  readonly learningRate: number
  readonly x: Float32Array
  readonly y: Float32Array
  readonly start: Float32Array
}

export type Request =
  | ModelRequest
  /** Local training as a client does it: parameters and samples in, epochs over shuffled batches, parameters out. */
  | { readonly ask: "fit"; readonly epochs: number }
  /** Nothing but steps, on a batch that is on the backend already. */
  | { readonly ask: "steps"; readonly times: number }

/** Of "fit" all; of "steps" the seconds. */
export interface Answer {
  readonly seconds: number
  readonly parameters: Float32Array
  /** Mean over all samples of all epochs. */
  readonly loss: number
}

interface Samples {
  readonly x: Tensor2D
  readonly y: Tensor2D
}

interface Loaded {
  readonly request: ModelRequest
  readonly model: Sequential
  readonly batch: Samples
}

async function prepare(): Promise<void> {
  const main = fileURLToPath(import.meta.resolve("@tensorflow/tfjs-backend-wasm"))
  setThreadsCount(1)
  setWasmPaths(join(dirname(main), sep))
  await setBackend("wasm")
  await ready()
  const simd = await env().getAsync("WASM_HAS_SIMD_SUPPORT")
  if (getBackend() !== "wasm" || simd !== true || getThreadsCount() !== 1)
    throw new Error(`expected WASM with SIMD on one thread, got ${getBackend()}, ${simd}, ${getThreadsCount()} threads`)
}

/** `rows` samples on the backend, labels one-hot. The caller disposes of them. */
function samplesOf({ sizes, x, y }: ModelRequest, rows: number): Samples {
  const [inputs, classes] = [sizes[0]!, sizes.at(-1)!]
  return {
    x: tensor2d(x.subarray(0, rows * inputs), [rows, inputs]),
    y: tidy(() =>
      cast(oneHot(tensor1d(Int32Array.from(y.subarray(0, rows)), "int32"), classes), "float32"),
    ) as Tensor2D,
  }
}

function load(request: ModelRequest): Loaded {
  const [inputs, ...units] = request.sizes
  const model = sequential()
  for (const [i, n] of units.entries()) {
    const activation = i < units.length - 1 ? "relu" : "linear"
    model.add(layers.dense({ units: n, activation, ...(i === 0 ? { inputShape: [inputs!] } : {}) }))
  }
  // On logits: faster than "categoricalCrossentropy" behind a softmax layer, and without its clipping.
  const loss = (truth: Tensor, logits: Tensor): Tensor => losses.softmaxCrossEntropy(truth, logits)
  model.compile({ optimizer: train.sgd(request.learningRate), loss })
  return { request, model, batch: samplesOf(request, request.batch) }
}

function dispose(tensors: readonly (Tensor | undefined)[]): void {
  for (const value of tensors) value?.dispose()
}

function setParameters(model: Sequential, values: Float32Array): void {
  let at = 0
  const parts = model.getWeights().map(({ shape, size }) => tensor(values.slice(at, (at += size)), shape))
  model.setWeights(parts)
  dispose(parts)
}

function getParameters(model: Sequential, length: number): Float32Array {
  const values = new Float32Array(length)
  let at = 0
  for (const part of model.getWeights()) {
    values.set(part.dataSync(), at)
    at += part.size
  }
  return values
}

async function fit({ request, model }: Loaded, epochs: number): Promise<Answer> {
  const begin = performance.now()
  setParameters(model, request.start)
  const { x, y } = samplesOf(request, request.y.length)
  const { history } = await model.fit(x, y, {
    batchSize: request.batch,
    epochs,
    shuffle: true,
    verbose: 0,
    yieldEvery: "never",
  })
  const parameters = getParameters(model, request.start.length)
  dispose([x, y])
  const seconds = (performance.now() - begin) / 1000
  const losses = history["loss"] as number[]
  return { seconds, parameters, loss: losses.reduce((sum, value) => sum + value, 0) / epochs }
}

async function steps({ request, model, batch }: Loaded, times: number): Promise<Answer> {
  setParameters(model, request.start)
  const begin = performance.now()
  for (let i = 0; i < times; i++) await model.trainOnBatch(batch.x, batch.y)
  return { seconds: (performance.now() - begin) / 1000, parameters: new Float32Array(), loss: 0 }
}

const prepared = prepare()
let loaded: Loaded | undefined
process.on("message", (request: Request) => {
  void prepared.then(() => answer(request)).then((value) => process.send!(value))
})

async function answer(request: Request): Promise<Answer | "loaded"> {
  if (request.ask === "model") {
    loaded?.model.dispose()
    dispose([loaded?.batch.x, loaded?.batch.y])
    loaded = load(request)
    return "loaded"
  }
  if (!loaded) throw new Error("expected a model before anything else")
  return request.ask === "fit" ? fit(loaded, request.epochs) : steps(loaded, request.times)
}
