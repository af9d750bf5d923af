import { FedmoteError } from "../../core/error.ts"
import type { Plan } from "../../core/plan.ts"
import type { FederationSnapshot } from "../../core/snapshot.ts"
import type { Hello } from "../../wire/message.ts"

/** What a journal refuses. */
export type JournalErrorCode =
  /** Another process has the journal. */
  | "journal-locked"
  /** The file is damaged, or is no journal. */
  | "journal-corrupt"
  /** The journal is of another plan. */
  | "journal-plan"
  /** The fleet is further than the journal: it is an older copy. */
  | "journal-old"
  /** There is no journal, or it cannot be opened. */
  | "journal-open"
  /** A write failed, for instance on a full disk. What was committed before stands. */
  | "journal-write"

export class JournalError extends FedmoteError {
  declare readonly code: JournalErrorCode

  constructor(code: JournalErrorCode, message: string, options?: ErrorOptions) {
    super(code, message, options)
  }
}

/** What must be the same for a run to be gone on with. */
export interface RunIdentity {
  readonly plan: Plan
  /** SHA-256 of the initial model as float64, hexadecimal; null for the plan's own. */
  readonly initial: string | null
  /** Whether the records say who was folded. */
  readonly recordCohorts: boolean
}

/** Devices that were ready at some time, and the sums of what they said they have. */
export interface FleetCount {
  readonly devices: number
  readonly trainSamples: number
  readonly testSamples: number
}

/** Retained chunks 0 to `chunks - 1` of one model or delta, in one class. */
export interface RetainedChunks {
  readonly version: number
  /** Of a delta. */
  readonly base: number | undefined
  /** Bytes of a chunk. */
  readonly size: number
  readonly chunks: number
}

/** A device as it has introduced itself. `present`: it has not said Gone since. */
export interface KnownDevice {
  readonly id: string
  readonly hello: Hello
  readonly present: boolean
}

/** A run that was begun and not discarded. */
export interface JournaledRun extends RunIdentity {
  readonly id: string
  /** Milliseconds since 1970. */
  readonly beganAtMs: number
  /** Of the last commit; undefined before the first. */
  readonly committedAtMs: number | undefined
  readonly snapshot: FederationSnapshot
  readonly fleet: FleetCount
  readonly devices: readonly KnownDevice[]
}

/** Epochs that one process may use, and the session that its Notices carry. */
export interface Incarnation {
  readonly firstEpoch: number
  readonly lastEpoch: number
  readonly session: number
}

/** What is made durable with a commit: where the federation is afterwards, and the topics that will be published because of it. */
export interface JournalCommit {
  /** Borrowed. */
  readonly snapshot: FederationSnapshot
  readonly fleet: FleetCount
  readonly retained: readonly RetainedChunks[]
}

/**
 * What a coordinator must not lose when it is killed at any moment. A call that says "durable" returns when the disk has it (fsync), or throws
 * `JournalError` ("journal-write") and leaves the journal as it was. No update of a device is ever given to a journal.
 *
 * The order that makes a restart safe: an epoch is durable before a message carries it, a commit before anybody hears of it, a retained
 * topic before it is published.
 */
export interface Journal {
  /** For messages: where the journal is. */
  readonly where: string
  /** The run that is not discarded, if any. Throws ("journal-corrupt"). */
  run(): JournaledRun | undefined
  /** The highest epoch that any process may have used; 0 before the first. */
  lastEpoch(): number
  /** Whether a process of the current run used the session. */
  knows(session: number): boolean
  /** Milliseconds since 1970, of the current run: when it began, and its last commit. */
  times(): { readonly beganAtMs: number; readonly committedAtMs: number | undefined } | undefined
  /** What may be retained at the broker for the current run, and what discarded runs of its fleet left there. */
  retained(): { readonly current: readonly RetainedChunks[]; readonly stale: readonly RetainedChunks[] }
  /** Begins a run at `snapshot`, there being none. Durable. */
  begin(run: RunIdentity, snapshot: FederationSnapshot): void
  /** Reserves epochs. Durable. */
  incarnate(incarnation: Incarnation): void
  /** Durable. */
  commit(commit: JournalCommit): void
  /** These topics are going to be published. Durable, and nothing to do for those that are known. */
  retain(chunks: readonly RetainedChunks[]): void
  /** Nothing but these is retained any longer. Written with the next durable call. */
  cleared(rest: readonly RetainedChunks[]): void
  /** Written with the next durable call, or `close`. */
  remember(device: KnownDevice): void
  /** The device has left for good. Written like `remember`. */
  forget(device: string): void
  /** Ends the run: it is not gone on with. Its epochs and its retained topics are remembered. Durable. */
  discard(): void
  close(): void
}

/** For whoever wants none: a coordinator that is killed begins anew. */
export const NO_JOURNAL: Journal = {
  where: "nowhere",
  run: () => undefined,
  lastEpoch: () => 0,
  knows: () => false,
  times: () => undefined,
  retained: () => ({ current: [], stale: [] }),
  begin() {},
  incarnate() {},
  commit() {},
  retain() {},
  cleared() {},
  remember() {},
  forget() {},
  discard() {},
  close() {},
}
