import type { RoundKind } from "../../src/core/round.ts"
import type { Folded } from "./watched-accumulator.ts"

/** A round that was committed, with what is in its sum. */
export interface Commit {
  readonly round: number
  readonly epoch: number
  readonly kind: RoundKind
  readonly folds: readonly Folded[]
}

/** What was committed so far, over all incarnations. */
export class Commits {
  readonly #rounds = new Map<number, Commit>()
  /** Updates that are in a committed sum. */
  readonly #updates = new Set<string>()

  of(round: number): Commit | undefined {
    return this.#rounds.get(round)
  }

  /** Whether an update is in the sum of a committed round. */
  has(update: string): boolean {
    return this.#updates.has(update)
  }

  /** Commits of training rounds from this one on: how stale an update of it is. */
  since(round: number): number {
    let count = 0
    for (const commit of this.#rounds.values()) if (commit.kind === "train" && commit.round >= round) count++
    return count
  }

  add(commit: Commit): void {
    this.#rounds.set(commit.round, commit)
    for (const { update } of commit.folds) this.#updates.add(update)
  }

  undo(round: number): void {
    for (const { update } of this.#rounds.get(round)?.folds ?? []) this.#updates.delete(update)
    this.#rounds.delete(round)
  }
}
