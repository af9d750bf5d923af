import { FedmoteError } from "../core/error.ts"

/** A training round, and the model that it started from. */
export interface PastModel {
  readonly round: number
  readonly model: Float32Array
}

/** The models that updates are trained from, by version: the newest, and as many before it as late updates may need. In shared memory: all threads read them. */
export class PastModels {
  readonly #size: number
  readonly #keep: number
  readonly #models = new Map<number, PastModel>()

  /** `keep`: versions before the newest. */
  constructor(size: number, keep: number) {
    this.#size = size
    this.#keep = keep
  }

  /** The training round `round` starts from this version. Copies the model. */
  set(trained: number, round: number, parameters: Float32Array): PastModel {
    let model = this.#models.get(trained)?.model
    for (const [old, past] of this.#models) {
      if (old >= trained - this.#keep) continue
      model ??= past.model
      this.#models.delete(old)
    }
    model ??= new Float32Array(new SharedArrayBuffer(4 * this.#size))
    model.set(parameters)
    const made = { round, model }
    this.#models.set(trained, made)
    return made
  }

  /** Throws `FedmoteError` ("internal") for a version that is not kept. */
  get(trained: number): PastModel {
    const past = this.#models.get(trained)
    if (past === undefined) throw new FedmoteError("internal", `expected model ${trained} to be kept`)
    return past
  }
}
