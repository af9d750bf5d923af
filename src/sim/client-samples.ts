import { standardize, standardizeInto } from "../core/moments.ts"
import type { Standardizer } from "../core/moments.ts"
import type { Samples } from "../core/samples.ts"
import type { Dataset, SampleBuffer } from "../data/dataset.ts"

/** Clients' samples as the model sees them, standardised where it wants them so. */
export interface ClientSamples {
  /** Samples are standardised with this from now on. */
  use(standardizer: Standardizer | undefined): void
  /** As they are. */
  raw(client: number): Samples
  /** Valid until the next call. `room`: where they may be put. */
  train(client: number, room: SampleBuffer): Samples
  test(client: number, room: SampleBuffer): Samples
}

/** Samples are kept in memory where clients come again, and made anew where they are too many for that. `values`: feature values that may be kept. */
export function clientSamples(dataset: Dataset, values: number): ClientSamples {
  return dataset.population === undefined ? new KeptSamples(dataset, values) : new FleetingSamples(dataset)
}

/** Kept where they fit, made anew where not. */
class KeptSamples implements ClientSamples {
  readonly #dataset: Dataset
  readonly #train = new Map<number, Samples>()
  readonly #test = new Map<number, Samples>()
  #room: number
  readonly #limit: number
  #standardizer: Standardizer | undefined

  constructor(dataset: Dataset, values: number) {
    this.#dataset = dataset
    this.#limit = values
    this.#room = values
  }

  use(standardizer: Standardizer | undefined): void {
    if (same(this.#standardizer, standardizer)) return
    this.#standardizer = standardizer
    this.#train.clear()
    this.#test.clear()
    this.#room = this.#limit
  }

  raw(client: number): Samples {
    return this.#dataset.train(client)
  }

  train(client: number): Samples {
    return this.#train.get(client) ?? this.#keep(this.#train, client, this.#dataset.train(client))
  }

  test(client: number): Samples {
    return this.#test.get(client) ?? this.#keep(this.#test, client, this.#dataset.test(client))
  }

  #keep(kept: Map<number, Samples>, client: number, raw: Samples): Samples {
    const samples = this.#standardizer === undefined ? raw : standardize(raw, this.#standardizer)
    if (samples.x.length <= this.#room) {
      this.#room -= samples.x.length
      kept.set(client, samples)
    }
    return samples
  }
}

/** Of a population: made where they are used, and nowhere else. */
class FleetingSamples implements ClientSamples {
  readonly #dataset: Dataset
  #standardizer: Standardizer | undefined

  constructor(dataset: Dataset) {
    this.#dataset = dataset
  }

  use(standardizer: Standardizer | undefined): void {
    this.#standardizer = standardizer
  }

  raw(client: number): Samples {
    return this.#dataset.train(client)
  }

  train(client: number, room: SampleBuffer): Samples {
    return this.#standardized(this.#dataset.train(client, room))
  }

  test(client: number, room: SampleBuffer): Samples {
    return this.#standardized(this.#dataset.test(client, room))
  }

  #standardized(samples: Samples): Samples {
    if (this.#standardizer !== undefined) standardizeInto(samples.x, samples, this.#standardizer)
    return samples
  }
}

function same(a: Standardizer | undefined, b: Standardizer | undefined): boolean {
  if (a === undefined || b === undefined) return a === b
  return a.mean.every((value, i) => value === b.mean[i] && a.inverse[i] === b.inverse[i])
}
