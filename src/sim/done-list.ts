import type { Done } from "./fold-job.ts"

/** What one thread has done of a job, client after client, in memory that is made once a job. */
export class DoneList {
  readonly #places: Uint32Array
  readonly #samples: Uint32Array
  readonly #steps: Uint32Array
  readonly #lossSums: Float32Array
  readonly #bytes: Uint32Array
  #length = 0

  /** `most`: clients of the job. */
  constructor(most: number) {
    this.#places = new Uint32Array(most)
    this.#samples = new Uint32Array(most)
    this.#steps = new Uint32Array(most)
    this.#lossSums = new Float32Array(most)
    this.#bytes = new Uint32Array(most)
  }

  add(place: number, samples: number, steps: number, lossSum: number, bytes: number): void {
    const at = this.#length++
    this.#places[at] = place
    this.#samples[at] = samples
    this.#steps[at] = steps
    this.#lossSums[at] = lossSum
    this.#bytes[at] = bytes
  }

  taken(): Done {
    const length = this.#length
    return {
      places: this.#places.slice(0, length),
      samples: this.#samples.slice(0, length),
      steps: this.#steps.slice(0, length),
      lossSums: this.#lossSums.slice(0, length),
      bytes: this.#bytes.slice(0, length),
    }
  }
}
