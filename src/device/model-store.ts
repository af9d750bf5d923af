import { FedmoteError } from "../core/error.ts"
import { backoffMs } from "../net/backoff.ts"
import type { KernelKind } from "../kernel/types.ts"
import type { Clock } from "../net/clock.ts"
import { LinkError } from "../net/link.ts"
import type { Link } from "../net/link.ts"
import type { Notice } from "../wire/message.ts"
import type { Topics } from "../wire/topics.ts"
import type { DeviceEvent, DeviceLog } from "./event.ts"
import { isModelOf, unpackModel } from "./model-bytes.ts"
import type { HeldModel } from "./model-bytes.ts"
import { DeltaReader, deltaChain } from "./model-deltas.ts"
import { pullDeltas, pullModel } from "./model-pull.ts"
import type { PullOptions } from "./model-pull.ts"
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
  readonly kernel: KernelKind | undefined
  /** The latest Notice. */
  readonly current: () => Notice | undefined
  /** Makes the broker send what it retains on the Notice's topic again. */
  readonly reread: () => Promise<void>
}

/** The one model that a device holds: the latest that it needed. */
export class ModelStore {
  readonly #options: ModelStoreOptions
  readonly #reader: DeltaReader
  #model: HeldModel | undefined

  constructor(options: ModelStoreOptions) {
    this.#options = options
    this.#reader = new DeltaReader(options.kernel)
  }

  /**
   * The model that `wanted` names: the one held, or what deltas make of it, or pulled whole, however many attempts that takes. Throws `FedmoteError`
   * "model-superseded" when the latest Notice has another version, "model" for bytes that are no model; and the signal's reason.
   */
  async get(wanted: Notice, signal: AbortSignal): Promise<HeldModel> {
    const { clock, log, emit, current, reread } = this.#options
    let bytes = 0
    const options = { ...this.#options, signal, onChunk: (more: number): void => void (bytes += more) }
    let wholeOnly = false
    for (let attempt = 0; ; attempt++) {
      signal.throwIfAborted()
      const latest = current() ?? wanted
      if (latest.version !== wanted.version)
        throw new FedmoteError("model-superseded", `model ${wanted.version} was superseded by ${latest.version}`)
      if (this.#model !== undefined && isModelOf(this.#model, latest)) return this.#model
      try {
        const { version } = latest
        const from = this.#model?.version
        const next = wholeOnly ? undefined : await this.#byDeltas(latest, options)
        wholeOnly = true
        this.#model = next ?? unpackModel(await pullModel(latest, options), latest)
        emit({ type: "pulled", version, bytes, ...(next && from !== undefined && { from }) })
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

  /** The Notice's model by deltas; undefined where it has to be pulled whole. Throws when the link goes down, and the signal's reason. */
  async #byDeltas(notice: Notice, options: PullOptions): Promise<HeldModel | undefined> {
    const held = this.#model
    const chain = deltaChain(held, notice)
    if (held === undefined || chain === undefined) return undefined
    try {
      return this.#reader.add(held, chain, await pullDeltas(chain, notice, options), notice)
    } catch (error) {
      options.signal.throwIfAborted()
      // No way to pull the whole model either.
      if (!(error instanceof FedmoteError) || error instanceof LinkError || error.code === "model-class") throw error
      this.#options.log.warn(`the model is pulled whole, since its deltas will not do: ${error.message}`)
      return undefined
    }
  }
}
