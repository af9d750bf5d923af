import { unreachable } from "./error.ts"
import { firstPosition, positionAfter } from "./program.ts"
import type { RoundPosition } from "./program.ts"
import { select } from "./select.ts"

export { evaluationDue } from "./program.ts"

/**
 * The round machine: one function, `step(state, event)`, that decides everything a coordinator decides and does nothing itself.
 * The live coordinator and the simulator are two ways of feeding it. It takes no clock: events carry the time, and `wakeAtMs` says
 * when it wants to be asked again.
 *
 * Bonawitz et al. 2019, "Towards federated learning at scale", section 2: selection, reporting, commit or abandon.
 */

export type RoundKind = "statistics" | "train" | "evaluate"

export interface RoundSettings {
  readonly seed: number
  /** Goal: updates wanted in a training round; `Infinity` takes every device that is ready. */
  readonly cohort: number
  /** Devices asked for each update wanted, at least 1. */
  readonly overSelect: number
  /** Fewest devices to start with, and fewest updates to commit: absolute counts. */
  readonly minimumToStart: number
  readonly minimumToCommit: number
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

/** An evaluation that nobody answers is tried so often, then committed empty: it must not hold up the training. */
export const EVALUATION_TRIES = 3

export type Phase = "selecting" | "working" | "finishing" | "committing" | "released"

interface ReadyDevice {
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
  /** How many of those have samples to train on. */
  trainable: number
  /** When the last device became ready that was not before. */
  joinedAtMs: number
  /** The devices that were asked to join the current round. */
  cohort: Set<string>
  /** Every device of the current (round, epoch) whose update is folded, being folded, or refused for good. */
  readonly seen: Set<string>
  folded: number
  /** Handed to the driver and not yet answered. */
  folding: number
  refused: number
  /** How often this round was abandoned. */
  tries: number
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
  | { readonly type: "unready"; readonly nowMs: number; readonly device: string }
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
  /** Fold this device's update now, and answer with a `folded` event. */
  | { readonly type: "fold"; readonly device: string }
  | { readonly type: "receipt"; readonly device: string; readonly status: "duplicate" | "late" | "uninvited" }
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
    joinedAtMs: -Infinity,
    cohort: new Set(),
    seen: new Set(),
    folded: 0,
    folding: 0,
    refused: 0,
    tries: 0,
    settledAtMs: -1,
    pausedUntilMs: -Infinity,
    selectUntilMs: Infinity,
    deadlineMs: Infinity,
  }
}

/** Consumes `state` (use the returned one) and appends to `effects`, which the caller owns. */
export function step(state: RoundState, event: RoundEvent, effects: RoundEffect[]): RoundState {
  switch (event.type) {
    case "start":
      if (state.started) break
      if (state.phase === "released") release(state, effects)
      else openSelection(state, event.nowMs, effects)
      break
    case "ready":
      onReady(state, event.nowMs, event.device)
      trySelect(state, event.nowMs, effects)
      break
    case "unready":
      // Never leaves a running round: radios sleep while they train, only the deadline removes a device.
      forget(state, event.device)
      trySelect(state, event.nowMs, effects)
      break
    case "update":
      onUpdate(state, event, effects)
      break
    case "folded":
      onFolded(state, event, effects)
      break
    case "committed":
      onCommitted(state, event, effects)
      break
    case "tick":
      onTick(state, event.nowMs, effects)
      break
    default:
      return unreachable(event)
  }
  return state
}

function onReady(state: RoundState, nowMs: number, device: ReadyDevice): void {
  const known = forget(state, device.id)
  if (device.samples === 0 && device.testSamples === 0) return
  if (!known) state.joinedAtMs = nowMs
  state.ready.set(device.id, device)
  if (device.samples > 0) state.trainable++
}

/** Whether the device was there. */
function forget(state: RoundState, device: string): boolean {
  const before = state.ready.get(device)
  if (before === undefined) return false
  state.ready.delete(device)
  if (before.samples > 0) state.trainable--
  return true
}

