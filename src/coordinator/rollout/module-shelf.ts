import { clearModule, publishModule } from "../../net/module-publish.ts"
import type { ModulePublishing } from "../../net/module-publish.ts"
import { decodeEnvelope, decodeManifest } from "../../wire/manifest.ts"
import type { Manifest } from "../../wire/manifest.ts"
import type { StoredModule } from "./module-store.ts"

/** The modules that the broker retains for devices to pull; all were verified when they were ordered. */
export class ModuleShelf {
  readonly #to: ModulePublishing

  constructor(to: ModulePublishing) {
    this.#to = to
  }

  /** Again, where the broker may have lost it. */
  put(module: StoredModule): Promise<void> {
    return publishModule(manifestIn(module), module, this.#to)
  }

  clear(module: StoredModule): Promise<void> {
    return clearModule(manifestIn(module), this.#to)
  }
}

function manifestIn({ envelope }: StoredModule): Manifest {
  return decodeManifest(decodeEnvelope(envelope).payload)
}
