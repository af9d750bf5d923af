import type { Dropout, OverSelect } from "./over-selection.ts"
import { firstPosition } from "./program.ts"
import type { RoundPosition } from "./program.ts"
import type { Debt, PastRound, RoundName, Taken } from "./round-late.ts"
import type { Away } from "./round-pace.ts"
import type { Sampling } from "./select.ts"

/** What the round machine knows, hears and decides: plain data. `round.ts` has the machine. */

export type RoundKind = "statistics" | "train" | "evaluate"

export interface RoundSettings {
  readonly seed: number
  /** Goal: updates wanted in a training round; `Infinity` takes every device that is ready. */
  readonly cohort: number
  /** Devices asked for each update wanted: at least 1. */
  readonly overSelect: OverSelect
  readonly sampling: Sampling
  /** async: a training round is so many updates as the cohort says, and `overSelect` times as many devices are at work at a time. */
  readonly mode: "sync" | "async"
  /** Updates for earlier training rounds are taken, whose model is at most so many commits old. Always in async mode. */
  readonly late?: { readonly maxStaleness: number }
  /** Training samples that a device needs to train: at least 1. */
  readonly minimumSamples: number
  /** Poisson sampling: probability of each device; default: cohort / fleet. */
  readonly rate?: number
  /** Weighted sampling: more samples than these count as these. */
  readonly weightCap: number
  /** Fewest devices to start with, and fewest updates to commit: absolute counts. */
  readonly minimumToStart: number
  readonly minimumToCommit: number
  /** Devices that stand ready at most; the others are told when to come back. */
  readonly pool: number
  /** How long selection waits for the whole cohort, and how long it waits for more once the goal is met. */
  readonly selectTimeoutMs: number
  readonly settleMs: number
  readonly reportTimeoutMs: number
  readonly evaluateTimeoutMs: number
  /** "Finish now" is said so long before the deadline. */
  readonly finishMs: number
  readonly rounds: number
  readonly statistics: boolean
  /** Evaluate after every so many training rounds, and after the last; 0 is never. */
  readonly evaluateEvery: number
  /** Devices that there are, where it is known: statistics and evaluation wait for no more than these. */
  readonly fleet?: number
}

export type Phase = "selecting" | "working" | "finishing" | "committing" | "released"

/** A device that is ready to work. */
export interface ReadyDevice {
  readonly id: string
  readonly key: readonly [number, number]
  readonly samples: number
  readonly testSamples: number
}

export interface RoundState {
  readonly settings: RoundSettings
  started: boolean
  phase: Phase
  kind: RoundKind
  /** Numbers every round of any kind, from 0; the same round tried again keeps its number and has a higher epoch. */
  round: number
  epoch: number
  /** Training rounds that were committed; the version of the global model. */
  trained: number
  /** When the machine wants a `tick`. */
  wakeAtMs: number
  committed: RoundPosition["committed"]
  readonly ready: Map<string, ReadyDevice>
  /** How many of those have enough samples to train on. */
  trainable: number
  /** Those of them that have been told when to come back. */
  readonly told: Set<string>
  /** Those of them that were asked, have not answered by the deadline, and have said nothing since. */
  readonly silent: Set<string>
  /** Until when places in the queue of those who come back are taken. */
  queueEndMs: number
  /** When the last training round began, and how long after the one before. */
  beganAtMs: number
  roundMs: number
  /** When the last device became ready that was not before. */
  joinedAtMs: number
  /** The devices that were asked to join the current round. */
  cohort: Set<string>
  /** How many more were asked and have withdrawn. */
  withdrawn: number
  /** What training rounds have shown so far. */
  readonly dropout: Dropout
  /** Every device of the current (round, epoch) whose update is folded, being folded, or refused for good. */
  readonly seen: Set<string>
  folded: number
  /** How many of those were late. */
  late: number
  /** Most updates that the current round may fold. */
  bound: number
  /** Who owes an update of an earlier training round, what those rounds were, the oldest first, and what was taken of them. */
  readonly owing: Map<string, Debt>
  past: PastRound[]
  readonly taken: Map<string, Taken>
  /** Handed to the driver and not yet answered. */
  folding: number
  /** How often this round was abandoned. */
  tries: number
  /** How often its devices were drawn. */
  draws: number
  /** From when on more devices have been waited for in this selection, the goal being met; -1 before. */
  settledAtMs: number
  /** No begin before: a round that was abandoned is not tried again at once. */
  pausedUntilMs: number
  selectUntilMs: number
  deadlineMs: number
}

