import { FedmoteError } from "../../core/error.ts"
import type { Notice } from "../../wire/message.ts"
import type { HeldModel } from "../model-bytes.ts"
import type { LocalTrainer } from "../trainer.ts"
import type { Rehearsal, Workbench } from "../workbench.ts"
import { Refusal, faultOf } from "./refusal.ts"

export interface TrialOptions {
  readonly bench: Workbench
  /** What is tried. */
  readonly program: LocalTrainer
  /** What trained before it; undefined for the built-in kernels. */
  readonly before: LocalTrainer | undefined
  readonly notice: Notice
  readonly model: HeldModel
  readonly signal: AbortSignal
}

/**
 * A trial round: the module trains the current model on this device's samples as the Notice says, and what came of it is evaluated and thrown away; the same with
 * the program before it, to compare. Resolves with [loss sum, rows] of the one before and of the module, or with nothing where there is nothing to
 * compare with. Throws `Refusal` where the module fails, and the signal's reason.
 */
export async function tryModule(options: TrialOptions): Promise<readonly number[]> {
  const { program, before, signal } = options
  const candidate = await rehearse(program, options).catch((error: unknown) => {
    signal.throwIfAborted()
    if (!(error instanceof FedmoteError)) throw error
    throw faultOf(error) ?? new Refusal("output", error.message, { cause: error })
  })
  const baseline = await rehearse(before, options).catch((error: unknown) => {
    signal.throwIfAborted()
    if (!(error instanceof FedmoteError)) throw error
    // A custom model is nothing that the built-in kernels could train; and the module may be there since the one before it fails.
    return undefined
  })
  if (baseline === undefined) return []
  return [baseline.lossSum, baseline.rows, candidate.lossSum, candidate.rows]
}

function rehearse(
  program: LocalTrainer | undefined,
  { bench, notice, model, signal }: TrialOptions,
): Promise<Rehearsal> {
  return bench.rehearse(program, notice, model, signal)
}
