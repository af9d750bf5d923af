import { CODECS, codecName } from "../core/codec.ts"
import type { CodecName } from "../core/codec.ts"
import { FedmoteError } from "../core/error.ts"
import { classCount, parameterCount } from "../core/model.ts"
import type { Loss } from "../core/model.ts"
import { standardize } from "../core/moments.ts"
import { allShared, parameterParts } from "../core/parameter-parts.ts"
import type { RandomKey } from "../core/random.ts"
import type { Samples } from "../core/samples.ts"
import { createTrainer } from "../kernel/index.ts"
import type { EvaluationSums, KernelKind, Trainer } from "../kernel/types.ts"
import { deviceKey } from "../net/digest.ts"
import type { Notice, WireTraining } from "../wire/message.ts"
import { describeModel } from "./keeping.ts"
import type { Keeping } from "./keeping.ts"
import { keptLayout, takeOwn, withOwn } from "./kept.ts"
import type { KeptLayout } from "./kept.ts"
import type { HeldModel } from "./model-bytes.ts"
import { described, errorsOf, parametersIn, settingsOf, specOf } from "./noticed.ts"
import { trainWith } from "./own-trainer.ts"
import type { OwnOutcome } from "./own-trainer.ts"
import { PreparedSamples } from "./prepared-samples.ts"
import type { Part } from "./prepared-samples.ts"
import type { DeviceData } from "./source.ts"
import { trainInSlices } from "./trainer.ts"
import type { LocalTrainer } from "./trainer.ts"
import { UpdateEncoder } from "./update-encoder.ts"
import { evaluationWork, noSums, statisticsWork, trainingWork } from "./work.ts"
import type { Work } from "./work.ts"

export interface WorkbenchOptions {
  readonly id: string
  readonly data: DeviceData
  /** What trains at first: undefined for the built-in kernels. */
  readonly trainer: LocalTrainer | undefined
  readonly codecs: readonly CodecName[]
  readonly kernel: KernelKind | undefined
  readonly keeping: Keeping
}

/** What a training starts from. */
interface Fit {
  readonly notice: Notice
  readonly start: Float32Array
  readonly samples: Samples
  readonly signal: AbortSignal
}

/** What came of a round that nobody hears of. */
export interface Rehearsal {
  readonly lossSum: number
  readonly rows: number
}

/** Where a device works: its samples, the training program, the encoder; all kept from round to round. Knows no network. */
export class Workbench {
  readonly #options: WorkbenchOptions
  readonly #device: readonly [number, number]
  readonly #samples: PreparedSamples
  #program: LocalTrainer | undefined
  #trainer: { readonly shape: string; readonly trainer: Trainer } | undefined
  #shape: { readonly key: string; readonly layout: KeptLayout; readonly model: string } | undefined
  #encoder: UpdateEncoder | undefined

  constructor(options: WorkbenchOptions) {
    this.#options = options
    this.#device = deviceKey(options.id)
    this.#samples = new PreparedSamples(options.data)
    this.#program = options.trainer
  }

  /** From now on this program trains; undefined for the built-in kernels. Not while a round is worked on. */
  use(program: LocalTrainer | undefined): void {
    this.#program = program
  }

  /** Throws `FedmoteError` ("features", "trainer", "state") where this device cannot take part in what the Notice describes. */
  check(notice: Notice): void {
    const { training } = notice
    this.#checkData(notice)
    if (training.shared === undefined && training.errorFeedback !== true) return
    const { model, layout } = this.#layout(training, parametersIn(notice))
    this.#options.keeping.use(model, layout)
  }

  #checkData({ training, module }: Notice): void {
    const { data } = this.#options
    if (training.loss === "custom") {
      // A module that the round names may still be on its way here.
      if (this.#program === undefined && module === undefined)
        throw new FedmoteError(
          "trainer",
          "the federation trains a custom model: expected a trainer of your own, got none",
        )
      if (!training.standardized) return
    }
    if (data.features !== training.inputs)
      throw new FedmoteError(
        "features",
        `expected ${training.inputs} features as the federation's model has, got ${data.features}`,
      )
  }

