import { sha256 } from "../net/digest.ts"
import { chunkModel } from "../wire/chunk.ts"
import type { Topics } from "../wire/topics.ts"
import type { Letter, Sender } from "./sender.ts"

/** A version of the global model as devices see it. `bytes` is the publisher's own. */
export interface PublishedModel {
  readonly version: number
  readonly bytes: Uint8Array
  readonly digest: Uint8Array
  readonly standardized: boolean
}

/** The newest version and the one before stay with the broker, for devices that are in the middle of a pull. */
const KEPT_VERSIONS = 2

/** Keeps the newest versions of the model with the broker: retained chunks, in every class that a device needs. */
export class Publisher {
  readonly #topics: Topics
  readonly #sender: Sender
  readonly #classes: Set<number>
  /** Topics that retain a chunk of ours, by version. */
  readonly #kept = new Map<number, Set<string>>()
  /** Topics of earlier incarnations, to be cleared. */
  #stale: Set<string>
  /** Classes in which the current version is with the broker. */
  readonly #there = new Set<number>()
  #current: PublishedModel

  constructor(
    topics: Topics,
    sender: Sender,
    standardClass: number,
    first: PublishedModel,
    stale: ReadonlySet<string>,
  ) {
    this.#topics = topics
    this.#sender = sender
    this.#classes = new Set([standardClass])
    this.#current = first
    this.#stale = new Set(stale)
  }

  /** What `publish` was last given. */
  get current(): PublishedModel {
    return this.#current
  }

  /** Ascending. */
  get classes(): number[] {
    return [...this.#classes].sort((a, b) => a - b)
  }

  /** A device needs chunks of this size: whether that is new, so that `ensure` has something to do. */
  need(chunkClass: number): boolean {
    if (this.#classes.has(chunkClass)) return false
    this.#classes.add(chunkClass)
    return true
  }

  /** Makes this the current version; `ensure` brings it to the broker. */
  replace(model: PublishedModel): void {
    this.#current = model
    this.#there.clear()
  }

  /** The broker may have lost what it retained. */
  doubt(): void {
    this.#there.clear()
  }

  /** Resolves when the current version is with the broker in all classes, and what is older than the one before is cleared. */
  async ensure(): Promise<void> {
    const { version } = this.#current
    const topics = this.#kept.get(version) ?? new Set()
    this.#kept.set(version, topics)
    for (const size of this.classes) {
      if (this.#there.has(size)) continue
      await this.#sender.all(this.#chunks(size, topics), true)
      this.#there.add(size)
    }
    await this.#clearOld(version)
  }

  *#chunks(size: number, topics: Set<string>): Generator<Letter> {
    const { version, bytes } = this.#current
    for (const message of chunkModel(bytes, version, undefined, size)) {
      const topic = this.#topics.model(version, undefined, size, message.index)
      topics.add(topic)
      yield { topic, message }
    }
  }

  async #clearOld(version: number): Promise<void> {
    for (const [old, topics] of this.#kept) {
      if (old > version - KEPT_VERSIONS) continue
      await this.#clear(topics)
      this.#kept.delete(old)
    }
    for (const topics of this.#kept.values()) for (const topic of topics) this.#stale.delete(topic)
    await this.#clear(this.#stale)
    this.#stale = new Set()
  }

  async #clear(topics: ReadonlySet<string>): Promise<void> {
    await this.#sender.all(
      [...topics].map((topic) => ({ topic, message: undefined })),
      true,
    )
  }
}

/** The version with its digest. */
export function publishedModel(version: number, bytes: Uint8Array, standardized: boolean): PublishedModel {
  return { version, bytes, digest: sha256(bytes), standardized }
}
