import { z } from "zod"
import { CODEC_NAMES } from "./codec.ts"
import { METRIC_NAMES } from "./metrics.ts"
import { MODEL_LIMITS } from "./model.ts"
import { PlanError, unknownKeyHint } from "./plan-error.ts"
import { planKeys, sweepSchema } from "./plan-keys.ts"
import { count, expected, roundSections, seconds } from "./plan-round.ts"
import { checkWhole } from "./plan-whole.ts"

/**
 * One plan describes a federation: what is learned, by whom, how a round runs and when it ends. Written as YAML, given as a plain
 * value; `parsePlan` checks it and fills in the defaults. Everything below the schema may trust it.
 */

/** One sender needs no unbiased codec, and the error is carried to the next delta: all of these have the least squared error. */
export const DOWNLINK_CODECS = ["eden4", "eden2", "eden1", "int8-nearest", "int4-nearest"] as const

const seed = z.int().min(0).max(0xffff_ffff)
const units = z.int().min(1).max(MODEL_LIMITS.units)
const activation = z.enum(["relu", "tanh", "identity"])
const name = z.union([z.string().min(1).max(64), z.number().transform(String)], expected("a name"))

const layer = z.union([
  z.strictObject({
    dense: units.describe("Fully connected: units."),
    activation: activation.exactOptional(),
  }),
  z.strictObject({
    conv1d: units.describe("Convolution over a window of readings, time-major: filters."),
    width: units.describe("Steps that a filter sees."),
    stride: units.default(1),
    channels: units.exactOptional().describe("Values of one step; default: the filters of the layer before, or 1."),
    activation: activation.exactOptional(),
  }),
  z.strictObject({
    pool: z.enum(["average", "max"]),
    width: units.describe("Steps that become one."),
    channels: units.exactOptional().describe("Values of one step; default: the filters of the layer before, or 1."),
  }),
])

const ends = (what: string) =>
  z
    .strictObject({
      first: z.int().min(0).max(MODEL_LIMITS.layers).default(0).describe("Layers at the input."),
      last: z.int().min(0).max(MODEL_LIMITS.layers).default(0).describe("Layers at the output."),
    })
    .exactOptional()
    .describe(what)

const model = z.strictObject({
  features: z
    .union(
      [units, z.array(name).min(1).max(MODEL_LIMITS.units)],
      expected("a number of features or a list of their names"),
    )
    .exactOptional()
    .describe("Number of features of a sample, or their names. May be left out where the data says it."),
  labels: z
    .array(name)
    .max(1024)
    .exactOptional()
    .describe("Class names in the order of the labels 0, 1, ...; left out for regression, and where the data says it."),
  hidden: z
    .union(
      [
        z.array(units).max(MODEL_LIMITS.layers - 1),
        units.transform((width) => [width]),
        z.literal("none").transform((): number[] => []),
      ],
      expected('the units of each hidden layer, such as [64, 32], or "none"'),
    )
    .exactOptional()
    .describe('Units of the hidden dense layers, or "none" for a linear model. Default: [32].'),
  layers: z
    .array(layer)
    .max(MODEL_LIMITS.layers - 1)
    .exactOptional()
    .describe("Instead of hidden: the layers before the output layer, which follows from the labels."),
  activation: activation.default("relu").describe("Of hidden layers that do not say another."),
  loss: z
    .enum(["softmax", "logistic", "squared", "custom"])
    .exactOptional()
    .describe("Default: logistic for two labels, softmax for more, squared for none. custom: your own trainer."),
  positiveWeight: z
    .number()
    .gt(0)
    .max(1e6)
    .default(1)
    .describe("Weight of class 1 in the logistic loss; above 1 where events are rare."),
  parameters: z
    .int()
    .min(1)
    .max(MODEL_LIMITS.parameters)
    .exactOptional()
    .describe("Number of parameters of a custom model."),
  frozen: ends("Layers that stay as the initial model has them: a backbone that was trained before."),
  private: ends("Layers that each device trains for itself and never sends: FedPer (Arivazhagan et al. 2019)."),
  standardize: z
    .boolean()
    .default(true)
    .describe("Scale features by means and deviations that the fleet computes together, without pooling readings."),
})

const positive = z.number().gt(0).max(1e6)

