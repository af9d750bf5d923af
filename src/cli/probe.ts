import { randomBytes } from "node:crypto"
import type { Plan } from "../core/plan.ts"
import { probeQueue } from "../net/probe.ts"
import type { QueueMeasure } from "../net/probe.ts"
import { topics } from "../wire/topics.ts"
import type { Context } from "./context.ts"

/** Messages that a broker is tried out with: twice what most keep unless they are told otherwise, or twice a cohort. */
const LEAST_MESSAGES = 2000
const MOST_MESSAGES = 10_000

/** Measures whether the broker at `url` loses messages of a busy fleet in silence, and says so. Never rejects: a federation runs all the same. */
export async function tryOut(
  url: string,
  plan: Plan,
  { log }: Pick<Context, "log">,
  signal: AbortSignal,
): Promise<void> {
  const name = `probe-${randomBytes(4).toString("hex")}`
  const wanted = plan.cohort === "all" ? 0 : 2 * plan.cohort
  try {
    const measure = await probeQueue(url, {
      topic: topics(plan.fleet).probe(name),
      clientId: name,
      messages: Math.min(MOST_MESSAGES, Math.max(LEAST_MESSAGES, wanted)),
      signal,
    })
    const { level, text } = verdictOf(measure)
    log[level]({ ...measure }, text)
  } catch (error) {
    if (!signal.aborted) log.info({ error }, "could not measure how many messages the broker keeps for a busy receiver")
  }
}

/** What a measure means for whoever runs the broker. */
export function verdictOf({ sent, arrived, certain }: QueueMeasure): {
  readonly level: "warn" | "info" | "debug"
  readonly text: string
} {
  if (arrived === sent) return { level: "debug", text: "the broker keeps what a busy receiver has not taken yet" }
  if (!certain)
    return { level: "info", text: "the broker is too slow to tell whether it keeps messages for a busy receiver" }
  return { level: "warn", text: `${DROPS}: it kept ${arrived} of ${sent}. ${ADVICE}` }
}

const DROPS = "the broker drops messages in silence while their receiver is busy"
const ADVICE =
  "Updates that are lost so come late or not at all. Raise its limits - Mosquitto: max_queued_messages 100000 (0 has bugs in 2.0), " +
  "max_queued_bytes 0, max_inflight_messages 1000; EMQX: mqtt.max_mqueue_len, mqtt.max_inflight; HiveMQ: max-queue-size; " +
  "VerneMQ: max_online_messages, max_inflight_messages; RabbitMQ: the max-length of its policies"
