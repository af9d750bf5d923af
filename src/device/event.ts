import type { FlashState, RoundKind } from "../wire/message.ts"

/** In their order: the manifest is verified, the download begun, a chunk written; size, digest and exports are right; the self-test's answers are, too; switched; the trial begun. */
export type FlashStage = "manifest" | "begun" | "chunk" | "verified" | "self-tested" | "switched" | "trial"

/** What happens on a device, for logs and tests. Nothing in it is a sample or a parameter. */
export type DeviceEvent =
  /** Said Hello and Ready. */
  | { readonly type: "greeted"; readonly session: number }
  | { readonly type: "joined"; readonly round: number; readonly epoch: number; readonly kind: RoundKind }
  /** A model was pulled and its digest is right. `bytes`: of all chunks; `from`: the version whose deltas they are, absent for a whole model. */
  | { readonly type: "pulled"; readonly version: number; readonly bytes: number; readonly from?: number }
  | { readonly type: "trained"; readonly round: number; readonly samples: number; readonly steps: number }
  /** The round's work failed or diverged: nothing is sent. */
  | { readonly type: "failed"; readonly round: number; readonly epoch: number; readonly error: Error }
  | {
      readonly type: "sent"
      readonly round: number
      readonly epoch: number
      readonly bytes: number
      readonly chunks: number
    }
  | { readonly type: "folded" | "busy" | "late"; readonly round: number; readonly epoch: number }
  | { readonly type: "refused"; readonly round: number; readonly epoch: number; readonly reason: string }
  /** The update is in a committed model, or its round is over without it: it is gone from memory. */
  | { readonly type: "committed" | "dropped"; readonly round: number; readonly epoch: number }
  /** The device's own say has changed: whatever was not folded yet is gone. */
  | { readonly type: "unwilling"; readonly reasons: readonly string[] }
  /** What is said of the module slot has changed. `active`: the sequence that trains, 0 for the built-in kernels. */
  | {
      readonly type: "module"
      readonly active: number
      readonly target: number
      readonly state: FlashState
      readonly reason: string
    }
  /** A module has come so far on its way into the slot. `chunk`: with "chunk" alone. */
  | { readonly type: "flash"; readonly sequence: number; readonly stage: FlashStage; readonly chunk?: number }
  | { readonly type: "wait"; readonly seconds: number }
  | { readonly type: "released"; readonly version: number }

/** A pino logger will do. */
export interface DeviceLog {
  info(message: string): void
  warn(message: string): void
}
