import { unreachable } from "./error.ts"
import { select } from "./select.ts"

/**
 * The round machine: one function, `step(state, event)`, that decides everything a coordinator decides and does nothing itself.
 * The live coordinator and the simulator are two ways of feeding it. It takes no clock: events carry the time, and `wakeAtMs` says
 * when it wants to be asked again.
 *
 * Bonawitz et al. 2019, "Towards federated learning at scale", section 2: selection, reporting, commit or abandon.
 */

/** Rounds have a program: statistics (if asked for), then training rounds with an evaluation after every few of them. */
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
}

export type Phase = "selecting" | "working" | "finishing" | "committing" | "released"

interface ReadyDevice {
  readonly id: string
  readonly key: readonly [number, number]
  readonly samples: number
  readonly testSamples: number
}

export interface RoundState {
  readonly settings: RoundSettings
  phase: Phase
  kind: RoundKind
  /** Numbers every round of any kind, from 0; the same round tried again keeps its number and has a higher epoch. */
  round: number
  epoch: number
  /** Training rounds that were committed; the version of the global model. */
  trained: number
  /** When the machine wants a `tick`. */
  wakeAtMs: number
  committed: { round: number; epoch: number } | undefined
  readonly ready: Map<string, ReadyDevice>
  /** The devices that were asked to join the current round. */
  cohort: Set<string>
  /** Every device of the current (round, epoch) whose update is folded, being folded, or refused for good. */
  readonly seen: Set<string>
  folded: number
  /** Handed to the driver and not yet answered. */
  folding: number
  refused: number
  /** When the goal was first met in this selection; -1 before. */
  settledAtMs: number
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

/** A machine that has not started. `epoch` must be higher than any used before for this fleet. */
export function createRounds(settings: RoundSettings, epoch: number): RoundState {
  return {
    settings,
    phase: "selecting",
    kind: settings.statistics ? "statistics" : "train",
    round: 0,
    epoch,
    trained: 0,
    wakeAtMs: Infinity,
    committed: undefined,
    ready: new Map(),
    cohort: new Set(),
    seen: new Set(),
    folded: 0,
    folding: 0,
    refused: 0,
    settledAtMs: -1,
    selectUntilMs: Infinity,
    deadlineMs: Infinity,
  }
}

/** Consumes `state` (use the returned one) and appends to `effects`, which the caller owns. */
export function step(state: RoundState, event: RoundEvent, effects: RoundEffect[]): RoundState {
  switch (event.type) {
    case "start":
      openSelection(state, event.nowMs, effects)
      break
    case "ready":
      state.ready.set(event.device.id, event.device)
      trySelect(state, event.nowMs, effects)
      break
    case "unready":
      // Never leaves a running round: radios sleep while they train, only the deadline removes a device.
      state.ready.delete(event.device)
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

function openSelection(state: RoundState, nowMs: number, effects: RoundEffect[]): void {
  state.phase = "selecting"
  state.cohort = new Set()
  state.settledAtMs = -1
  state.selectUntilMs = nowMs + state.settings.selectTimeoutMs
  state.deadlineMs = Infinity
  state.wakeAtMs = state.selectUntilMs
  if (!trySelect(state, nowMs, effects)) effects.push({ type: "notice" })
}

/** Devices that could serve a round of this kind. */
function* eligible(state: RoundState): Generator<ReadyDevice> {
  for (const device of state.ready.values())
    if (state.kind === "evaluate" || device.samples > 0) yield device
}

function countEligible(state: RoundState): number {
  if (state.kind === "evaluate") return state.ready.size
  let count = 0
  for (const _ of eligible(state)) count++
  return count
}

// Starts the round as soon as enough devices are ready: at once when all that are wanted are here, after a short settling time when
// only the goal is met, and at the end of the selection time with the minimum.
function trySelect(state: RoundState, nowMs: number, effects: RoundEffect[]): boolean {
  if (state.phase !== "selecting") return false
  const { settings } = state
  const here = countEligible(state)
  const wanted = Math.ceil(settings.cohort * settings.overSelect)
  const goal = Number.isFinite(settings.cohort) ? settings.cohort : settings.minimumToStart
  if (here >= wanted) return begin(state, nowMs, effects)
  if (here >= goal) {
    if (state.settledAtMs < 0) state.settledAtMs = nowMs
    if (nowMs >= state.settledAtMs + settings.settleMs) return begin(state, nowMs, effects)
    state.wakeAtMs = Math.min(state.selectUntilMs, state.settledAtMs + settings.settleMs)
  }
  if (nowMs < state.selectUntilMs) return false
  if (here >= settings.minimumToStart) return begin(state, nowMs, effects)
  effects.push({ type: "waiting", ready: here, needed: settings.minimumToStart })
  state.selectUntilMs = nowMs + settings.selectTimeoutMs
  state.wakeAtMs = state.selectUntilMs
  return false
}

function begin(state: RoundState, nowMs: number, effects: RoundEffect[]): true {
  const { settings } = state
  // Statistics and evaluation want everybody; training wants a sample.
  const count = state.kind === "train" ? Math.ceil(settings.cohort * settings.overSelect) : Infinity
  const devices = select(eligible(state), count, settings.seed, state.round)
  state.phase = "working"
  state.cohort = new Set(devices)
  state.seen.clear()
  state.folded = 0
  state.folding = 0
  state.refused = 0
  const timeoutMs = state.kind === "train" ? settings.reportTimeoutMs : settings.evaluateTimeoutMs
  state.deadlineMs = nowMs + timeoutMs
  state.wakeAtMs = Math.max(nowMs, state.deadlineMs - settings.finishMs)
  effects.push({ type: "begin", kind: state.kind, devices, bound: devices.length }, { type: "notice" })
  return true
}

function onUpdate(state: RoundState, event: RoundEvent & { type: "update" }, effects: RoundEffect[]): void {
  const { device } = event
  const open = state.phase === "working" || state.phase === "finishing"
  if (event.round !== state.round || event.epoch !== state.epoch) effects.push({ type: "receipt", device, status: "late" })
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
  state.folding--
  if (event.ok) state.folded++
  else state.refused++
  settle(state, event.nowMs, effects)
}

/** Updates that end the round early: the goal in training, everybody in statistics and evaluation. */
function goalOf(state: RoundState): number {
  return state.kind === "train" ? Math.min(state.settings.cohort, state.cohort.size) : state.cohort.size
}

function settle(state: RoundState, nowMs: number, effects: RoundEffect[]): void {
  if (state.phase !== "working" && state.phase !== "finishing") return
  if (state.folding > 0) return
  const accounted = state.folded + state.refused === state.cohort.size
  if (state.folded >= goalOf(state) || (accounted && state.folded >= minimumOf(state))) commit(state, effects)
  else if (accounted) abandon(state, nowMs, effects)
}

function minimumOf(state: RoundState): number {
  return state.kind === "train" ? state.settings.minimumToCommit : 1
}

function commit(state: RoundState, effects: RoundEffect[]): void {
  state.phase = "committing"
  state.wakeAtMs = Infinity
  effects.push({ type: "commit", kind: state.kind })
}

function abandon(state: RoundState, nowMs: number, effects: RoundEffect[]): void {
  effects.push({ type: "abandoned", folded: state.folded, needed: minimumOf(state) })
  state.epoch++
  openSelection(state, nowMs, effects)
}

function onCommitted(state: RoundState, event: RoundEvent & { type: "committed" }, effects: RoundEffect[]): void {
  if (state.phase !== "committing") return
  state.committed = { round: state.round, epoch: state.epoch }
  if (state.kind === "train") state.trained++
  const next = event.stop ? undefined : nextKind(state)
  state.round++
  if (next === undefined) {
    state.phase = "released"
    state.wakeAtMs = Infinity
    state.cohort = new Set()
    effects.push({ type: "released" }, { type: "notice" })
    return
  }
  state.kind = next
  openSelection(state, event.nowMs, effects)
}

function nextKind(state: RoundState): RoundKind | undefined {
  const { rounds, evaluateEvery } = state.settings
  if (state.kind === "train" && evaluateEvery > 0 && (state.trained % evaluateEvery === 0 || state.trained >= rounds))
    return "evaluate"
  return state.trained < rounds ? "train" : undefined
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
      // An update that the driver is folding right now still counts: its `folded` event comes first.
      if (state.folding > 0) break
      if (state.folded >= minimumOf(state)) commit(state, effects)
      else abandon(state, nowMs, effects)
      break
    case "committing":
    case "released":
      break
    default:
      unreachable(state.phase)
  }
}
