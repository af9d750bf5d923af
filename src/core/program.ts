import type { RoundKind, RoundSettings } from "./round-state.ts"

/** The program of a federation: statistics (if asked for), then training rounds with an evaluation after every few of them. */

/** Where a federation is between two rounds. */
export interface RoundPosition {
  /** Of the round that comes next; of the last one where the federation has ended. */
  readonly kind: RoundKind
  /** The number that the next round has. */
  readonly round: number
  /** Training rounds that were committed. */
  readonly trained: number
  readonly committed: { readonly round: number; readonly epoch: number } | undefined
  readonly released: boolean
}

/** A round that is being committed. */
interface Committing {
  readonly settings: RoundSettings
  readonly kind: RoundKind
  readonly round: number
  readonly epoch: number
  readonly trained: number
}

/** Where a federation begins. */
export function firstPosition({ statistics }: RoundSettings): RoundPosition {
  return { kind: statistics ? "statistics" : "train", round: 0, trained: 0, committed: undefined, released: false }
}

/** Where it is once this round is committed; `stop` ends it. */
export function positionAfter({ settings, kind, round, epoch, trained }: Committing, stop: boolean): RoundPosition {
  const done = kind === "train" ? trained + 1 : trained
  const next = stop ? undefined : nextKind(settings, kind, done)
  return {
    kind: next ?? kind,
    round: round + 1,
    trained: done,
    committed: { round, epoch },
    released: next === undefined,
  }
}

/** Whether an evaluation follows the training round that made version `trained`. */
export function evaluationDue({ rounds, evaluateEvery }: RoundSettings, trained: number): boolean {
  return evaluateEvery > 0 && (trained % evaluateEvery === 0 || trained >= rounds)
}

function nextKind(settings: RoundSettings, kind: RoundKind, trained: number): RoundKind | undefined {
  if (kind === "train" && evaluationDue(settings, trained)) return "evaluate"
  return trained < settings.rounds ? "train" : undefined
}
