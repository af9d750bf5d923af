import type { ModelSpec } from "../core/model.ts"
import { classCount } from "../core/model.ts"
import type { Samples } from "../core/samples.ts"
import { KernelError } from "./error.ts"
import type { TrainOptions } from "./types.ts"

/** Most steps of one training: the kernels count them in 31 bits. */
const MAX_STEPS = 2 ** 31 - 1

/** Refuses samples that do not fit the model ("samples"), naming the row; whether `x` is finite is for the kernel to say. */
export function checkSamples(spec: ModelSpec, samples: Samples): void {
  const { rows, features, x, y } = samples
  if (features !== spec.inputs)
    throw new KernelError("samples", `expected ${spec.inputs} features a row, got ${features}`)
  if (x.length !== rows * features || y.length !== rows)
    throw new KernelError(
      "samples",
      `expected ${rows} rows: ${rows * features} values in x and ${rows} in y, got ${x.length} and ${y.length}`,
    )
  const classes = classCount(spec)
  const row = classes > 0 ? firstNoClass(y, classes) : y.findIndex((target) => !Number.isFinite(target))
  if (row < 0) return
  const expected = classes > 0 ? `a label from 0 to ${classes - 1}` : "a finite target"
  throw new KernelError("samples", `row ${row}: expected ${expected}, got ${y[row]}`)
}

/** The first that is no whole number below `classes`, or -1. */
function firstNoClass(labels: Float32Array, classes: number): number {
  for (let row = 0; row < labels.length; row++) {
    const label = labels[row]!
    if (label >>> 0 !== label || label >= classes) return row
  }
  return -1
}

/** Names the first value that is not finite. */
export function refuseNonFinite(samples: Samples): never {
  const at = samples.x.findIndex((value) => !Number.isFinite(value))
  const row = Math.floor(at / samples.features)
  const column = at % samples.features
  throw new KernelError("samples", `row ${row}, column ${column}: expected a finite value, got ${samples.x[at]}`)
}

/** Refuses settings without meaning ("settings"). */
export function checkSettings(spec: ModelSpec, rows: number, settings: TrainOptions): void {
  const { epochs, batch, schedule, trained } = settings
  count("epochs", epochs, 1)
  count("batch", batch, 1)
  if (epochs * Math.ceil(rows / batch) > MAX_STEPS || epochs * rows > MAX_STEPS)
    throw new KernelError("settings", `expected fewer than 2^31 samples in all, got ${epochs} epochs of ${rows}`)
  real("learningRate", settings.learningRate)
  real("momentum", settings.momentum)
  real("l2", settings.l2)
  real("proximal", settings.proximal)
  real("clipNorm", settings.clipNorm ?? 0)
  real("exampleClipNorm", settings.exampleClipNorm ?? 0)
  if (settings.momentum >= 1) throw new KernelError("settings", `expected momentum below 1, got ${settings.momentum}`)
  if (schedule) {
    count("schedule.warmup", schedule.warmup ?? 0, 0)
    real("schedule.finalFraction", schedule.finalFraction ?? 0)
  }
  if (trained) {
    count("trained.from", trained.from, 0)
    if (!(Number.isInteger(trained.to) && trained.to > trained.from && trained.to <= spec.layers.length))
      throw new KernelError(
        "settings",
        `expected trained layers within 0 to ${spec.layers.length}, got ${trained.from} to ${trained.to}`,
      )
  }
}

function count(name: string, value: number, least: number): void {
  if (!Number.isInteger(value) || value < least || value > MAX_STEPS)
    throw new KernelError("settings", `expected ${name} to be a whole number from ${least}, got ${value}`)
}

function real(name: string, value: number): void {
  if (!(value >= 0) || !Number.isFinite(Math.fround(value)))
    throw new KernelError("settings", `expected ${name} to be finite and not negative, got ${value}`)
}
