import { FedmoteError } from "../core/error.ts"
import type { LocalResult, LocalSettings, LocalTrainer } from "./trainer.ts"

/** A result as the device goes on with it. */
export interface OwnOutcome {
  readonly parameters: Float32Array
  readonly delta: Float32Array
  readonly samples: number
  readonly steps: number
  readonly lossSum: number
}

/** Runs a training program of the user's own, and holds its result to the contract. Throws `FedmoteError`: "trainer", or "diverged". */
export async function trainWith(
  trainer: LocalTrainer,
  start: Float32Array,
  settings: LocalSettings,
): Promise<OwnOutcome> {
  // A copy: the device needs the model unchanged for the delta.
  const result = await trainer.train(start.slice(), settings)
  return outcomeOf(result, start)
}

function outcomeOf(result: LocalResult, start: Float32Array): OwnOutcome {
  const { parameters, samples, steps } = result
  if (!(parameters instanceof Float32Array) || parameters.length !== start.length)
    throw new FedmoteError(
      "trainer",
      `expected a Float32Array of ${start.length} parameters from the trainer, got ${described(parameters)}`,
    )
  whole("samples", samples)
  whole("steps", steps)
  const at = parameters.findIndex((value) => !Number.isFinite(value))
  if (at >= 0)
    throw new FedmoteError("diverged", `expected finite parameters from the trainer, got ${parameters[at]} at ${at}`)
  const lossSum = result.metrics?.lossSum ?? 0
  if (!Number.isFinite(lossSum))
    throw new FedmoteError("diverged", `expected a finite loss from the trainer, got ${lossSum}`)
  const delta = new Float32Array(start.length)
  for (let i = 0; i < delta.length; i++) delta[i] = parameters[i]! - start[i]!
  return { parameters, delta, samples, steps, lossSum }
}

function whole(what: string, value: number): void {
  if (!(Number.isInteger(value) && value >= 0 && value < 2 ** 32))
    throw new FedmoteError("trainer", `expected a whole number of ${what} from the trainer, got ${value}`)
}

function described(value: unknown): string {
  return value instanceof Float32Array ? String(value.length) : typeof value
}
