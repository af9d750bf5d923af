import { readFile, rename, rm, writeFile } from "node:fs/promises"
import { z } from "zod"
import { FedmoteError } from "../core/error.ts"
import { layout, parameterCount } from "../core/model.ts"
import type { ModelSpec } from "../core/model.ts"
import type { Standardizer } from "../core/moments.ts"
import { lossOf, modelSpec, privateLayers } from "../core/plan-model.ts"
import type { Plan } from "../core/plan.ts"
import { floatBytes, sha256 } from "../net/digest.ts"
import { readSafetensors, writeSafetensors } from "./safetensors.ts"
import type { Tensor } from "./safetensors.ts"

/** A trained model as a file: the parameters layer by layer, and all that is needed to use them. */

const FORMAT = "fedmote-model/1"

/** What an export is made of. */
export interface ModelToExport {
  readonly plan: Plan
  readonly parameters: Float32Array
  readonly standardizer?: Standardizer | undefined
  /** Class names in label order, feature names in the model's order; the plan's where absent. */
  readonly labels?: readonly string[] | undefined
  readonly features?: readonly string[] | undefined
  /** Binary models: the probability from which on a sample is called positive. */
  readonly threshold?: number | undefined
}

export interface ModelFile {
  readonly spec: ModelSpec
  readonly parameters: Float32Array
  readonly standardizer: Standardizer | undefined
  readonly labels: readonly string[]
  readonly features: readonly string[]
  readonly threshold: number | undefined
  /** SHA-256 of the parameters, in hexadecimal. */
  readonly digest: string
}

export function digestOf(parameters: Float32Array): string {
  return Buffer.from(sha256(floatBytes(parameters))).toString("hex")
}

/** Writes `file` in one piece: it is whole or not there. */
export async function exportModel(file: string, model: ModelToExport): Promise<void> {
  const temporary = `${file}.${process.pid}.tmp`
  try {
    await writeFile(temporary, modelBytes(model))
    await rename(temporary, file)
  } catch (error) {
    await rm(temporary, { force: true })
    if (error instanceof FedmoteError) throw error
    throw new FedmoteError("model-file", `cannot write ${file}: ${(error as Error).message}`, { cause: error })
  }
}

/** The file's bytes. `layers.N.weights` is `[inputs, units]` (dense) or `[width, channels, filters]` (conv1d), `layers.N.biases` `[units]`. */
export function modelBytes({ plan, parameters, standardizer, labels, features, threshold }: ModelToExport): Uint8Array {
  if (lossOf(plan) === "custom") return customBytes(parameters)
  const spec = modelSpec(plan)
  if (parameters.length !== parameterCount(spec))
    throw new FedmoteError("model-file", `expected ${parameterCount(spec)} parameters, got ${parameters.length}`)
  const tensors = new Map<string, Tensor>()
  for (const { name, shape, from, to } of pieces(spec))
    tensors.set(name, { shape, values: parameters.subarray(from, to) })
  if (standardizer !== undefined) {
    tensors.set("feature_mean", { shape: [spec.inputs], values: standardizer.mean })
    tensors.set("feature_inverse_deviation", { shape: [spec.inputs], values: standardizer.inverse })
  }
  const own = privateLayers(plan)
  const names = features ?? (typeof plan.model.features === "object" ? plan.model.features : [])
  return writeSafetensors({
    tensors,
    metadata: {
      format: FORMAT,
      inputs: String(spec.inputs),
      layers: JSON.stringify(spec.layers),
      loss: spec.loss,
      positive_weight: String(spec.positiveWeight),
      labels: JSON.stringify(labels ?? plan.model.labels ?? []),
      features: JSON.stringify(names),
      digest: digestOf(parameters),
      ...(threshold === undefined ? {} : { threshold: String(threshold) }),
      // As all devices began with them: their own have not left them.
      ...(own.length > 0 && { private_layers: JSON.stringify(own) }),
    },
  })
}

/** A custom model has no layers that anybody knows: one tensor, `parameters`. */
function customBytes(parameters: Float32Array): Uint8Array {
  const tensors = new Map([["parameters", { shape: [parameters.length], values: parameters }]])
  return writeSafetensors({ tensors, metadata: { format: FORMAT, loss: "custom", digest: digestOf(parameters) } })
}

/** Reads what `exportModel` wrote. With `plan`, for a parent model: its shape must be the plan's. Throws `FedmoteError`, one line that names the file. */
export async function importModel(file: string, plan?: Plan): Promise<ModelFile> {
  let bytes: Uint8Array
  try {
    bytes = await readFile(file)
  } catch (error) {
    throw new FedmoteError("model-file", `cannot read ${file}: ${(error as Error).message}`, { cause: error })
  }
  const model = readModel(bytes, file)
  if (plan !== undefined) checkFits(model.spec, modelSpec(plan), file)
  return model
}

