import { FedmoteError } from "../core/error.ts"
import { backoffMs } from "../net/backoff.ts"
import type { Clock } from "../net/clock.ts"
import type { Link } from "../net/link.ts"
import type { Notice } from "../wire/message.ts"
import type { Topics } from "../wire/topics.ts"
import type { DeviceEvent, DeviceLog } from "./event.ts"
import { isModelOf, unpackModel } from "./model-bytes.ts"
import type { HeldModel } from "./model-bytes.ts"
import { pullModel } from "./model-pull.ts"
import { delay } from "./timers.ts"

/** Waits between attempts to pull a model. */
const PULL_BACKOFF = { firstMs: 500, maxMs: 30_000 }

export interface ModelStoreOptions {
  readonly link: Link
  readonly topics: Topics
  readonly clock: Clock
  readonly maxPacketBytes: number
  readonly log: DeviceLog
  readonly emit: (event: DeviceEvent) => void
  /** The latest Notice. */
  readonly current: () => Notice | undefined
  /** Makes the broker send what it retains on the Notice's topic again. */
  readonly reread: () => Promise<void>
}

/** The one model that a device holds: the latest that it needed. */
export class ModelStore {
  readonly #options: ModelStoreOptions
  #model: HeldModel | undefined

  constructor(options: ModelStoreOptions) {
    this.#options = options
  }

  /**
   * The model that `wanted` names: the one held, or pulled, however many attempts that takes. Throws `FedmoteError` "model-superseded" when
   * the latest Notice has another version, "model" for bytes that are no model; and the signal's reason.
   */
  async get(wanted: Notice, signal: AbortSignal): Promise<HeldModel> {
    const { clock, log, emit, current, reread } = this.#options
    for (let attempt = 0; ; attempt++) {
      signal.throwIfAborted()
      const latest = current() ?? wanted
      if (latest.version !== wanted.version)
        throw new FedmoteError("model-superseded", `model ${wanted.version} was superseded by ${latest.version}`)
      if (this.#model !== undefined && isModelOf(this.#model, latest)) return this.#model
      try {
        const bytes = await pullModel(latest, { ...this.#options, signal })
        this.#model = unpackModel(bytes, latest)
        emit({ type: "pulled", version: latest.version, bytes: bytes.length })
        return this.#model
      } catch (error) {
        signal.throwIfAborted()
        if (!(error instanceof FedmoteError) || error.code === "model") throw error
        log.warn(`cannot pull the model yet: ${error.message}`)
      }
      // Chunk classes are added when a device needs them, and models are superseded: the Notice says.
      await reread().catch(() => undefined)
      await delay(clock, backoffMs(PULL_BACKOFF, attempt, 0.5 + clock.random() / 2), signal)
    }
  }
}