function openSelection(state: RoundState, nowMs: number, effects: RoundEffect[]): void {
  state.started = true
  state.phase = "selecting"
  state.cohort = new Set()
  state.seen.clear()
  state.folded = 0
  state.refused = 0
  state.settledAtMs = -1
  state.selectUntilMs = Math.max(nowMs, state.pausedUntilMs) + state.settings.selectTimeoutMs
  state.deadlineMs = Infinity
  if (!trySelect(state, nowMs, effects)) effects.push({ type: "notice" })
}

/** Devices that could serve a round of this kind. */
function* eligible(state: RoundState): Generator<ReadyDevice> {
  for (const device of state.ready.values()) if (state.kind === "evaluate" || device.samples > 0) yield device
}

/** Devices asked in a training round. */
function asked({ cohort, overSelect }: RoundSettings): number {
  // The product may lie a rounding error above the whole number that is meant.
  return Math.ceil(cohort * overSelect - 1e-9)
}

/** Fewest devices to begin with: a training round of fewer than must report could not be committed. */
function minimumToBegin({ kind, settings }: RoundState): number {
  return kind === "train" ? Math.max(settings.minimumToStart, settings.minimumToCommit) : settings.minimumToStart
}

/** With so many a round begins at once; statistics and evaluation want everybody. */
function wanted({ kind, settings }: RoundState): number {
  return kind === "train" ? asked(settings) : (settings.fleet ?? Infinity)
}

/** With so many it begins once no more have come for a while. An evaluation waits for nobody who has left. */
function goal({ kind, settings }: RoundState): number {
  const { cohort, fleet, minimumToStart } = settings
  const most = kind === "statistics" ? (fleet ?? cohort) : kind === "train" ? cohort : minimumToStart
  return Number.isFinite(most) ? most : minimumToStart
}

// Starts the round as soon as enough devices are ready: at once when all that are wanted are here, after a short settling time when
// only the goal is met, and at the end of the selection time with the minimum.
function trySelect(state: RoundState, nowMs: number, effects: RoundEffect[]): boolean {
  if (!state.started || state.phase !== "selecting") return false
  const { settings } = state
  const here = state.kind === "evaluate" ? state.ready.size : state.trainable
  const least = minimumToBegin(state)
  state.wakeAtMs = state.selectUntilMs
  if (nowMs < state.pausedUntilMs) {
    state.wakeAtMs = state.pausedUntilMs
    return false
  }
  if (here >= Math.max(least, wanted(state))) return begin(state, nowMs, effects)
  if (here >= Math.max(least, goal(state))) {
    // Where the goal was met before the selection opened, the waiting began with the last device that came.
    if (state.settledAtMs < 0) state.settledAtMs = state.joinedAtMs
    const settledMs = state.settledAtMs + settings.settleMs
    if (nowMs >= settledMs) return begin(state, nowMs, effects)
    state.wakeAtMs = Math.min(state.selectUntilMs, settledMs)
  } else state.settledAtMs = -1
  if (nowMs < state.selectUntilMs) return false
  if (here >= least) return begin(state, nowMs, effects)
  effects.push({ type: "waiting", ready: here, needed: least })
  state.selectUntilMs = nowMs + settings.selectTimeoutMs
  state.wakeAtMs = state.selectUntilMs
  return false
}

function begin(state: RoundState, nowMs: number, effects: RoundEffect[]): true {
  const { settings } = state
  // Statistics and evaluation want everybody; training wants a sample.
  const count = state.kind === "train" ? asked(settings) : Infinity
  const devices = select(eligible(state), count, settings.seed, state.round)
  state.phase = "working"
  state.cohort = new Set(devices)
  state.seen.clear()
  state.folded = 0
  state.folding = 0
  state.refused = 0
  const timeoutMs = state.kind === "train" ? settings.reportTimeoutMs : settings.evaluateTimeoutMs
  state.deadlineMs = nowMs + timeoutMs
  state.wakeAtMs = state.deadlineMs - Math.min(settings.finishMs, timeoutMs / 2)
  effects.push({ type: "begin", kind: state.kind, devices, bound: devices.length }, { type: "notice" })
  return true
}

