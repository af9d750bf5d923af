import { FedmoteError } from "../../core/error.ts"
import { BOUNDS } from "../../wire/keys.ts"

/** Why a module is not taken, or not kept: the code that the reason of a Flashed begins with. */
export type RefusalCode =
  | "unknown-key"
  | "signature"
  | "envelope"
  | "manifest"
  | "expired"
  | "sequence"
  | "target"
  | "slot"
  | "abi"
  | "features"
  | "memory"
  | "space"
  | "chunk"
  | "count"
  | "timeout"
  | "size"
  | "digest"
  | "module"
  | "self-test"
  | "trap"
  | "output"
  | "diverged"
  | "told"

/** A module is not taken, or not kept: something is wrong with it, or with how it came. */
export class Refusal extends FedmoteError {
  declare readonly code: RefusalCode

  constructor(code: RefusalCode, message: string, options?: ErrorOptions) {
    super(code, message, options)
  }
}

/** As it is reported: the code, ": " and as many of the words as there is room for. */
export function reasonOf({ code, message }: { readonly code: string; readonly message: string }): string {
  const { max } = BOUNDS.reasonText
  const bytes = Buffer.from(`${code}: ${message}`)
  // A character that is cut in two at the end would be a replacement character.
  return bytes.length <= max
    ? bytes.toString()
    : bytes
        .subarray(0, max)
        .toString()
        .replace(/\uFFFD+$/u, "")
}

/** What went wrong while a module ran, as a refusal; undefined where it was not the module. */
export function faultOf(error: unknown): Refusal | undefined {
  if (!(error instanceof FedmoteError)) return undefined
  const code = FAULTS.get(error.code)
  return code && new Refusal(code, error.message, { cause: error })
}

/** Codes of errors that a running module is to blame for. */
const FAULTS: ReadonlyMap<string, RefusalCode> = new Map([
  ["trap", "trap"],
  ["timeout", "timeout"],
  ["diverged", "diverged"],
  ["module", "output"],
  ["trainer", "output"],
  ["samples", "output"],
])
