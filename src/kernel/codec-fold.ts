import type { CodecName } from "../core/codec.ts"
import { unreachable } from "../core/error.ts"
import type { RandomKey } from "../core/random.ts"
import { PAYLOAD_MARGIN, checkSize, longestPayload, paddedSize, payloadBytes } from "./codec.ts"
import { KernelError } from "./error.ts"
import { type KernelFunctions, defaultKind, instantiate } from "./module.ts"
import type { KernelKind } from "./types.ts"

/** Weight, magic number and limit, and padding to 16 bytes. */
const TERMS_BYTES = 32

// A fold returns the number of values added, and why it stopped in the bits above.
const COUNT_MASK = 0x0fffffff
const FAULTS: readonly (readonly [code: string, text: string])[] = [
  ["payload", "a payload whose parts fit its length"],
  ["payload", "scales that are finite and not negative"],
  ["payload", "values within the codec's range"],
  [
    "bound",
    "every value within the largest change allowed (largestDelta), and |weight x value| within the grid's bound",
  ],
]

/**
 * Float64 sums in kernel memory, and folding into them: decode and add, rounded to a grid. The accumulator and the decoder stand on this.
 * Nothing is allocated per payload.
 */
export class FoldMemory {
  readonly size: number
  readonly sum: Float64Array
  readonly #functions: KernelFunctions
  readonly #bytes: Uint8Array
  // Weight, magic number and limit, in kernel memory: a float64 argument may become an object in every call.
  readonly #terms: Float64Array
  readonly #bounds = new Float64Array(2)
  readonly #termsAt: number
  readonly #sumAt: number
  readonly #payloadAt: number

  constructor(size: number, kind: KernelKind = defaultKind()) {
    checkSize(size)
    this.size = size
    const sumBytes = 8 * paddedSize(size)
    const instance = instantiate(kind, TERMS_BYTES + sumBytes + longestPayload(size) + PAYLOAD_MARGIN)
    this.#functions = instance.functions
    this.#bytes = new Uint8Array(instance.memory)
    this.#termsAt = instance.base
    this.#terms = new Float64Array(instance.memory, this.#termsAt, 3)
    this.#sumAt = this.#termsAt + TERMS_BYTES
    this.#payloadAt = this.#sumAt + sumBytes
    this.sum = new Float64Array(instance.memory, this.#sumAt, size)
  }

  /**
   * From now on contributions are rounded with `magic` (0: not at all), and refused where |weight x value| is above `limit`, or |value| above `largest`:
   * what a grid has room for is an update of the largest weight, and a light one may not have larger values for that.
   */
  bound(magic: number, limit: number, largest = Infinity): void {
    this.#terms[1] = magic
    this.#bounds[0] = limit
    this.#bounds[1] = largest
  }

  /** Adds weight x payload. A payload that is refused leaves the sums as they were. */
  add(codec: CodecName, payload: Uint8Array, weight: number, key: RandomKey): void {
    const most = codec === "topk" ? longestPayload(this.size) : payloadBytes(codec, this.size)
    if (payload.length > most || (codec !== "topk" && payload.length < most))
      throw new KernelError(
        "payload",
        `expected ${codec === "topk" ? "at most " : ""}${most} bytes of ${codec} for ${this.size} parameters, got ${payload.length}`,
      )
    this.#bytes.set(payload, this.#payloadAt)
    const end = this.#payloadAt + payload.length
    this.#bytes.fill(0, end, end + PAYLOAD_MARGIN)
    const own = weight * this.#bounds[1]!
    this.#terms[2] = own < this.#bounds[0]! ? own : this.#bounds[0]!
    this.#functions["codecKey"]!(key.seed, key.round, key.device[0], key.device[1])
    const result = this.#run(codec, payload.length, this.size, weight)
    if (result === this.size) return
    const added = result & COUNT_MASK
    // Sums of multiples of the grid are exact: taking away what was added restores every bit.
    if (added > 0) this.#run(codec, payload.length, added, -weight)
    const [code, text] = FAULTS[result >>> 28]!
    throw new KernelError(code, `expected ${text}, got something else in ${codec} from parameter ${added} on`)
  }

  #run(codec: CodecName, length: number, n: number, weight: number): number {
    const terms = this.#termsAt
    this.#terms[0] = weight
    const sum = this.#sumAt
    const at = this.#payloadAt
    switch (codec) {
      case "f32":
        return this.#functions["foldF32"]!(sum, at, n, terms)
      case "int8":
      case "int8-nearest":
        return this.#functions["foldBlocks"]!(sum, at, n, 8, terms)
      case "int4":
      case "int4-nearest":
        return this.#functions["foldBlocks"]!(sum, at, n, 4, terms)
      case "eden1":
        return this.#functions["foldEden"]!(sum, at, n, 1, terms)
      case "eden2":
        return this.#functions["foldEden"]!(sum, at, n, 2, terms)
      case "eden4":
        return this.#functions["foldEden"]!(sum, at, n, 4, terms)
      case "topk":
        return this.#functions["foldTopk"]!(sum, at, n, length, terms)
      default:
        return unreachable(codec)
    }
  }
}
