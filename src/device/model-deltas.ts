import { codecName } from "../core/codec.ts"
import type { CodecName } from "../core/codec.ts"
import { FedmoteError } from "../core/error.ts"
import { parameterRange } from "../core/model.ts"
import type { LayerRange } from "../core/training.ts"
import { createDecoder } from "../kernel/codec-decode.ts"
import { payloadBytes } from "../kernel/codec.ts"
import { downlinkKey } from "../kernel/downlink.ts"
import type { Decoder, KernelKind } from "../kernel/types.ts"
import { floatBytes, sha256 } from "../net/digest.ts"
import type { Notice, WireTraining } from "../wire/message.ts"
import { sameBytes } from "./model-bytes.ts"
import type { HeldModel } from "./model-bytes.ts"

/** Deltas that lead from a held model to the one that a Notice names: of `from` + 1 to `to`, each against the version before. */
export interface DeltaChain {
  readonly from: number
  readonly to: number
  readonly codec: CodecName
  /** What they change of the parameters. */
  readonly shared: LayerRange
  /** Length of each payload. */
  readonly payloadBytes: number
}

/**
 * How `held` becomes the Notice's model; undefined where that has to be pulled whole: the Notice has no such deltas, or none that this device can
 * read, the model has another shape, or the deltas are no shorter than it.
 */
export function deltaChain(held: HeldModel | undefined, notice: Notice): DeltaChain | undefined {
  const { version, deltas, training, sizeBytes } = notice
  if (held === undefined || deltas === undefined) return undefined
  const from = held.version
  const codec = codecName(deltas.codec)
  // A payload of the largest values has no length of its own.
  if (codec === undefined || codec === "topk" || from < deltas.base || from >= version) return undefined
  if ((held.standardizer !== undefined) !== training.standardized) return undefined
  const head = training.standardized ? 2 * training.inputs : 0
  if (sizeBytes !== 4 * (head + held.parameters.length)) return undefined
  const shared = sharedRange(training, held.parameters.length)
  if (shared === undefined || shared.to <= shared.from || shared.to > held.parameters.length) return undefined
  const bytes = payloadBytes(codec, shared.to - shared.from)
  return (version - from) * bytes < sizeBytes ? { from, to: version, codec, shared, payloadBytes: bytes } : undefined
}

function sharedRange(
  { inputs, layers, loss, positiveWeight, shared }: WireTraining,
  size: number,
): LayerRange | undefined {
  if (loss === "custom" || shared === undefined) return { from: 0, to: size }
  try {
    return parameterRange({ inputs, layers, loss, positiveWeight }, shared)
  } catch (error) {
    // Layers that do not fit: training will say so.
    if (error instanceof FedmoteError) return undefined
    throw error
  }
}

/** Adds deltas to models (assembly/CODECS.md, "Downlink"). Kernel memory is taken when the first one comes. */
export class DeltaReader {
  readonly #kind: KernelKind | undefined
  #decoder: Decoder | undefined

  constructor(kind: KernelKind | undefined) {
    this.#kind = kind
  }

  /**
   * The model that `payloads`, in order, make of `held`, which stays as it is. Throws `KernelError` ("payload", "bound") for what is no delta,
   * `FedmoteError` ("model-digest") where the outcome is not the Notice's model.
   */
  add(held: HeldModel, chain: DeltaChain, payloads: readonly Uint8Array[], notice: Notice): HeldModel {
    const { from, codec, shared } = chain
    const size = shared.to - shared.from
    if (this.#decoder?.size !== size) this.#decoder = createDecoder(size, this.#kind)
    const parameters = held.parameters.slice()
    const part = parameters.subarray(shared.from, shared.to)
    for (const [i, payload] of payloads.entries()) {
      const change = this.#decoder.decode(codec, payload, downlinkKey(notice.seed, from + 1 + i))
      for (let k = 0; k < size; k++) part[k] = part[k]! + change[k]!
    }
    const { version, digest } = notice
    const model = { version, digest: digest.slice(), parameters, standardizer: held.standardizer }
    if (!sameBytes(sha256(published(model)), digest))
      throw new FedmoteError(
        "model-digest",
        `model ${version}: what comes of ${from} and its deltas does not have the Notice's SHA-256 digest`,
      )
    return model
  }
}

/** A model's bytes as they are published. */
function published({ standardizer, parameters }: HeldModel): Uint8Array {
  const head = standardizer === undefined ? [] : [standardizer.mean, standardizer.inverse]
  return Buffer.concat([...head, parameters].map(floatBytes))
}
