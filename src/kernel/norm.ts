import type { CodecName } from "../core/codec.ts"
import type { RandomKey } from "../core/random.ts"
import { createDecoder } from "./codec-decode.ts"
import { KernelError } from "./error.ts"
import type { Decoder, KernelKind } from "./types.ts"

/** Holds updates to an L2 norm, as they decode. Nothing is allocated per payload. */
export class NormBound {
  readonly #decoder: Decoder
  readonly #most: number

  /** `size`: number of parameters. */
  constructor(size: number, most: number, kind?: KernelKind) {
    this.#decoder = createDecoder(size, kind)
    this.#most = most
  }

  /** Throws `KernelError`: "norm" above the bound, and as a fold does for a payload that is none. */
  check(codec: CodecName, payload: Uint8Array, key: RandomKey): void {
    const values = this.#decoder.decode(codec, payload, key)
    let squares = 0
    for (let i = 0; i < values.length; i++) squares += values[i]! * values[i]!
    // How large it is, is the device's own affair.
    if (!(Math.sqrt(squares) <= this.#most))
      throw new KernelError("norm", `expected an update of L2 norm ${this.#most} at most, got a larger one`)
  }
}
