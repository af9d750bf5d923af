import type { CodecName } from "../core/codec.ts"
import type { RandomKey } from "../core/random.ts"
import { createFeedbackEncoder } from "../kernel/codec-feedback.ts"
import type { FeedbackEncoder } from "../kernel/codec-feedback.ts"
import { createEncoder } from "../kernel/encoder.ts"
import type { Encoder, KernelKind } from "../kernel/types.ts"
import { residualOf } from "./kept.ts"
import type { KeptLayout } from "./kept.ts"

/** Encodes the part of a delta that is shared, and nothing else: what is private never comes near an encoder. */
export class UpdateEncoder {
  readonly layout: KeptLayout
  readonly #plain: Encoder | undefined
  readonly #feedback: FeedbackEncoder | undefined

  constructor(layout: KeptLayout, kernel: KernelKind | undefined) {
    const { from, to } = layout.parts.shared
    this.layout = layout
    this.#plain = layout.residualSize === 0 ? createEncoder(to - from, kernel) : undefined
    this.#feedback = layout.residualSize === 0 ? undefined : createFeedbackEncoder(to - from, kernel)
  }

  /**
   * `delta`: float32, the whole model's. With error feedback the error in `kept` is sent along, and replaced by the one that is left. Returns
   * a view, valid until the next call. Throws `KernelError` ("delta") for a value that is not finite.
   */
  encode(codec: CodecName, delta: Float32Array, kept: Float32Array, key: RandomKey): Uint8Array {
    const { from, to } = this.layout.parts.shared
    const part = from === 0 && to === delta.length ? delta : delta.subarray(from, to)
    if (this.#feedback !== undefined) return this.#feedback.encode(codec, part, residualOf(this.layout, kept), key)
    return this.#plain!.encode(codec, part, key)
  }
}
