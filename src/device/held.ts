import type { Notice, Receipt, Update } from "../wire/message.ts"
import { covers } from "./keeping.ts"
import { sameBytes } from "./model-bytes.ts"

/** A round by its number and epoch. */
export interface RoundName {
  readonly round: number
  readonly epoch: number
}

/** What a device works on, or has worked on: the Notice that it followed says. */
export interface Basis extends Pick<Notice, "round" | "epoch" | "kind" | "session" | "version"> {
  /** Sequence of the module that trained it; 0 for the built-in kernels. */
  readonly module: number
}

export function basisOf({ round, epoch, kind, session, version, module }: Notice): Basis {
  return { round, epoch, kind, session, version, module: module?.sequence ?? 0 }
}

/** An update that a device keeps. */
export interface Held {
  readonly basis: Basis
  readonly updateId: Uint8Array
  readonly topic: string
  readonly chunks: readonly Update[]
  readonly bytes: number
  /** A receipt said that it is in the sum of this round: nothing to do but wait for the commit. */
  into: RoundName | undefined
  resendMs: number
  /** Some of it has been sent. */
  sent: boolean
}

/** What a Notice means for an update. `again`: the round that had it was abandoned, and another may take it. */
export type Fate = "keep" | "committed" | "dropped" | "again"

export function fateOf({ basis, into }: Held, notice: Notice): Fate {
  const over = notice.phase === "committed" || notice.phase === "abandoned" || notice.phase === "released"
  if (isSame(into ?? basis, notice) && !over) return "keep"
  // The receipt was faster than the Notice of the round that has it.
  if (into !== undefined && into.round > notice.round && notice.session === basis.session) return "keep"
  if (into === undefined && notice.training.maxStaleness !== undefined)
    // Without a receipt the commit of its round need not have it: it is sent on.
    return outlives(basis, notice) ? "keep" : "dropped"
  if (covers(notice.committed, into ?? basis)) return "committed"
  return outlives(basis, notice) ? "again" : "dropped"
}

/** Whether what was begun for a training round is wanted although that round is over: late updates are taken, and it is not too old. */
export function outlives(basis: Basis, notice: Notice): boolean {
  const { maxStaleness } = notice.training
  if (maxStaleness === undefined || basis.kind !== "train" || notice.session !== basis.session) return false
  if (notice.kind === "released" || notice.phase === "released") return false
  // A round takes what one module has trained.
  if ((notice.module?.sequence ?? 0) !== basis.module) return false
  return notice.round > basis.round && notice.version - basis.version <= maxStaleness
}

/**
 * Whether a receipt is about this very update: the same bytes may have been sent in an earlier epoch, too. A late receipt names the current round, so
 * this update's names a newer one than its own, once it has been sent; one that says that the update is in a sum names the round whose sum it is; all others their update's.
 */
export function isAbout(receipt: Receipt, { basis, updateId, sent }: Held): boolean {
  if (!sameBytes(receipt.updateId, updateId)) return false
  const own = isSame(receipt, basis)
  if (receipt.status === "late") return sent && isAfter(receipt, basis)
  const inSum = receipt.status === "folded" || receipt.status === "duplicate"
  return own || (inSum && basis.kind === "train" && receipt.round > basis.round)
}

/** Epochs only rise, and within an epoch rounds do. */
function isAfter(a: RoundName, b: RoundName): boolean {
  return a.epoch > b.epoch || (a.epoch === b.epoch && a.round > b.round)
}

export function isSame(a: RoundName, b: RoundName): boolean {
  return a.round === b.round && a.epoch === b.epoch
}