const units = z.int().min(1).max(65535)
const activation = z.enum(["identity", "relu", "tanh"])
const layerSchema = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("dense"), units, activation }),
  z.strictObject({
    kind: z.literal("conv1d"),
    channels: units,
    filters: units,
    width: units,
    stride: units,
    activation,
  }),
  z.strictObject({ kind: z.literal("pool"), mode: z.enum(["average", "max"]), channels: units, width: units }),
])
const names = z.array(z.string()).max(65535)
const schema = z.object({
  format: z.literal(FORMAT),
  inputs: z.coerce.number().pipe(units),
  layers: json(z.array(layerSchema).min(1).max(15)),
  loss: z.enum(["softmax", "logistic", "squared"]),
  positive_weight: z.coerce.number().pipe(z.number().gt(0)),
  labels: json(names),
  features: json(names),
  digest: z.string(),
  threshold: z.coerce.number().pipe(z.number().min(0).max(1)).exactOptional(),
})

function json<T extends z.ZodType>(inner: T): z.ZodPipe<z.ZodPipe<z.ZodString, z.ZodTransform<unknown, string>>, T> {
  const parse = z.string().transform((text, context): unknown => {
    try {
      return JSON.parse(text)
    } catch {
      context.issues.push({ code: "custom", message: "not JSON", input: text })
      return z.NEVER
    }
  })
  return parse.pipe(inner) as never
}

/** The same from bytes; `name` begins every error. */
export function readModel(bytes: Uint8Array, name = "model"): ModelFile {
  const { tensors, metadata } = readSafetensors(bytes, name)
  const fail = (text: string): never => {
    throw new FedmoteError("model-file", `${name}: ${text}`)
  }
  if (metadata["format"] !== FORMAT)
    return fail(`expected a model that fedmote exported (format ${FORMAT}), got ${metadata["format"] ?? "no format"}`)
  const parsed = schema.safeParse(metadata)
  if (!parsed.success) {
    const { path, message } = parsed.error.issues[0]!
    return fail(`metadata ${path.join(".")}: ${message}`)
  }
  const { inputs, layers, loss, positive_weight: positiveWeight, labels, features, digest, threshold } = parsed.data
  const spec: ModelSpec = { inputs, layers, loss, positiveWeight }
  const left = new Set(tensors.keys())
  const take = (key: string, shape: readonly number[]): Float32Array => {
    const tensor = tensors.get(key)
    if (tensor === undefined) return fail(`expected a tensor ${key}, it is not there`)
    if (tensor.shape.join() !== shape.join())
      fail(`tensor ${key}: expected shape [${shape.join(", ")}], got [${tensor.shape.join(", ")}]`)
    if (!tensor.values.every(Number.isFinite)) fail(`tensor ${key}: expected finite values`)
    left.delete(key)
    return tensor.values
  }
  const parameters = new Float32Array(sizeOf(spec, fail))
  for (const { name: key, shape, from } of pieces(spec)) parameters.set(take(key, shape), from)
  const standardizer = tensors.has("feature_mean")
    ? { mean: take("feature_mean", [inputs]), inverse: take("feature_inverse_deviation", [inputs]) }
    : undefined
  for (const key of left) fail(`a tensor ${JSON.stringify(key)} that no layer has`)
  if (digestOf(parameters) !== digest) fail(`its parameters are not those of its digest ${digest}`)
  return { spec, parameters, standardizer, labels, features, threshold, digest }
}

function sizeOf(spec: ModelSpec, fail: (text: string) => never): number {
  try {
    return parameterCount(spec)
  } catch (error) {
    return fail((error as Error).message)
  }
}

interface Piece {
  readonly name: string
  readonly shape: readonly number[]
  readonly from: number
  readonly to: number
}

/** The tensors of a flat parameter vector. */
function pieces(spec: ModelSpec): Piece[] {
  return layout(spec).flatMap(({ fanIn, weights, biases }, i) => {
    const layer = spec.layers[i]!
    if (layer.kind === "pool") return []
    const columns = layer.kind === "dense" ? layer.units : layer.filters
    const shape = layer.kind === "dense" ? [fanIn, columns] : [layer.width, layer.channels, columns]
    return [
      { name: `layers.${i}.weights`, shape, from: weights, to: biases },
      { name: `layers.${i}.biases`, shape: [columns], from: biases, to: biases + columns },
    ]
  })
}

function checkFits(have: ModelSpec, want: ModelSpec, file: string): void {
  const describe = ({ inputs, layers, loss }: ModelSpec): string =>
    [
      `${inputs} features`,
      ...layers.map((layer) =>
        layer.kind === "dense"
          ? `${layer.units} ${layer.activation}`
          : layer.kind === "conv1d"
            ? `${layer.filters} filters of ${layer.width} (stride ${layer.stride}, ${layer.channels} channels, ${layer.activation})`
            : `${layer.mode} pool of ${layer.width} (${layer.channels} channels)`,
      ),
      loss,
    ].join(" - ")
  if (describe(have) !== describe(want))
    throw new FedmoteError(
      "model-file",
      `${file}: expected a model of ${describe(want)} as the plan has, got ${describe(have)}`,
    )
}
