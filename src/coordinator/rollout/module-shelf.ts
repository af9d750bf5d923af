import { chunkModule } from "../../wire/chunk.ts"
import { encode } from "../../wire/codec.ts"
import { chunkCount, decodeEnvelope, decodeManifest } from "../../wire/manifest.ts"
import type { Link } from "../../net/link.ts"
import type { Topics } from "../../wire/topics.ts"
import type { StoredModule } from "./module-store.ts"

const NOTHING = new Uint8Array(0)

/** The modules that the broker retains for devices to pull. */
export class ModuleShelf {
  readonly #link: Link
  readonly #topics: Topics
  readonly #slot: string

  constructor(link: Link, topics: Topics, slot: string) {
    this.#link = link
    this.#topics = topics
    this.#slot = slot
  }

  /** Publishes a module that was verified: its chunks, then its manifest. Again, where the broker may have lost it. */
  async put({ sequence, envelope, bytes }: StoredModule): Promise<void> {
    const { chunkBytes } = decodeManifest(decodeEnvelope(envelope).payload)
    const topics = this.#topics
    for (const chunk of chunkModule(bytes, sequence, chunkBytes))
      await this.#link.publish(topics.module(this.#slot, sequence, chunk.index), encode(chunk), { retain: true })
    await this.#link.publish(topics.manifest(this.#slot, sequence), envelope, { retain: true })
  }

  /** Takes a module away: its manifest first, so that nobody begins with it. */
  async clear({ sequence, envelope }: Omit<StoredModule, "bytes">): Promise<void> {
    const chunks = chunkCount(decodeManifest(decodeEnvelope(envelope).payload))
    const topics = this.#topics
    await this.#link.publish(topics.manifest(this.#slot, sequence), NOTHING, { retain: true })
    for (let i = 0; i < chunks; i++)
      await this.#link.publish(topics.module(this.#slot, sequence, i), NOTHING, { retain: true })
  }
}
