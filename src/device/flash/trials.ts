import type { Notice } from "../../wire/message.ts"
import type { FlashStage } from "../event.ts"
import { orAborted } from "../timers.ts"
import type { Workbench } from "../workbench.ts"
import type { ActiveProgram } from "./active-program.ts"
import { Refusal } from "./refusal.ts"
import type { Slot } from "./slot.ts"
import type { Active } from "./slot-state.ts"
import { TrialBasis } from "./trial-basis.ts"
import type { PullModel } from "./trial-basis.ts"
import { tryModule } from "./trial.ts"

export interface TrialsOptions {
  readonly slot: Slot
  readonly active: ActiveProgram
  readonly bench: Workbench
  readonly pull: PullModel
  /** Settles when no round is worked on. */
  readonly idle: () => Promise<void>
  readonly onStage: (stage: FlashStage, sequence: number) => void
}

/** Trials of one module that may be cut off by the end of the process before it is given up. */
const MOST_TRIALS = 2

/** Tries modules that were switched to, one at a time, between rounds. */
export class Trials {
  readonly #options: TrialsOptions
  readonly #basis: TrialBasis

  constructor(options: TrialsOptions) {
    this.#options = options
    this.#basis = new TrialBasis(options.pull)
  }

  /** Nobody goes back below this sequence any more. */
  get least(): number {
    return this.#basis.least
  }

  /** The latest Notice: what a trial trains by. */
  heard(notice: Notice): void {
    this.#basis.heard(notice)
  }

  /** Settles when nothing pulls a model for a trial any more; none does while `heard` is told of a release. */
  rest(): Promise<void> {
    return this.#basis.rest()
  }

  /** Tries the module that runs, and confirms it. Throws `Refusal` where it is to be rolled back, and the signal's reason: then it was not tried. */
  async run({ sequence, trials }: Active, signal: AbortSignal): Promise<void> {
    const { slot, active, bench, idle, onStage } = this.#options
    if (trials >= MOST_TRIALS)
      throw new Refusal("timeout", `the process ended in its trial ${trials} times: it is not tried again`)
    await orAborted(idle(), signal)
    const { notice, model } = await this.#basis.get(signal)
    slot.tried(trials + 1)
    onStage("trial", sequence)
    const program = active.program!
    const before = active.of(slot.before())
    try {
      slot.confirm(await orAborted(tryModule({ bench, program, before, notice, model, signal }), signal))
    } catch (error) {
      // Put off, not cut off.
      if (signal.aborted) slot.tried(trials)
      throw error
    } finally {
      // The next round may be long away: its thread is begun with it.
      await Promise.all([before?.close(), program.close()])
    }
  }
}
