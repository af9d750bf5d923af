import { z } from "zod"
import { FedmoteError } from "../../core/error.ts"

/** What the coordinator says of a slot's modules, as JSON: retained where whoever watches finds it, and in answer to an operator's order. */

export const ROLLOUT_SCHEMA = "fedmote-rollout/1"

const count = z.int().min(0)

const stage = z.object({
  /** Of all devices of the rollout that have the module after this stage. */
  percent: count,
  /** How many devices this stage adds, and what has become of them. */
  devices: count,
  confirmed: count,
  failed: count,
  waiting: count,
  /** Which: in the answer to "start" and "plan" alone. */
  ids: z.array(z.string()).optional(),
})

const rollout = z.object({
  sequence: z.int().min(1),
  /** `halted`: by itself. Halted and aborted are for good: all devices go back. */
  phase: z.enum(["running", "paused", "halted", "aborted", "complete"]),
  /** Why it was halted. */
  reason: z.string().optional(),
  /** The stage that it is in, from 0. */
  stage: count,
  stages: z.array(stage).min(1),
  /** Of the key that signed the order to start, in hexadecimal. */
  keyId: z.string(),
  /** A tag, or `all`. */
  to: z.string(),
})

const status = z.object({
  schema: z.literal(ROLLOUT_SCHEMA),
  slot: z.string(),
  /** The latest one; absent before the first. */
  rollout: rollout.optional(),
  /** The module that nobody goes back below; 0 for the built-in kernels. */
  settled: count,
  /** The highest sequence that was ever rolled out. */
  highest: count,
  /** The module of the rounds now. */
  rounds: count,
  /** How many devices train with which module now, by sequence; 0 for the built-in kernels. */
  versions: z.record(z.string(), count),
  /** How many devices of the latest rollout failed for which reason, by its code. */
  failures: z.record(z.string(), count),
})

const answer = z.object({
  schema: z.literal(ROLLOUT_SCHEMA),
  /** The first 8 bytes of the SHA-256 of the order's envelope, in hexadecimal. */
  order: z.string(),
  /** Of the order; absent where its signature was not good. */
  nonce: count.optional(),
  accepted: z.boolean(),
  /** Why not: a code, ": " and a text. */
  reason: z.string().optional(),
  /** As it is now; in the answer to "plan" as it would begin. */
  rollout: rollout.optional(),
})

export type RolloutStage = z.infer<typeof stage>
export type RolloutFacts = z.infer<typeof rollout>
export type RolloutStatus = z.infer<typeof status>
export type RolloutAnswer = z.infer<typeof answer>

/** Throws `FedmoteError` ("rollout") for anything else. */
export function parseStatus(payload: Uint8Array): RolloutStatus {
  return parsed(payload, status, "the state of a rollout")
}

/** Throws `FedmoteError` ("rollout") for anything else. */
export function parseAnswer(payload: Uint8Array): RolloutAnswer {
  return parsed(payload, answer, "an answer to an order")
}

function parsed<T>(payload: Uint8Array, schema: z.ZodType<T>, what: string): T {
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder().decode(payload))
  } catch (cause) {
    throw new FedmoteError("rollout", `expected ${what} (${ROLLOUT_SCHEMA}), got no JSON`, { cause })
  }
  const { success, data, error } = schema.safeParse(value)
  if (success) return data
  const [{ path, message } = { path: [], message: "" }] = error.issues
  throw new FedmoteError("rollout", `expected ${what} (${ROLLOUT_SCHEMA}): ${path.join(".")}: ${message}`)
}