export type RoundEvent =
  | { readonly type: "start"; readonly nowMs: number }
  | { readonly type: "ready"; readonly nowMs: number; readonly device: ReadyDevice }
  /** All of these at once: a round is selected from all of them, not from the first that make one. */
  | { readonly type: "gathered"; readonly nowMs: number; readonly devices: Iterable<ReadyDevice> }
  /** These devices are ready, and no others. */
  | { readonly type: "regrouped"; readonly nowMs: number; readonly devices: Iterable<ReadyDevice> }
  /** Its connection is gone: that alone takes no device out of a running round, since radios sleep while they train. */
  | { readonly type: "unready"; readonly nowMs: number; readonly device: string }
  /** It has said that it does not want to: nothing of it is folded any more in this round. */
  | { readonly type: "withdraw"; readonly nowMs: number; readonly device: string }
  | {
      readonly type: "update"
      readonly nowMs: number
      readonly device: string
      readonly round: number
      readonly epoch: number
    }
  | { readonly type: "folded"; readonly nowMs: number; readonly device: string; readonly ok: boolean }
  /** The driver has made the commit durable; `stop` ends the federation. */
  | { readonly type: "committed"; readonly nowMs: number; readonly stop: boolean }
  | { readonly type: "tick"; readonly nowMs: number }

export type RoundEffect =
  /** Tell the world where we are: the Notice follows from the state. */
  | { readonly type: "notice" }
  /** A round begins: make an empty accumulator for at most `bound` updates, then ask these devices to join. */
  | { readonly type: "begin"; readonly kind: RoundKind; readonly devices: readonly string[]; readonly bound: number }
  /** Ask these devices, too, to join the current training round: in async mode. */
  | { readonly type: "join"; readonly devices: readonly string[] }
  /** Fold this device's update of training round `round` now, trained from the model of `staleness` commits ago, and answer with a `folded` event. */
  | { readonly type: "fold"; readonly device: string; readonly round: number; readonly staleness: number }
  /** `into`: the round whose commit has or will have a duplicate. */
  | {
      readonly type: "receipt"
      readonly device: string
      readonly status: "duplicate" | "late" | "uninvited" | "busy"
      readonly into?: RoundName
    }
  /** Tell these devices to come back after so long. */
  | { readonly type: "wait"; readonly devices: readonly Away[] }
  | { readonly type: "commit"; readonly kind: RoundKind }
  | { readonly type: "abandoned"; readonly folded: number; readonly needed: number }
  | { readonly type: "waiting"; readonly ready: number; readonly needed: number }
  | { readonly type: "released" }

/** A machine that has not started. `epoch` must be higher than any used before for this fleet. `position`: where to go on from. */
export function createRounds(
  settings: RoundSettings,
  epoch: number,
  position: RoundPosition = firstPosition(settings),
): RoundState {
  const { kind, round, trained, committed, released } = position
  return {
    settings,
    started: false,
    phase: released ? "released" : "selecting",
    kind,
    round,
    epoch,
    trained,
    wakeAtMs: Infinity,
    committed,
    ready: new Map(),
    trainable: 0,
    told: new Set(),
    silent: new Set(),
    queueEndMs: -Infinity,
    beganAtMs: -Infinity,
    roundMs: settings.reportTimeoutMs,
    joinedAtMs: -Infinity,
    cohort: new Set(),
    withdrawn: 0,
    dropout: { asked: 0, lost: 0 },
    seen: new Set(),
    folded: 0,
    late: 0,
    bound: 1,
    owing: new Map(),
    past: [],
    taken: new Map(),
    folding: 0,
    tries: 0,
    draws: 0,
    settledAtMs: -1,
    pausedUntilMs: -Infinity,
    selectUntilMs: Infinity,
    deadlineMs: Infinity,
  }
}
