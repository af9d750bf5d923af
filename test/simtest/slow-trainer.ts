import type { ModelSpec } from "../../src/core/model.ts"
import type { LocalResult, LocalSettings, LocalTrainer } from "../../src/device/trainer.ts"
import { createTrainer } from "../../src/kernel/trainer.ts"
import type { Trainer } from "../../src/kernel/types.ts"
import type { Clock } from "../../src/net/clock.ts"
import { FEATURES } from "./schedule.ts"

const SPEC: ModelSpec = {
  inputs: FEATURES,
  layers: [{ kind: "dense", units: 3, activation: "identity" }],
  loss: "softmax",
  positiveWeight: 1,
}

let shared: Trainer | undefined

/** The kernels that all slow devices share: each uses them at one go. */
function kernels(): Trainer {
  return (shared ??= createTrainer(SPEC, { batch: 4, rows: 16 }, "scalar"))
}

/** The built-in program on a slow machine: a step takes its time, and "finish now" ends it where it is. */
export function slowTrainer(clock: Clock, stepMs: number): LocalTrainer {
  return {
    async train(parameters, settings) {
      const { samples, batch, epochs } = settings
      const all = epochs * Math.ceil(samples.rows / batch)
      const beganAtMs = clock.nowMs()
      await passed(clock, all * stepMs, settings.signal)
      const steps = Math.min(all, Math.floor((clock.nowMs() - beganAtMs) / stepMs))
      return train(parameters, settings, steps)
    },
    evaluate: (parameters, samples) => kernels().evaluate(parameters, samples),
  }
}

function train(parameters: Float32Array, settings: LocalSettings, steps: number): LocalResult {
  if (steps === 0) return { parameters: parameters.slice(), samples: 0, steps: 0, metrics: {} }
  const trainer = kernels()
  trainer.begin(parameters, settings.samples, settings, settings.key)
  trainer.advance(steps)
  const outcome = trainer.outcome()
  return { ...outcome, parameters: trainer.result.slice(), metrics: { lossSum: outcome.lossSum } }
}

/** Resolves after so long, or as soon as the signal is aborted. */
function passed(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve()
    const cancel = clock.after(ms, () => {
      signal.removeEventListener("abort", end)
      resolve()
    })
    const end = (): void => {
      cancel()
      resolve()
    }
    signal.addEventListener("abort", end, { once: true })
  })
}
