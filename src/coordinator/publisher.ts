import { sha256 } from "../net/digest.ts"
import { chunkModel } from "../wire/chunk.ts"
import { longestChain } from "../wire/pulls.ts"
import type { ModelOffer } from "../wire/pulls.ts"
import type { Topics } from "../wire/topics.ts"
import type { Journal, RetainedChunks } from "./journal/journal.ts"
import type { Letter, Sender } from "./sender.ts"

/** A version of the global model as devices see it. `bytes` and `delta` are the publisher's own. */
export interface PublishedModel {
  readonly version: number
  readonly bytes: Uint8Array
  readonly digest: Uint8Array
  readonly standardized: boolean
  /** The change from the version before, encoded; absent where devices need the whole. */
  readonly delta?: Uint8Array | undefined
}

export interface PublisherOptions {
  readonly topics: Topics
  readonly sender: Sender
  readonly standardClass: number
  /** Deltas that stay with the broker at most. */
  readonly history: number
  readonly first: PublishedModel
  readonly inherited: Inherited
  readonly journal: Pick<Journal, "retain" | "cleared">
}

/** What a coordinator finds with the broker when it begins. */
export interface Inherited {
  /** Classes in which its run has published. */
  readonly classes: readonly number[]
  /** Of the version before the first. */
  readonly before: readonly RetainedChunks[]
  /** Topics to be cleared. */
  readonly stale: ReadonlySet<string>
}

/** What is to be with the broker: a whole model, or a delta against `base`. */
interface Part {
  readonly version: number
  readonly base: number | undefined
  readonly bytes: Uint8Array
  /** What of it may be retained, by class. */
  readonly retained: Map<number, RetainedChunks>
  /** Classes in which it is there. */
  readonly there: Set<number>
}

/**
 * Keeps the newest versions of the model with the broker, as retained chunks in every class that a device needs: the current one, the one before for devices
 * that are in the middle of a pull, and the deltas that lead to the current one.
 */
export class Publisher {
  readonly #topics: Topics
  readonly #sender: Sender
  readonly #history: number
  readonly #classes: Set<number>
  #current: PublishedModel
  #whole: Part
  /** Of the version before. */
  #before: readonly RetainedChunks[]
  /** An unbroken chain to the current version, oldest first. */
  #deltas: Part[] = []
  /** Topics to be cleared: of earlier coordinators, and of what is not kept any longer. */
  #stale: Set<string>
  readonly #journal: PublisherOptions["journal"]

  constructor({ topics, sender, standardClass, history, first, inherited, journal }: PublisherOptions) {
    this.#topics = topics
    this.#sender = sender
    this.#journal = journal
    this.#history = history
    this.#classes = new Set([standardClass, ...inherited.classes])
    this.#current = first
    this.#whole = part(first.version, undefined, first.bytes)
    this.#before = inherited.before
    this.#stale = new Set(inherited.stale)
  }

  /** What `replace` was last given. */
  get current(): PublishedModel {
    return this.#current
  }

  /** Ascending. */
  get classes(): number[] {
    return [...this.#classes].sort((a, b) => a - b)
  }

  /** The current version, as devices find it. */
  get offer(): ModelOffer {
    const { version, bytes } = this.#current
    const deltaBytes = this.#deltas[0]?.bytes.length ?? 0
    return { version, modelBytes: bytes.length, deltaBytes, deltas: this.#deltas.length }
  }

  /** A device needs chunks of this size: whether that is new, so that `ensure` has something to do. */
  need(chunkClass: number): boolean {
    if (this.#classes.has(chunkClass)) return false
    this.#classes.add(chunkClass)
    return true
  }

  /** Makes this the current version; `ensure` brings it to the broker. */
  replace(model: PublishedModel): void {
    const { version, bytes, delta } = model
    const kept = this.#current.version === version - 1 && delta !== undefined ? this.#deltas : []
    const deltas = delta === undefined ? [] : [...kept, part(version, version - 1, delta)]
    const longest = delta === undefined ? 0 : longestChain(this.#history, delta.length, bytes.length)
    for (const retained of [this.#before, ...this.#deltas.map((each) => each.retained.values())])
      for (const topic of topicsOf(retained, this.#topics)) this.#stale.add(topic)
    this.#before = [...this.#whole.retained.values()]
    this.#current = model
    this.#whole = part(version, undefined, bytes)
    this.#deltas = deltas.slice(deltas.length - Math.min(longest, deltas.length))
  }

  /** What `replace` and `ensure` would have the broker retain for a model. */
  outlook({ version, bytes, delta }: PublishedModel): RetainedChunks[] {
    const whole = this.classes.map((size) => chunksOf(part(version, undefined, bytes), size))
    if (delta === undefined) return whole
    return [...whole, ...this.classes.map((size) => chunksOf(part(version, version - 1, delta), size))]
  }

  /** The broker may have lost what it retained. */
  doubt(): void {
    for (const { there } of this.#parts()) there.clear()
  }

  /** Whether all that `ensure` brings to the broker is there. */
  get isThere(): boolean {
    return this.#parts().every(({ there }) => there.size === this.#classes.size)
  }

  /** Resolves when the current version is with the broker in all classes, and what is not kept is cleared. */
  async ensure(): Promise<void> {
    for (const each of this.#parts())
      for (const size of this.classes) {
        if (each.there.has(size)) continue
        const retained = chunksOf(each, size)
        this.#journal.retain([retained])
        each.retained.set(size, retained)
        await this.#sender.all(this.#letters(each, size), true)
        each.there.add(size)
      }
    await this.#clearStale()
  }

  #parts(): Part[] {
    return [this.#whole, ...this.#deltas]
  }

  *#letters({ version, base, bytes }: Part, size: number): Generator<Letter> {
    for (const message of chunkModel(bytes, version, base, size))
      yield { topic: this.#topics.model(version, base, size, message.index), message }
  }

  async #clearStale(): Promise<void> {
    const kept = [...this.#before, ...this.#parts().flatMap(({ retained }) => [...retained.values()])]
    for (const topic of topicsOf(kept, this.#topics)) this.#stale.delete(topic)
    if (this.#stale.size === 0) return
    const letters = [...this.#stale].map((topic) => ({ topic, message: undefined }))
    await this.#sender.all(letters, true)
    this.#stale.clear()
    this.#journal.cleared(kept)
  }
}

/** The topics of retained chunks. */
export function* topicsOf(retained: Iterable<RetainedChunks>, topics: Topics): Generator<string> {
  for (const { version, base, size, chunks } of retained)
    for (let index = 0; index < chunks; index++) yield topics.model(version, base, size, index)
}

function chunksOf({ version, base, bytes }: Part, size: number): RetainedChunks {
  return { version, base, size, chunks: Math.ceil(bytes.length / size) }
}

function part(version: number, base: number | undefined, bytes: Uint8Array): Part {
  return { version, base, bytes, retained: new Map(), there: new Set() }
}

/** The version with its digest. */
export function publishedModel(
  version: number,
  bytes: Uint8Array,
  standardized: boolean,
  delta?: Uint8Array,
): PublishedModel {
  return { version, bytes, digest: sha256(bytes), standardized, delta }
}