const train = z.strictObject({
  epochs: z.int().min(1).max(1000).default(5).describe("Passes over the device's samples in one round."),
  batch: z.int().min(1).max(65535).default(32).describe("Samples of one step."),
  learningRate: z.number().gt(0).max(1e6).default(0.1),
  momentum: z.number().min(0).lt(1).default(0),
  l2: z.number().min(0).max(1e6).default(0).describe("Weight decay."),
  proximal: z.number().min(0).max(1e6).default(0).describe("FedProx: pulls local training toward the global model."),
  clipNorm: positive.exactOptional().describe("Largest L2 norm of a step's mean gradient."),
  exampleClipNorm: positive
    .exactOptional()
    .describe("Largest L2 norm of each sample's gradient, before the mean is taken (DP-SGD)."),
  schedule: z
    .strictObject({
      kind: z.enum(["constant", "linear", "cosine"]).default("constant").describe("How the rate falls in one round."),
      warmup: z.int().min(0).max(0xffff_ffff).default(0).describe("Steps over which the rate rises to its full value."),
      finalFraction: z.number().min(0).max(1).default(0).describe("What the rate has fallen to after the last step."),
    })
    .exactOptional()
    .describe("Learning rate over the steps of one round."),
})

const serverRate = (rate: number) => z.number().gt(0).max(1e6).default(rate)
const adaptive = {
  serverLearningRate: serverRate(0.1),
  beta1: z.number().min(0).lt(1).default(0.9),
  beta2: z.number().min(0).lt(1).default(0.99),
  tau: z.number().gt(0).default(0.001).describe("Adaptivity: the smaller, the more every parameter has its own rate."),
}

const strategy = z.discriminatedUnion("name", [
  z.strictObject({ name: z.literal("fedavg"), serverLearningRate: serverRate(1) }),
  z.strictObject({
    name: z.literal("fedavgm"),
    serverLearningRate: serverRate(1),
    momentum: z.number().min(0).lt(1).default(0.9),
  }),
  z.strictObject({ name: z.literal("fedadagrad"), ...adaptive }),
  z.strictObject({ name: z.literal("fedadam"), ...adaptive }),
  z.strictObject({ name: z.literal("fedyogi"), ...adaptive, serverLearningRate: serverRate(0.01) }),
])

const schema = z.strictObject({
  fleet: z
    .string()
    .regex(/^[a-z0-9-]{1,32}$/, expected("1 to 32 of a-z, 0-9 and -"))
    .default("fedmote")
    .describe("Name of the fleet: part of every topic."),
  seed: seed.default(1).describe("Same seed, same plan, same folded updates: same model."),
  seeds: z
    .strictObject({
      partition: seed.exactOptional().describe("Which rows each client has, in a simulation."),
      init: seed.exactOptional().describe("The initial model."),
      sampling: seed.exactOptional().describe("Who takes part in each round."),
      training: seed.exactOptional().describe("The order of samples, and what codecs round."),
    })
    .exactOptional()
    .describe("Seeds of their own for what randomness decides. Default: seed."),
  rounds: count.default(30).describe("Training rounds at most."),
  cohort: z
    .union([count, z.literal("all")], expected('a number of devices or "all"'))
    .default("all")
    .describe("Updates wanted in a training round."),
  model: model.prefault({}),
  train: train.prefault({}),
  strategy: strategy.prefault({ name: "fedavg" }).describe("How the mean update moves the model."),
  codecs: z
    .union(
      [z.array(z.enum(CODEC_NAMES)).min(1).max(CODEC_NAMES.length), z.enum(CODEC_NAMES).transform((one) => [one])],
      expected(`one or more of ${CODEC_NAMES.join(", ")}`),
    )
    .default(["int8", "f32"])
    .describe("How updates are quantised, in order of preference; a device takes the first that it has."),
  weightCap: count.default(65536).describe("Largest weight (samples processed) of one update."),
  largestDelta: z
    .number()
    .gt(0)
    .max(65536)
    .default(16)
    .describe("Largest change of one parameter that an update may carry; one with a larger is refused."),
  updateNorm: positive
    .exactOptional()
    .describe("Largest L2 norm of an update, as it decodes; one with a larger is refused. Default: any."),
  ...roundSections,
  evaluate: z
    .strictObject({
      every: z.int().min(0).max(0xffff_ffff).default(1).describe("Training rounds between evaluations; 0 is never."),
      timeoutSeconds: seconds.default(60),
    })
    .prefault({}),
  stop: z
    .strictObject({
      metric: z.enum(METRIC_NAMES).exactOptional().describe("Default: loss."),
      atLeast: z.number().exactOptional(),
      atMost: z.number().exactOptional(),
      noProgress: z
        .strictObject({ rounds: count.default(10), delta: z.number().min(0).default(0.001) })
        .exactOptional()
        .describe("Stop when the metric has not improved by more than delta for so many training rounds."),
    })
    .exactOptional()
    .describe("Ends the federation before its last round."),
  downlink: z
    .strictObject({
      codec: z.enum(DOWNLINK_CODECS).default("eden4").describe("How a commit's change is quantised."),
      history: z
        .int()
        .min(1)
        .max(64)
        .default(4)
        .describe("Commits that a device may have missed and still catch up by deltas."),
    })
    .exactOptional()
    .describe("The model also travels as quantised deltas, for devices that hold an earlier version."),
})

