import { featureMoments, standardize, standardizer } from "../core/moments.ts"
import type { Standardizer } from "../core/moments.ts"
import type { Samples } from "../core/samples.ts"
import type { DeviceData } from "./source.ts"

export type Part = "train" | "test"

/** A device's samples as the latest standardizer made them: kept from round to round, since it seldom changes. */
export class PreparedSamples {
  readonly #data: DeviceData
  #prepared: { readonly scale: string; readonly parts: Map<Part, Samples> } = { scale: "", parts: new Map() }

  constructor(data: DeviceData) {
    this.#data = data
  }

  /** As they are, without a standardizer. */
  get(part: Part, by: Standardizer | undefined): Samples {
    const raw = this.#data[part]
    if (by === undefined) return raw
    const scale = `${by.mean.join()};${by.inverse.join()}`
    if (this.#prepared.scale !== scale) this.#prepared = { scale, parts: new Map() }
    const ready = this.#prepared.parts.get(part) ?? standardize(raw, by)
    this.#prepared.parts.set(part, ready)
    return ready
  }

  /** What these samples alone would be standardised by. */
  ownScale(): Standardizer {
    const { train, test, features } = this.#data
    return standardizer(featureMoments(train.rows > 0 ? train : test), features)
  }
}
