import { Worker } from "node:worker_threads"
import type { EvaluationSums } from "../core/evaluation.ts"
import type { ModelSpec } from "../core/model.ts"
import type { RandomKey } from "../core/random.ts"
import type { Samples } from "../core/samples.ts"
import type { TrainSettings } from "../core/training.ts"
import { KernelError } from "../kernel/error.ts"
import { TrainingModule } from "../kernel/training-module.ts"
import type { LocalResult, LocalSettings, LocalTrainer } from "./trainer.ts"

export interface ModuleLimits {
  /** Most memory of the module. Default: 64 MiB. */
  readonly mostBytes?: number
  /** Most time for a step of training, and for an evaluation or prediction. Default: 10 s. */
  readonly stepMs?: number
}

interface Request {
  readonly parameters: Float32Array
  readonly samples: Samples
  /** What is described to the module; it may have a model of its own. */
  readonly model: ModelSpec
}
export interface TrainRequest extends Request {
  readonly ask: "train"
  readonly settings: TrainSettings
  readonly key: RandomKey
}
export type ModuleRequest = TrainRequest | (Request & { readonly ask: "evaluate" | "predict" })

export type ModuleAnswer =
  | { readonly trained: LocalResult }
  | { readonly evaluated: EvaluationSums }
  | { readonly predicted: Float32Array }
  | { readonly code: string; readonly message: string }

export interface ModuleThreadData {
  readonly bytes: Uint8Array
  readonly mostBytes: number
  readonly pulse: SharedArrayBuffer
}

// The same file in the sources, and as it is built.
const THREAD = new URL(import.meta.url.endsWith(".ts") ? "./module-thread.ts" : "./module-thread.js", import.meta.url)

/** Of a federation whose model is custom: the module has its own. */
const CUSTOM = {
  layers: [{ kind: "dense", units: 1, activation: "identity" }],
  loss: "squared",
  positiveWeight: 1,
} as const

/**
 * A training program that is a WebAssembly module of somebody's (assembly/README.md), in a thread of its own with bounded memory. A trap, a step that does not
 * come to an end or a lie about sizes costs the device its round: the thread is ended, and another begins with the next request.
 */
export class ModuleProgram implements LocalTrainer {
  readonly #bytes: Uint8Array
  readonly #mostBytes: number
  readonly #stepMs: number
  #thread: { readonly worker: Worker; readonly words: Int32Array } | undefined
  #last: Promise<unknown> = Promise.resolve()

  /** Throws `KernelError` ("module") for bytes that are no training module. */
  constructor(bytes: Uint8Array, { mostBytes = 1 << 26, stepMs = 10_000 }: ModuleLimits = {}) {
    // What is none is refused here, not in every round.
    void new TrainingModule(bytes)
    this.#bytes = bytes.slice()
    this.#mostBytes = mostBytes
    this.#stepMs = stepMs
  }

  async train(parameters: Float32Array, settings: LocalSettings): Promise<LocalResult> {
    const { samples, signal, key, model, ...rest } = settings
    const answer = await this.#ask(
      { ask: "train", parameters, settings: rest, key, ...described(samples, model) },
      signal,
    )
    return "trained" in answer ? answer.trained : wrong(answer)
  }

  async evaluate(parameters: Float32Array, samples: Samples, model?: ModelSpec): Promise<EvaluationSums> {
    const answer = await this.#ask({ ask: "evaluate", parameters, ...described(samples, model) })
    return "evaluated" in answer ? answer.evaluated : wrong(answer)
  }

  async predict(parameters: Float32Array, samples: Samples, model?: ModelSpec): Promise<Float32Array> {
    const answer = await this.#ask({ ask: "predict", parameters, ...described(samples, model) })
    return "predicted" in answer ? answer.predicted : wrong(answer)
  }

  /** Ends the thread. */
  async close(): Promise<void> {
    const { worker } = this.#thread ?? {}
    this.#thread = undefined
    await worker?.terminate()
  }

  // One request at a time: the module's memory is one.
  #ask(request: ModuleRequest, signal?: AbortSignal): Promise<ModuleAnswer> {
    const answer = this.#last.then(() => this.#perform(request, signal))
    this.#last = answer.catch(() => undefined)
    return answer
  }

  async #perform(request: ModuleRequest, signal: AbortSignal | undefined): Promise<ModuleAnswer> {
    const { worker, words } = (this.#thread ??= this.#begin())
    const { promise, resolve, reject } = Promise.withResolvers<ModuleAnswer>()
    const finish = (): void => void Atomics.store(words, 1, 1)
    const stop = this.#watch(words, reject)
    Atomics.store(words, 1, signal?.aborted === true ? 1 : 0)
    signal?.addEventListener("abort", finish)
    worker.on("message", resolve).on("error", reject)
    const onExit = (): void => reject(new KernelError("trap", "the thread of the module has ended"))
    worker.on("exit", onExit)
    worker.postMessage(request)
    try {
      return await promise
    } catch (error) {
      await this.close()
      throw error
    } finally {
      stop()
      signal?.removeEventListener("abort", finish)
      worker.off("message", resolve).off("error", reject).off("exit", onExit)
    }
  }

  #begin(): { readonly worker: Worker; readonly words: Int32Array } {
    const pulse = new SharedArrayBuffer(8)
    const workerData: ModuleThreadData = { bytes: this.#bytes, mostBytes: this.#mostBytes, pulse }
    const worker = new Worker(THREAD, { workerData, resourceLimits: { maxOldGenerationSizeMb: 128 } })
    // It keeps no process alive.
    worker.unref()
    return { worker, words: new Int32Array(pulse) }
  }

  /** Rejects where nothing has gone on for the time of a step. */
  #watch(words: Int32Array, reject: (error: KernelError) => void): () => void {
    let before = Atomics.load(words, 0)
    const timer = setInterval(() => {
      const now = Atomics.load(words, 0)
      if (now === before)
        reject(
          new KernelError(
            "timeout",
            `expected the module to be done with a step within ${this.#stepMs} ms, it goes on`,
          ),
        )
      before = now
    }, this.#stepMs)
    return () => clearInterval(timer)
  }
}

function described(samples: Samples, model: ModelSpec | undefined): Pick<Request, "samples" | "model"> {
  return { samples, model: model ?? customModel(samples.features) }
}

/** What is described to a module where the federation's model is custom: it has a model of its own. */
export function customModel(inputs: number): ModelSpec {
  return { inputs, ...CUSTOM }
}

function wrong(answer: ModuleAnswer): never {
  if ("code" in answer) throw new KernelError(answer.code, answer.message)
  throw new KernelError("internal", "the thread of the module gave another answer than was asked for")
}