type DeepReadonly<T> = T extends object ? { readonly [K in keyof T]: DeepReadonly<T[K]> } : T

/** A checked plan with its defaults; frozen. Exactly one of `model.hidden` and `model.layers` is set. */
export type Plan = DeepReadonly<z.output<typeof schema>>
/** What may be written: every key may be left out. */
export type PlanInput = DeepReadonly<z.input<typeof schema>>
/** Part of a plan, to lay over another; a key that is `undefined` changes nothing. */
export type PlanOverrides = DeepPartial<PlanInput>
type DeepPartial<T> = T extends readonly unknown[]
  ? T
  : T extends object
    ? { readonly [K in keyof T]?: DeepPartial<T[K]> | undefined }
    : T
export type LayerPlan = NonNullable<Plan["model"]["layers"]>[number]

/** Checks `value` (from YAML or JSON) and fills in the defaults. Throws `PlanError`: one line with path, what was expected, what came. */
export function parsePlan(value: unknown): Plan {
  const written = isTree(value) ? overlay({}, value) : (value ?? {})
  const result = schema.safeParse(written)
  if (!result.success)
    throw PlanError.from(result.error.issues, written, (path, key) =>
      key === "sweep" && path.length === 0 ? SWEEP_HINT : unknownKeyHint(keySchema(), path, key),
    )
  const plan = result.data
  if (plan.model.layers === undefined) plan.model.hidden ??= [32]
  checkWhole(plan, written)
  return freeze(plan)
}

const SWEEP_HINT = "one plan is wanted here: sweeps are for fedmote simulate"

/** `overrides` laid over `plan` and checked again. Lists are replaced; another strategy or another kind of layers replaces the old one. */
export function mergePlan(plan: Plan, overrides: PlanOverrides): Plan {
  const base = structuredClone(plan) as Tree
  const { model = {}, strategy } = overrides
  const planModel = base["model"] as Tree
  if (model.hidden !== undefined) delete planModel["layers"]
  if (model.layers !== undefined) delete planModel["hidden"]
  if (strategy?.name !== undefined && strategy.name !== plan.strategy.name) delete base["strategy"]
  return parsePlan(overlay(base, overrides as Tree))
}

/** JSON Schema (2020-12) of what may be written, for editors; published as `plan.schema.json`. */
export function planSchema(): object {
  const { $schema, properties, ...rest } = keySchema()
  return {
    $schema,
    title: "Fedmote plan",
    description: "One plan describes a federation: what is learned, how a round runs and when it ends.",
    ...rest,
    properties: { ...properties, sweep: sweepSchema(planKeys({ properties })) },
  }
}

/** JSON Schema of one plan, without a sweep. */
export function keySchema(): KeySchema {
  return z.toJSONSchema(schema, { io: "input" }) as KeySchema
}

interface KeySchema {
  readonly $schema: string
  readonly properties: { readonly [key: string]: object }
}

type Tree = { [key: string]: unknown }

function overlay(base: Tree, overrides: Tree): Tree {
  for (const [key, value] of Object.entries(overrides)) {
    if (value === undefined) continue
    base[key] = isTree(value) ? overlay(isTree(base[key]) ? base[key] : {}, value) : value
  }
  return base
}

function isTree(value: unknown): value is Tree {
  return typeof value === "object" && value !== null && !Array.isArray(value)
}

function freeze<T>(value: T): DeepReadonly<T> {
  if (typeof value === "object" && value !== null) for (const part of Object.values(Object.freeze(value))) freeze(part)
  return value as DeepReadonly<T>
}
