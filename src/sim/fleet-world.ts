import type { Result, RoundResult } from "../core/result.ts"
import type { RoundKind } from "../core/round.ts"

/** A virtual client as the run and a world know it. */
export interface Client {
  /** In the data set. */
  readonly index: number
  readonly id: string
  /** First 8 bytes of SHA-256(id), as two words: what keys everything that is random about it. */
  readonly key: readonly [high: number, low: number]
}

/** What one client was asked to do. */
export interface Task {
  readonly client: Client
  readonly kind: RoundKind
  /** Numbers rounds of any kind, with `epoch` for a round that is tried again. */
  readonly round: number
  readonly epoch: number
  readonly askedAtMs: number
  /** Samples that it has for this: to train on, or to test on. */
  readonly rows: number
  /** Samples that it would go through, epochs counted, and local steps (0 where nothing is trained). */
  readonly samples: number
  readonly steps: number
  /** Bytes of the messages with the model, and with the update. */
  readonly downlinkBytes: number
  readonly uplinkBytes: number
}

/** What became of a task by the end of its round. */
export interface Ended {
  readonly task: Task
  /** lost: nothing has come of it in its round; where the plan takes late updates it may still come in a later one. */
  readonly outcome: "folded" | "lost"
  /** Local steps of what was folded; 0 for a lost one. */
  readonly steps: number
}

/**
 * The world that a simulated fleet lives in: who is there, how long work and messages take, what they cost. The run's clock is in milliseconds from 0, and
 * jumps to wherever something happens. Every answer is a function of the arguments and the world's own seed, so that it does not matter who asks when.
 */
export interface World {
  /** Whether the client would stand ready at that moment. Asked when a selection opens, and again whenever one was in vain. */
  isReady(client: Client, nowMs: number): boolean
  /** When the update of the whole task is with the coordinator, above `askedAtMs`; `Infinity` where it never is. */
  arrival(task: Task): number
  /**
   * The coordinator says "finish now" at `nowMs`, and the task's update would come later: what comes instead, after at least one step; undefined where
   * nothing does. Training only.
   */
  partial(task: Task, nowMs: number): { readonly atMs: number; readonly steps: number } | undefined
  /** A round has ended, with everybody who was asked in it. `committed`: what was folded counts; otherwise the round was abandoned. */
  ended(round: {
    readonly kind: RoundKind
    readonly nowMs: number
    readonly committed: boolean
    readonly tasks: readonly Ended[]
  }): void
  /** What the result shall have of it, of each committed training round. */
  readonly records?: readonly Pick<RoundResult, "simulatedSeconds" | "energy">[]
  /** The same of all. */
  summary?(): NonNullable<Result["world"]>
}
