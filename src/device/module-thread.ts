import { parentPort, workerData } from "node:worker_threads"
import { FedmoteError } from "../core/error.ts"
import { KernelError } from "../kernel/error.ts"
import { ModuleTrainer } from "../kernel/module-trainer.ts"
import { TrainingModule } from "../kernel/training-module.ts"
import type { ModuleAnswer, ModuleRequest, ModuleThreadData, TrainRequest } from "./module-program.ts"

/** Runs one module, for the device's own thread: one request after the other. */

const { bytes, mostBytes, pulse } = workerData as ModuleThreadData
const module = new TrainingModule(bytes)
/** [steps taken in all, 1 for "finish now"] */
const words = new Int32Array(pulse)
let trainer: { readonly shape: string; readonly trainer: ModuleTrainer } | undefined

parentPort!.on("message", (request: ModuleRequest) => {
  let answer: ModuleAnswer
  try {
    answer = perform(request)
  } catch (error) {
    if (!(error instanceof FedmoteError)) throw error
    answer = { code: error.code, message: error.message }
  }
  parentPort!.postMessage(answer)
})

function perform(request: ModuleRequest): ModuleAnswer {
  const { parameters, samples } = request
  const own = trainerFor(request)
  if (own.parameters !== parameters.length)
    throw new KernelError(
      "trainer",
      `the module trains ${own.parameters} parameters, the federation's model has ${parameters.length}`,
    )
  switch (request.ask) {
    case "train":
      return { trained: train(own, request) }
    case "evaluate":
      return { evaluated: own.evaluate(parameters, samples) }
    case "predict":
      return { predicted: own.predict(parameters, samples) }
  }
}

function train(own: ModuleTrainer, { parameters, samples, settings, key }: TrainRequest) {
  own.begin(parameters, samples, settings, key)
  while (!own.advance(1)) {
    Atomics.add(words, 0, 1)
    if (Atomics.load(words, 1) !== 0) break
  }
  const { lossSum, ...counts } = own.outcome()
  return { ...counts, parameters: own.result.slice(), metrics: { lossSum } }
}

function trainerFor({ samples, model }: ModuleRequest): ModuleTrainer {
  const shape = JSON.stringify(model)
  if (trainer?.shape !== shape) {
    const limits = { batch: 1, rows: Math.max(1, samples.rows) }
    trainer = { shape, trainer: new ModuleTrainer(module, model, limits, mostBytes) }
  }
  return trainer.trainer
}
