import { describeMessage } from "../../src/wire/describe.ts"
import type { Plain } from "../../src/wire/describe.ts"

/** What a reader of a trace has seen before, or cannot use. */
const LEFT_OUT = new Set(
  ["fleet", "digest", "sizeBytes", "chunkClasses", "training", "codecs", "grid", "weightCap", "seed", "shards"].concat([
    "spreadSeconds",
    "abis",
    "ramKiB",
    "metrics",
    "allowedBytes",
    "reason",
  ]),
)

/** A message as a line of a trace: who has sent it, and what `fedmote watch` would print, without what is always the same. */
export function traceMessage(from: string, topic: string, payload: Uint8Array): string {
  const { message, ...where } = describeMessage(topic, payload)
  const text = [where, message ?? {}].map((part) => JSON.stringify(part, keep)).join(" ")
  return `${from.startsWith("coordinator-") ? "coordinator" : from} > ${text}`
}

function keep(name: string, value: Plain): Plain | undefined {
  return LEFT_OUT.has(name) && (name !== "reason" || value === "") ? undefined : value
}

/** Virtual time, for the beginning of a line. */
export function traceTime(ms: number): string {
  return `${(ms / 1000).toFixed(3).padStart(9)} s`
}
