import { z } from "zod"
import { FedmoteError } from "../core/error.ts"
import { floatBytes, floatsOf, sha256 } from "../net/digest.ts"

/** What is kept, as it lies in a device's memory: one line of JSON, then the values as float32, little-endian. */
export interface KeptState {
  readonly fleet: string
  readonly device: string
  /** The model's layers in words: `describeModel`. */
  readonly model: string
  /** Parameters of the private layers, and values of the error; 0 without error feedback. */
  readonly own: number
  readonly residual: number
  readonly values: Float32Array
  /** What takes its place once the round's commit has happened. */
  readonly pending?: Pending | undefined
}

/** What a round's training made of what is kept. */
export interface Pending {
  readonly round: number
  readonly epoch: number
  readonly values: Float32Array
}

const FORMAT = "fedmote-state/1"
const NEWLINE = 10

const whole = z.int().min(0).max(0xffff_ffff)
const header = z.strictObject({
  format: z.literal(FORMAT),
  fleet: z.string(),
  device: z.string(),
  model: z.string(),
  own: whole,
  residual: whole,
  pending: z.strictObject({ round: whole, epoch: whole }).exactOptional(),
  digest: z.string().describe("SHA-256 of the values, hexadecimal."),
})

export function stateBytes({ values, pending, ...rest }: KeptState): Uint8Array {
  const floats = new Float32Array(values.length + (pending?.values.length ?? 0))
  floats.set(values)
  floats.set(pending?.values ?? [], values.length)
  const bytes = floatBytes(floats)
  const head: z.input<typeof header> = {
    format: FORMAT,
    ...rest,
    ...(pending && { pending: { round: pending.round, epoch: pending.epoch } }),
    digest: hex(sha256(bytes)),
  }
  return Buffer.concat([Buffer.from(`${JSON.stringify(head)}\n`), bytes])
}

/** Throws `FedmoteError` ("state") for bytes that are no device's state, or damaged. */
export function parseState(bytes: Uint8Array): KeptState {
  const end = bytes.indexOf(NEWLINE)
  const { format: _, digest, pending, ...rest } = parseHeader(bytes.subarray(0, Math.max(end, 0)))
  const size = rest.own + rest.residual
  const count = pending === undefined ? size : 2 * size
  // Of its own, whatever kind of buffer the bytes are in.
  const body = new Uint8Array(bytes.subarray(end + 1))
  if (body.length !== 4 * count) throw damaged(`expected ${4 * count} bytes of values, got ${body.length}`)
  if (hex(sha256(body)) !== digest) throw damaged("its values do not have its SHA-256 digest")
  const values = floatsOf(body)
  const at = values.findIndex((value) => !Number.isFinite(value))
  if (at >= 0) throw damaged(`expected finite values, got ${values[at]} at ${at}`)
  return {
    ...rest,
    values: values.slice(0, size),
    ...(pending && { pending: { ...pending, values: values.slice(size) } }),
  }
}

function parseHeader(line: Uint8Array): z.output<typeof header> {
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(line))
  } catch (error) {
    throw damaged(`expected a line of JSON first (${FORMAT})`, error)
  }
  const parsed = header.safeParse(value)
  if (parsed.success) return parsed.data
  const { path, message } = parsed.error.issues[0]!
  throw damaged(`expected a state of format ${FORMAT}: ${path.join(".") || "its first line"}: ${message}`)
}

function damaged(text: string, cause?: unknown): FedmoteError {
  return new FedmoteError("state", `not a device's state, or damaged: ${text}`, { cause })
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex")
}
