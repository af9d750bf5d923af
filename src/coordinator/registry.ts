import { CODECS } from "../core/codec.ts"
import { featureCount } from "../core/plan-model.ts"
import type { Plan } from "../core/plan.ts"
import { leastRamBytes } from "../core/ram.ts"
import { deviceFilter } from "../core/tags.ts"
import { deviceKey } from "../net/digest.ts"
import { chunkClass } from "../wire/chunk.ts"
import { WireError } from "../wire/error.ts"
import { BOUNDS } from "../wire/keys.ts"
import type { Gone, Hello, Ready } from "../wire/message.ts"
import type { Topics } from "../wire/topics.ts"

/** A device that is ready, as the round machine takes it. */
export interface ReadyDevice {
  readonly id: string
  readonly key: readonly [number, number]
  readonly samples: number
  readonly testSamples: number
}

/** What follows from a message of a device. */
export type Verdict =
  /** Willing to work, with all facts known. */
  | { readonly state: "ready"; readonly device: ReadyDevice }
  /** Not, or not yet. */
  | { readonly state: "unready" }
  /** It has said Ready and is not known: it must say Hello. */
  | { readonly state: "unknown" }
  /** It has said that it does not want to work, or wants to be forgotten. */
  | { readonly state: "withdrawn" }
  /** It trains with another module than the rounds take. */
  | { readonly state: "mismatched" }
  /** Its tags are not those that the plan selects. */
  | { readonly state: "excluded" }
  /** It does not fit this federation. */
  | { readonly state: "unfit"; readonly reason: string }

/** What is kept of a device: no more than is needed to say whether it can work. */
interface Entry {
  readonly key: readonly [number, number]
  /** Of the last Hello. */
  session: number | undefined
  ready: Pick<Ready, "session" | "samples" | "testSamples"> | undefined
  unfit: string | undefined
}

export interface RegistryOptions {
  /** Devices that are kept: about 300 bytes each. Where one more comes, the one that has been silent longest is forgotten. Default: `MOST_DEVICES`. */
  readonly limit?: number
  /** Whether a device is not to be forgotten now. */
  readonly isBusy?: (device: string) => boolean
}

/** Devices that a coordinator knows at a time. */
export const MOST_DEVICES = 262_144

/** Chunk classes for devices that cannot take the standard one; the largest that fits is published. */
const SMALL_CLASSES = [16384, 4096, 1024, 256, 64]

/**
 * The devices that have said Hello or Ready. A Ready stands until it is withdrawn: not willing, gone, or another session. A device that was forgotten to
 * make room introduces itself when it comes back.
 */
export class Registry {
  readonly #plan: Plan
  readonly #topics: Topics
  readonly #modelBytes: number
  readonly #admits: (device: string) => boolean
  readonly #limit: number
  readonly #isBusy: (device: string) => boolean
  readonly #ramBytes: number
  /** Who was heard last is last. */
  readonly #entries = new Map<string, Entry>()

  /** `modelBytes`: the most that a model of this plan has. */
  constructor(plan: Plan, topics: Topics, modelBytes: number, options: RegistryOptions = {}) {
    this.#plan = plan
    this.#limit = options.limit ?? MOST_DEVICES
    this.#isBusy = options.isBusy ?? (() => false)
    this.#ramBytes = leastRamBytes(plan)
    this.#admits = deviceFilter(plan)
    this.#topics = topics
    this.#modelBytes = modelBytes
  }

  get size(): number {
    return this.#entries.size
  }

  keyOf(device: string): readonly [number, number] {
    return this.#entries.get(device)?.key ?? deviceKey(device)
  }

  /** Everybody who is ready. */
  *allReady(): Generator<ReadyDevice> {
    for (const [id, entry] of this.#entries) {
      const verdict = this.#verdict(id, entry)
      if (verdict.state === "ready") yield verdict.device
    }
  }

  hello(device: string, hello: Hello): Verdict {
    const entry = this.#entry(device)
    entry.session = hello.session
    entry.unfit = this.#misfit(hello)
    return this.#verdict(device, entry)
  }

  ready(device: string, ready: Ready): Verdict {
    const entry = this.#entry(device)
    const { session, samples, testSamples, willing } = ready
    entry.ready = willing ? { session, samples, testSamples } : undefined
    if (!willing) return { state: "withdrawn" }
    // Of another life of the device, too: the Hello of this one may have been lost.
    return entry.session === session ? this.#verdict(device, entry) : { state: "unknown" }
  }

  gone(device: string, { session }: Gone): Verdict {
    const entry = this.#entries.get(device)
    if (entry?.ready === undefined) return { state: "unready" }
    if (entry.ready.session !== session) return this.#verdict(device, entry)
    entry.ready = undefined
    return { state: "unready" }
  }

  /** The device's Hello was cleared: it has left for good. */
  forget(device: string): void {
    this.#entries.delete(device)
  }

  /** The chunk class in which this device pulls the model; throws `WireError` where its packets are too small for any. */
  chunkClassFor({ maxPacket }: Hello): number {
    const standard = this.#plan.upload.chunkBytes
    const largest = chunkClass(this.#topics, maxPacket)
    if (largest >= standard) return standard
    const size = SMALL_CLASSES.find((size) => size <= largest && size < standard) ?? largest
    const chunks = Math.ceil(this.#modelBytes / size)
    if (chunks > BOUNDS.chunkCount.max)
      throw new WireError("packet", `the model has ${chunks} chunks of ${size} bytes, at most ${BOUNDS.chunkCount.max}`)
    return size
  }

  #entry(device: string): Entry {
    const known = this.#entries.get(device)
    if (known !== undefined) this.#entries.delete(device)
    else if (this.#entries.size >= this.#limit) this.#makeRoom()
    const entry = known ?? { key: deviceKey(device), session: undefined, ready: undefined, unfit: undefined }
    this.#entries.set(device, entry)
    return entry
  }

  #makeRoom(): void {
    // A busy one goes to the end, so that it is not looked at each time.
    for (let left = this.#entries.size; left > 0; left--) {
      const [device, entry] = this.#entries.entries().next().value!
      this.#entries.delete(device)
      if (!this.#isBusy(device)) return
      this.#entries.set(device, entry)
    }
  }

  #verdict(id: string, { key, session, ready, unfit }: Entry): Verdict {
    if (unfit !== undefined) return { state: "unfit", reason: unfit }
    if (!this.#admits(id)) return { state: "excluded" }
    if (ready === undefined || session !== ready.session) return { state: "unready" }
    return { state: "ready", device: { id, key, samples: ready.samples, testSamples: ready.testSamples } }
  }

  #misfit(hello: Hello): string | undefined {
    const features = featureCount(this.#plan)
    if (features !== undefined && hello.features !== features)
      return `expected ${features} features, got ${hello.features}`
    // It may have almost one more than it says.
    if (hello.ramKiB > 0 && 1024 * (hello.ramKiB + 1) <= this.#ramBytes)
      return `expected at least ${Math.ceil(this.#ramBytes / 1024)} KiB of RAM for this model, got ${hello.ramKiB}`
    const { codecs } = this.#plan
    if (!codecs.some((codec) => hello.codecs.includes(CODECS[codec].id)))
      return `expected one of the codecs ${codecs.join(", ")}, got none of them`
    try {
      this.chunkClassFor(hello)
    } catch (error) {
      if (!(error instanceof WireError)) throw error
      return error.message.slice(0, BOUNDS.reasonText.max)
    }
    return undefined
  }
}
