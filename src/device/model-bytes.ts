import { FedmoteError } from "../core/error.ts"
import type { Standardizer } from "../core/moments.ts"
import { floatsOf } from "../net/digest.ts"
import type { Notice, WireTraining } from "../wire/message.ts"

/** A global model as a device holds it. */
export interface HeldModel {
  readonly version: number
  /** SHA-256 of its bytes as they were published. */
  readonly digest: Uint8Array
  readonly parameters: Float32Array
  /** What to apply to every sample first; absent where the federation does not standardise. */
  readonly standardizer: Standardizer | undefined
}

/** The model that a federation ended with. */
export interface ReleasedModel extends HeldModel {
  readonly training: WireTraining
  /** `parameters` with the private layers of this device: what it predicts with. The same where no layer is private. */
  readonly personal: Float32Array
}

/**
 * The published bytes, taken apart: [means][inverse deviations] of the inputs if the model is standardised, then the parameters, all float32,
 * little-endian. Throws `FedmoteError` ("model") where the length does not fit.
 */
export function unpackModel(bytes: Uint8Array, notice: Notice): HeldModel {
  const { inputs, standardized } = notice.training
  const head = standardized ? 2 * inputs : 0
  if (bytes.length % 4 !== 0 || bytes.length < 4 * head)
    throw new FedmoteError(
      "model",
      `model ${notice.version}: expected ${head} float32 values and the parameters, got ${bytes.length} bytes`,
    )
  const values = floatsOf(bytes)
  return {
    version: notice.version,
    digest: notice.digest.slice(),
    parameters: values.slice(head),
    standardizer: standardized ? { mean: values.slice(0, inputs), inverse: values.slice(inputs, head) } : undefined,
  }
}

/** Whether a held model is the one that a Notice names. */
export function isModelOf(model: HeldModel, { version, digest }: Notice): boolean {
  return model.version === version && sameBytes(model.digest, digest)
}

export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i])
}
