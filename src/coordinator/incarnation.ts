import { FedmoteError } from "../core/error.ts"
import type { Clock } from "../net/clock.ts"
import type { Network } from "../net/link.ts"
import { decode, encode } from "../wire/codec.ts"
import type { Notice } from "../wire/message.ts"
import type { Topics } from "../wire/topics.ts"

/** What earlier coordinators of a fleet left with the broker. */
export interface Legacy {
  /** The retained Notice. */
  readonly notice: Notice | undefined
  /** Topics of retained model chunks. */
  readonly models: ReadonlySet<string>
}

/** Epochs of one incarnation: each abandoned round takes one. */
export const EPOCHS = 65536

const ECHO_TIMEOUT_MS = 30_000

/** The first epoch of the incarnation after `epoch`. Throws `FedmoteError` ("coordinator") after the last. */
export function nextIncarnation(epoch: number): number {
  const next = (Math.floor(epoch / EPOCHS) + 1) * EPOCHS
  if (next > 0xffff_ffff)
    throw new FedmoteError("coordinator", `expected an epoch below ${0xffff_ffff - EPOCHS}, the fleet is at ${epoch}`)
  return next
}

/**
 * Looks at what the broker retains, over a connection of its own. That nothing more comes is known from an echo: a message to a topic of
 * ours arrives behind what was retained.
 */
export async function readLegacy(
  network: Network,
  topics: Topics,
  name: string,
  clock: Clock,
  signal?: AbortSignal,
): Promise<Legacy> {
  const link = await network.connect({ clientId: name, ...(signal === undefined ? {} : { signal }) })
  const { promise: echo, resolve, reject } = Promise.withResolvers<void>()
  // It may be rejected before anybody waits for it.
  echo.catch(() => {})
  const abort = (): void => reject(signal!.reason)
  signal?.addEventListener("abort", abort)
  const cancel = clock.after(ECHO_TIMEOUT_MS, () =>
    reject(
      new FedmoteError("coordinator", `expected the broker to echo a message on ${topics.task(name)}, it did not`),
    ),
  )
  try {
    let notice: Notice | undefined
    const models = new Set<string>()
    await link.subscribe(topics.round, (_topic, payload) => {
      const heard = noticeIn(payload)
      if (heard !== undefined && heard.epoch >= (notice?.epoch ?? 0)) notice = heard
    })
    await link.subscribe(topics.filters.models, (topic, payload) => {
      if (payload.length > 0) models.add(topic)
    })
    await link.subscribe(topics.task(name), () => resolve())
    const ping = encode({ type: "task", action: "wait", round: 0, epoch: 0, retrySeconds: 0, reason: "echo" })
    await link.publish(topics.task(name), ping)
    await echo
    return { notice, models }
  } finally {
    cancel()
    signal?.removeEventListener("abort", abort)
    await link.close()
  }
}

/** Undefined for anything else. */
function noticeIn(payload: Uint8Array): Notice | undefined {
  try {
    const message = decode(payload)
    return message.type === "notice" ? message : undefined
  } catch {
    return undefined
  }
}
