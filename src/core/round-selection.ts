import { devicesAsked } from "./over-selection.ts"
import { queued, untilNext } from "./round-pace.ts"
import type { Away } from "./round-pace.ts"
import type { ReadyDevice, RoundEffect, RoundState } from "./round-state.ts"
import { select } from "./select.ts"
import type { Draw } from "./select.ts"

/** Selection (Bonawitz et al. 2019, section 2.2): who is ready, when a round begins, and with whom. */

/** Draws that a round may take at a time. */
const MOST_DRAWS = 100

export function onReady(state: RoundState, nowMs: number, device: ReadyDevice, effects: RoundEffect[]): void {
  const known = forget(state, device.id)
  if (device.samples === 0 && device.testSamples === 0) return
  const asked = state.cohort.has(device.id)
  if (state.ready.size >= state.settings.pool && !asked) {
    if (state.phase !== "released") effects.push({ type: "wait", devices: [queued(state, nowMs, device)] })
    return
  }
  if (!known) state.joinedAtMs = nowMs
  state.ready.set(device.id, device)
  if (trains(state, device)) state.trainable++
  if (!asked && (state.phase === "working" || state.phase === "finishing")) {
    state.told.add(device.id)
    effects.push({ type: "wait", devices: [untilNext(state, nowMs, device)] })
  }
}

/** Whether the device was there. */
export function forget(state: RoundState, device: string): boolean {
  const before = state.ready.get(device)
  if (before === undefined) return false
  state.ready.delete(device)
  state.told.delete(device)
  if (trains(state, before)) state.trainable--
  return true
}

function trains({ settings }: RoundState, { samples }: ReadyDevice): boolean {
  return samples >= settings.minimumSamples
}

export function openSelection(state: RoundState, nowMs: number, effects: RoundEffect[]): void {
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
  for (const device of state.ready.values()) if (state.kind === "evaluate" || trains(state, device)) yield device
}

/** Fewest devices to begin with: a training round of fewer than must report could not be committed. */
function minimumToBegin({ kind, settings }: RoundState): number {
  return kind === "train" ? Math.max(settings.minimumToStart, settings.minimumToCommit) : settings.minimumToStart
}

/** With so many a round begins at once. Statistics and evaluation want everybody, and so does a draw in which each device has its chance. */
function wanted({ kind, settings, dropout }: RoundState): number {
  const some = kind === "train" && settings.sampling !== "poisson"
  return some ? devicesAsked(settings, dropout) : (settings.fleet ?? Infinity)
}

/** With so many it begins once no more have come for a while. An evaluation waits for nobody who has left. */
function goal({ kind, settings }: RoundState): number {
  const { cohort, fleet, minimumToStart } = settings
  const most = kind === "statistics" ? (fleet ?? cohort) : kind === "train" ? cohort : minimumToStart
  return Number.isFinite(most) ? most : minimumToStart
}

// Starts the round as soon as enough devices are ready: at once when all that are wanted are here, after a short settling time when
// only the goal is met, and at the end of the selection time with the minimum.
export function trySelect(state: RoundState, nowMs: number, effects: RoundEffect[]): boolean {
  if (!state.started || state.phase !== "selecting") return false
  const { settings } = state
  const here = state.kind === "evaluate" ? state.ready.size : state.trainable
  const least = minimumToBegin(state)
  state.wakeAtMs = state.selectUntilMs
  if (nowMs < state.pausedUntilMs) {
    state.wakeAtMs = state.pausedUntilMs
    return false
  }
  if (here >= Math.max(least, wanted(state))) {
    if (begin(state, nowMs, effects)) return true
  } else if (here >= Math.max(least, goal(state))) {
    // Where the goal was met before the selection opened, the waiting began with the last device that came.
    if (state.settledAtMs < 0) state.settledAtMs = state.joinedAtMs
    const settledMs = state.settledAtMs + settings.settleMs
    if (nowMs < settledMs) state.wakeAtMs = Math.min(state.selectUntilMs, settledMs)
    else if (begin(state, nowMs, effects)) return true
  } else state.settledAtMs = -1
  if (nowMs < state.selectUntilMs) return false
  if (here >= least && begin(state, nowMs, effects)) return true
  effects.push({ type: "waiting", ready: here, needed: least })
  state.selectUntilMs = nowMs + settings.selectTimeoutMs
  state.wakeAtMs = state.selectUntilMs
  return false
}

// False where no draw of devices gives enough.
function begin(state: RoundState, nowMs: number, effects: RoundEffect[]): boolean {
  const { settings } = state
  const devices = state.kind === "train" ? drawCohort(state) : everybody(state)
  if (devices === undefined) return false
  state.phase = "working"
  state.cohort = new Set(devices)
  state.seen.clear()
  state.withdrawn = 0
  state.folded = 0
  state.folding = 0
  state.refused = 0
  const timeoutMs = state.kind === "train" ? settings.reportTimeoutMs : settings.evaluateTimeoutMs
  state.deadlineMs = nowMs + timeoutMs
  state.wakeAtMs = state.deadlineMs - Math.min(settings.finishMs, timeoutMs / 2)
  if (state.kind === "train") {
    if (state.beganAtMs >= 0) state.roundMs = nowMs - state.beganAtMs
    state.beganAtMs = nowMs
  }
  effects.push({ type: "begin", kind: state.kind, devices, bound: devices.length }, { type: "notice" })
  const others = answerOthers(state, nowMs)
  if (others.length > 0) effects.push({ type: "wait", devices: others })
  return true
}

/** Whoever was ready and is not asked is told when to come back. A pool that was full makes room for others. */
function answerOthers(state: RoundState, nowMs: number): Away[] {
  const full = state.ready.size >= state.settings.pool
  const others: Away[] = []
  for (const device of state.ready.values()) {
    if (state.cohort.has(device.id)) continue
    if (full) {
      forget(state, device.id)
      others.push(queued(state, nowMs, device))
    } else if (!state.told.has(device.id)) {
      state.told.add(device.id)
      others.push(untilNext(state, nowMs, device))
    }
  }
  return others
}

function everybody(state: RoundState): string[] {
  return select(eligible(state), { ...drawOf(state), sampling: "uniform", count: Infinity })
}

/** What decides the next draw of devices for the current training round. */
export function drawOf({ settings, round, draws, dropout, trainable }: RoundState): Draw {
  const { seed, sampling, cohort, fleet, weightCap } = settings
  const rate = settings.rate ?? cohort / (fleet ?? trainable)
  return { sampling, seed, round, attempt: draws, count: devicesAsked(settings, dropout), rate, weightCap }
}

// A draw of so few that the round could not be committed is made again. Undefined where that is hopeless.
function drawCohort(state: RoundState): string[] | undefined {
  for (let i = 0; i < MOST_DRAWS; i++) {
    const devices = select(eligible(state), drawOf(state))
    state.draws++
    if (devices.length >= state.settings.minimumToCommit) return devices
  }
  return undefined
}