  statistics(): Work {
    return statisticsWork(this.#options.data.train)
  }

  /** Local training. `signal` ends it early: the work has the steps really taken. Undefined where not one sample was processed. */
  async train(notice: Notice, model: HeldModel, signal: AbortSignal): Promise<Work | undefined> {
    const { codecs } = this.#options
    const codec = notice.codecs.map(codecName).find((name) => name !== undefined && codecs.includes(name))
    if (codec === undefined)
      throw new FedmoteError(
        "codec",
        `expected one of the codecs ${codecs.join(", ")}, the round offers ${notice.codecs.map((id) => codecName(id) ?? id).join(", ")}`,
      )
    const key = this.#key(notice)
    const samples = this.#samples.get("train", model.standardizer)
    const { layout, model: name } = this.#layout(notice.training, model.parameters.length)
    const { keeping } = this.#options
    const before = keeping.current(layout, model.parameters)
    const kept = before.slice()
    const start = withOwn(layout, model.parameters, kept)
    const outcome = await this.#fit(this.#program, { notice, start, samples, signal })
    if (outcome.samples === 0) return undefined
    if (this.#encoder?.layout !== layout) this.#encoder = new UpdateEncoder(layout, this.#options.kernel)
    takeOwn(layout, outcome.parameters, kept)
    const work = trainingWork(this.#encoder, codec, outcome.delta, kept, outcome, key)
    keeping.propose(name, layout, notice, before, kept)
    return work
  }

  /**
   * A round with this program that nobody hears of: trains as the Notice says, and evaluates what came of it on the test part, or on the training part
   * where there is none. Before the statistics are known the samples are standardised by their own. Throws what the program does.
   */
  async rehearse(
    program: LocalTrainer | undefined,
    notice: Notice,
    model: HeldModel,
    signal: AbortSignal,
  ): Promise<Rehearsal> {
    const { training } = notice
    const scale = notice.kind === "statistics" ? this.#samples.ownScale() : model.standardizer
    const samples = this.#samples.get("train", scale)
    const test = this.#samples.get("test", scale)
    const start = this.personal(training, model)
    const outcome = samples.rows > 0 && (await this.#fit(program, { notice, start, samples, signal }))
    const parameters = outcome ? outcome.parameters.slice() : start
    signal.throwIfAborted()
    const sums = await this.#count(program, training, parameters, test.rows > 0 ? test : samples)
    return { lossSum: sums?.lossSum ?? 0, rows: sums?.rows ?? 0 }
  }

  async #fit(program: LocalTrainer | undefined, { notice, start, samples, signal }: Fit): Promise<OwnOutcome> {
    const { training } = notice
    const settings = settingsOf(training)
    const key = this.#key(notice)
    if (program !== undefined)
      return trainWith(program, start, { ...settings, key, samples, signal, ...described(training) })
    const trainer = this.#kernelTrainer(training, start.length)
    const outcome = await trainInSlices(trainer, start, samples, settings, key, signal)
    if (!Number.isFinite(outcome.lossSum))
      throw new FedmoteError(
        "diverged",
        `training diverged: the loss is ${outcome.lossSum} after ${outcome.steps} steps`,
      )
    return { ...outcome, parameters: trainer.result, delta: trainer.delta() }
  }

  #key({ seed, round }: Notice): RandomKey {
    return { seed, round, device: this.#device }
  }

  /** The test part's sums; for a binary model also the training part's scores, on which the coordinator chooses the threshold. */
  async evaluate(notice: Notice, model: HeldModel): Promise<Work> {
    const { training } = notice
    const loss: Loss = training.loss === "custom" ? "squared" : training.loss
    const classes = training.loss === "custom" ? 0 : classCount(specOf(training))
    const parameters = this.personal(training, model)
    const sums = async (part: Part): Promise<EvaluationSums> => {
      const samples = this.#samples.get(part, model.standardizer)
      const counted = samples.rows > 0 && (await this.#count(this.#program, training, parameters, samples))
      if (!counted) return noSums(loss, classes)
      // A custom model's evaluation is that of the squared loss: it has no room for counts of classes.
      return training.loss === "custom" ? { ...noSums(loss, classes), ...errorsOf(counted) } : counted
    }
    return evaluationWork(loss, classes, await sums("test"), loss === "logistic" ? await sums("train") : undefined)
  }

  /** Undefined where the program has no way to evaluate. */
  async #count(
    program: LocalTrainer | undefined,
    training: WireTraining,
    parameters: Float32Array,
    samples: Samples,
  ): Promise<EvaluationSums | undefined> {
    if (program === undefined) return this.#kernelTrainer(training, parameters.length).evaluate(parameters, samples)
    return program.evaluate?.(parameters, samples, described(training).model)
  }

  /** The model's outputs for raw samples: rows x outputs. Throws `FedmoteError` ("features", "trainer"). */
  async predict(training: WireTraining, model: HeldModel, samples: Samples): Promise<Float32Array> {
    if (training.loss !== "custom" && samples.features !== training.inputs)
      throw new FedmoteError("features", `expected ${training.inputs} features, got ${samples.features}`)
    const x = model.standardizer === undefined ? samples : standardize(samples, model.standardizer)
    const own = this.#program
    const parameters = this.personal(training, model)
    if (own?.predict !== undefined) return own.predict(parameters, x, described(training).model)
    if (training.loss === "custom")
      throw new FedmoteError("trainer", "a custom model predicts by its trainer's predict(), which is absent")
    return this.#kernelTrainer(training, parameters.length).predict(parameters, x)
  }

  /** The model's parameters with this device's own private layers; the model's themselves where none is private. */
  personal(training: WireTraining, { parameters }: HeldModel): Float32Array {
    const { layout } = this.#layout(training, parameters.length)
    return withOwn(layout, parameters, this.#options.keeping.current(layout, parameters))
  }

  #layout(training: WireTraining, parameters: number): { readonly layout: KeptLayout; readonly model: string } {
    const { trained, shared, errorFeedback = false } = training
    const model = describeModel(training, parameters)
    const key = `${model}, ${errorFeedback}`
    if (this.#shape?.key === key) return this.#shape
    const parts = shared === undefined ? allShared(parameters) : parameterParts(specOf(training), { trained, shared })
    this.#shape = { key, model, layout: keptLayout(parts, errorFeedback) }
    return this.#shape
  }

  #kernelTrainer(training: WireTraining, parameters: number): Trainer {
    const spec = specOf(training)
    const expected = parameterCount(spec)
    if (expected !== parameters)
      throw new FedmoteError("model", `expected ${expected} parameters as the layers have, the model has ${parameters}`)
    const shape = JSON.stringify(spec)
    if (this.#trainer?.shape === shape) return this.#trainer.trainer
    const { data, kernel } = this.#options
    // Evaluation goes through the same memory in parts.
    const trainer = createTrainer(
      spec,
      { batch: Math.max(1, Math.min(training.batch, data.train.rows)), rows: data.train.rows },
      kernel,
    )
    this.#trainer = { shape, trainer }
    return trainer
  }
}

/** The codec list that a device announces: what it was given, and the two that every device has. */
export function codecsOf(wanted: readonly CodecName[]): CodecName[] {
  return (Object.keys(CODECS) as CodecName[]).filter(
    (name) => name === "f32" || name === "int8" || wanted.includes(name),
  )
}