function onUpdate(state: RoundState, event: RoundEvent & { type: "update" }, effects: RoundEffect[]): void {
  const { device } = event
  const open = state.phase === "working" || state.phase === "finishing"
  if (event.round !== state.round || event.epoch !== state.epoch)
    effects.push({ type: "receipt", device, status: "late" })
  else if (state.seen.has(device)) effects.push({ type: "receipt", device, status: "duplicate" })
  else if (!open) effects.push({ type: "receipt", device, status: "late" })
  else if (!state.cohort.has(device)) effects.push({ type: "receipt", device, status: "uninvited" })
  else {
    state.seen.add(device)
    state.folding++
    effects.push({ type: "fold", device })
  }
}

function onFolded(state: RoundState, event: RoundEvent & { type: "folded" }, effects: RoundEffect[]): void {
  if (state.folding === 0) return
  state.folding--
  if (event.ok) state.folded++
  else state.refused++
  settle(state, event.nowMs, effects)
}

/** Updates that end the round early: the goal in training, everybody in statistics and evaluation. */
function enough({ kind, settings, cohort }: RoundState): number {
  return kind === "train" ? Math.max(Math.min(settings.cohort, cohort.size), settings.minimumToCommit) : cohort.size
}

/** Ends the round when nothing more is to be waited for. */
function settle(state: RoundState, nowMs: number, effects: RoundEffect[]): void {
  if (state.phase !== "working" && state.phase !== "finishing") return
  // What the driver is folding right now still counts: its `folded` event comes first.
  if (state.folding > 0) return
  const over = nowMs >= state.deadlineMs || state.folded + state.refused === state.cohort.size
  if (state.folded >= enough(state) || (over && state.folded >= minimumToCommit(state))) commit(state, effects)
  else if (over) abandon(state, nowMs, effects)
}

function minimumToCommit({ kind, settings, tries }: RoundState): number {
  if (kind === "train") return settings.minimumToCommit
  return kind === "evaluate" && tries >= EVALUATION_TRIES - 1 ? 0 : 1
}

function commit(state: RoundState, effects: RoundEffect[]): void {
  state.phase = "committing"
  state.wakeAtMs = Infinity
  effects.push({ type: "commit", kind: state.kind })
}

function abandon(state: RoundState, nowMs: number, effects: RoundEffect[]): void {
  const { settleMs, selectTimeoutMs } = state.settings
  effects.push({ type: "abandoned", folded: state.folded, needed: minimumToCommit(state) })
  state.epoch++
  // Twice as long each time, so that a fleet whose updates are all refused does not spin.
  state.pausedUntilMs = nowMs + Math.min(settleMs * 2 ** Math.min(state.tries, 30), selectTimeoutMs)
  state.tries++
  openSelection(state, nowMs, effects)
}

function onCommitted(state: RoundState, event: RoundEvent & { type: "committed" }, effects: RoundEffect[]): void {
  if (state.phase !== "committing") return
  const { kind, round, trained, committed, released } = positionAfter(state, event.stop)
  state.kind = kind
  state.round = round
  state.trained = trained
  state.committed = committed
  state.tries = 0
  state.pausedUntilMs = -Infinity
  if (released) release(state, effects)
  else openSelection(state, event.nowMs, effects)
}

function release(state: RoundState, effects: RoundEffect[]): void {
  state.started = true
  state.phase = "released"
  state.wakeAtMs = Infinity
  state.cohort = new Set()
  state.seen.clear()
  effects.push({ type: "released" }, { type: "notice" })
}

function onTick(state: RoundState, nowMs: number, effects: RoundEffect[]): void {
  if (nowMs < state.wakeAtMs) return
  switch (state.phase) {
    case "selecting":
      trySelect(state, nowMs, effects)
      break
    case "working":
      state.phase = "finishing"
      state.wakeAtMs = state.deadlineMs
      effects.push({ type: "notice" })
      if (nowMs >= state.deadlineMs) onTick(state, nowMs, effects)
      break
    case "finishing":
      state.wakeAtMs = Infinity
      settle(state, nowMs, effects)
      break
    case "committing":
    case "released":
      break
    default:
      unreachable(state.phase)
  }
}
