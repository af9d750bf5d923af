import { CODECS } from "../core/codec.ts"
import type { CodecName } from "../core/codec.ts"
import { LinkError } from "../net/link.ts"
import type { Link } from "../net/link.ts"
import { encode } from "../wire/codec.ts"
import type { Message } from "../wire/message.ts"
import type { Topics } from "../wire/topics.ts"
import { obstacles } from "./eligibility.ts"
import type { Eligibility } from "./eligibility.ts"
import type { DeviceEvent, DeviceLog } from "./event.ts"
import type { DeviceData } from "./source.ts"
import type { Timers } from "./timers.ts"

/** Version of the kernel ABI that Fedmote's own kernels have. */
const KERNEL_ABI = 1
/** So many devices hear of a new coordinator at once: nobody answers at once. The plan's spread, where it has one, says how many there are. */
const JITTER_MS = 1000
/** Who was told to wait is one of many. */
const WAITING_JITTER_MS = 60_000
/** Who has heard nothing since its last Ready says it again after so long, and up to half as long again: it may have been lost. */
const UNHEARD_MS = 900_000
/** How often a device that has a say asks itself whether it is willing. */
const WILLING_MS = 30_000

export interface GreetingOptions {
  readonly link: Link
  readonly topics: Topics
  readonly id: string
  readonly session: number
  readonly maxPacketBytes: number
  readonly codecs: readonly CodecName[]
  readonly data: DeviceData
  readonly ramKiB: number
  readonly eligible: (() => Eligibility) | undefined
  readonly timers: Timers
  readonly log: DeviceLog
  readonly emit: (event: DeviceEvent) => void
  /** The device was willing, and is no longer: called before it says so. */
  readonly onUnwilling: () => void
}

/** What a device says of itself: Hello (retained) and Ready, after every connection, to every new coordinator, and when asked to come back. */
export class Greeting {
  readonly #options: GreetingOptions
  #said: boolean | undefined
  #left = false
  /** When a device that was told to wait comes back. */
  #backAtMs = -Infinity
  #cancelSoon: () => void = () => undefined
  #cancelBack: () => void = () => undefined

  constructor(options: GreetingOptions) {
    this.#options = options
    if (options.eligible !== undefined) this.#watch()
  }

  /** Whether the device would work now. */
  get willing(): boolean {
    return !this.#left && obstacles(this.#options.eligible?.() ?? {}).length === 0
  }

  now(): void {
    this.#cancelSoon()
    if (this.#left) return
    const { link, topics, id, session, maxPacketBytes, ramKiB, codecs, data, emit } = this.#options
    const hello: Message = {
      type: "hello",
      session,
      maxPacket: maxPacketBytes,
      ramKiB,
      codecs: codecs.map((name) => CODECS[name].id),
      abis: [KERNEL_ABI],
      features: data.features,
    }
    this.#say(link.publish(topics.hello(id), encode(hello), { retain: true }))
    this.ready()
    emit({ type: "greeted", session })
  }

  /** After jitter: a coordinator that is new must hear of this device. `spreadSeconds`: the Notice's. */
  soon(spreadSeconds: number): void {
    this.#cancelSoon()
    const { timers, link } = this.#options
    const { clock } = timers
    const leftMs = this.#backAtMs - clock.nowMs()
    const waiting = leftMs > 0
    const mostMs = Math.max(waiting ? WAITING_JITTER_MS : JITTER_MS, Math.min(spreadSeconds * 1000, WAITING_JITTER_MS))
    const delayMs = Math.min(clock.random() * mostMs, waiting ? leftMs : Infinity)
    this.#cancelSoon = timers.after(delayMs, () => link.connected && this.now())
  }

  /** As asked by the coordinator: all again after so many seconds, since it may have forgotten. */
  backIn(seconds: number): void {
    this.#cancelBack()
    const { timers } = this.#options
    this.#backAtMs = timers.clock.nowMs() + seconds * 1000
    this.#cancelBack = timers.after(seconds * 1000, () => this.now())
  }

  /** Ready, unless the connection is down: then the next one begins with it. */
  ready(): void {
    const { link, topics, id, session, data } = this.#options
    this.#cancelBack()
    this.#backAtMs = -Infinity
    if (this.#left) return
    const was = this.#said
    const willing = this.willing
    this.#said = willing
    if (was === true && !willing) this.#unwilling()
    if (!link.connected) return
    const { timers } = this.#options
    this.#cancelBack = timers.after(UNHEARD_MS * (1 + timers.clock.random() / 2), () => this.ready())
    const message: Message = {
      type: "ready",
      session,
      willing,
      samples: data.train.rows,
      testSamples: data.test.rows,
    }
    this.#say(link.publish(topics.ready(id), encode(message)))
  }

  /** Says so, if the device has become willing or is no longer. */
  reconsider(): void {
    if (this.#said !== undefined && this.#said !== this.willing) this.ready()
  }

  /** Takes back all that was said, for good: from now on the device is not willing. Rejects with `LinkError`, and it goes on, where the connection is down. */
  async farewell(): Promise<void> {
    const { link, topics, id, session } = this.#options
    const ready: Message = { type: "ready", session, willing: false, samples: 0, testSamples: 0 }
    this.#left = true
    try {
      await link.publish(topics.ready(id), encode(ready))
      await link.publish(topics.hello(id), new Uint8Array(0), { retain: true })
    } catch (error) {
      this.#left = false
      throw error
    }
  }

  #unwilling(): void {
    const { log, eligible, emit, onUnwilling } = this.#options
    const reasons = obstacles(eligible?.() ?? {})
    log.info(`takes no part now: ${reasons.join(", ")}`)
    emit({ type: "unwilling", reasons })
    onUnwilling()
  }

  #say(published: Promise<void>): void {
    published.catch((error: unknown) => {
      if (!(error instanceof LinkError)) this.#options.log.warn(`could not greet: ${String(error)}`)
    })
  }

  #watch(): void {
    this.#options.timers.after(WILLING_MS, () => {
      this.reconsider()
      this.#watch()
    })
  }
}

/** A device's last will. */
export function goneBytes(session: number): Uint8Array {
  const gone: Message = { type: "gone", session }
  return encode(gone)
}
