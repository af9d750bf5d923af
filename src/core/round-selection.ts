import { devicesAsked, mostDevicesAsked } from "./over-selection.ts"
import { isBusy, nextFreeMs } from "./round-late.ts"
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
  if (!asked) refill(state, nowMs, effects)
  if (!state.cohort.has(device.id) && (state.phase === "working" || state.phase === "finishing")) {
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
  state.silent.delete(device)
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
  state.late = 0
  state.settledAtMs = -1
  state.selectUntilMs = Math.max(nowMs, state.pausedUntilMs) + state.settings.selectTimeoutMs
  state.deadlineMs = Infinity
  if (!trySelect(state, nowMs, effects)) effects.push({ type: "notice" })
}

/** Devices that could serve a round of this kind, and are not at work for an earlier one. */
function* eligible(state: RoundState, nowMs: number): Generator<ReadyDevice> {
  for (const device of state.ready.values())
    if ((state.kind === "evaluate" || trains(state, device)) && !isBusy(state, device.id, nowMs)) yield device
}

/** Whether updates come and go in the current round without its waiting for a cohort. */
export function isAsync({ kind, settings }: RoundState): boolean {
  return kind === "train" && settings.mode === "async"
}

/** Where updates come and go: those that make a commit. */
export function updatesToCommit({ settings }: RoundState): number {
  return Math.max(settings.cohort, settings.minimumToCommit)
}

/** Devices that are at work, for this training round or one before. */
export function inFlight({ cohort, seen, owing }: RoundState, nowMs: number): number {
  let count = cohort.size - seen.size
  for (const { untilMs } of owing.values()) if (untilMs > nowMs) count++
  return count
}

/** Devices that the round could have; where updates come and go, those at work count as here. */
function here(state: RoundState, nowMs: number): number {
  if (state.kind === "evaluate") return state.ready.size
  let count = state.trainable
  for (const [id, { untilMs }] of state.owing) {
    const device = untilMs > nowMs ? state.ready.get(id) : undefined
    if (device !== undefined && trains(state, device)) count--
  }
  return isAsync(state) ? count + inFlight(state, nowMs) : count
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
  const count = here(state, nowMs)
  const least = minimumToBegin(state)
  state.wakeAtMs = Math.min(state.selectUntilMs, nextFreeMs(state, nowMs))
  if (nowMs < state.pausedUntilMs) {
    state.wakeAtMs = state.pausedUntilMs
    return false
  }
  if (count >= Math.max(least, wanted(state))) {
    if (begin(state, nowMs, effects)) return true
  } else if (count >= Math.max(least, goal(state))) {
    // Where the goal was met before the selection opened, the waiting began with the last device that came.
    if (state.settledAtMs < 0) state.settledAtMs = state.joinedAtMs
    const settledMs = state.settledAtMs + settings.settleMs
    if (nowMs < settledMs) state.wakeAtMs = Math.min(state.wakeAtMs, settledMs)
    else if (begin(state, nowMs, effects)) return true
  } else state.settledAtMs = -1
  if (nowMs < state.selectUntilMs) return false
  if (count >= least && begin(state, nowMs, effects)) return true
  effects.push({ type: "waiting", ready: count, needed: least })
  state.selectUntilMs = nowMs + settings.selectTimeoutMs
  state.wakeAtMs = state.selectUntilMs
  return false
}

// False where no draw of devices gives enough.
function begin(state: RoundState, nowMs: number, effects: RoundEffect[]): boolean {
  const { settings } = state
  const devices = state.kind === "train" ? drawCohort(state, nowMs) : everybody(state, nowMs)
  if (devices === undefined) return false
  for (const device of devices) state.owing.delete(device)
  state.phase = "working"
  state.bound = boundOf(state, devices.length)
  state.cohort = new Set(devices)
  state.seen.clear()
  state.withdrawn = 0
  state.folded = 0
  state.late = 0
  state.folding = 0
  const timeoutMs = state.kind === "train" ? settings.reportTimeoutMs : settings.evaluateTimeoutMs
  state.deadlineMs = nowMs + timeoutMs
  state.wakeAtMs = state.deadlineMs - Math.min(settings.finishMs, timeoutMs / 2)
  if (state.kind === "train") {
    if (state.beganAtMs >= 0) state.roundMs = nowMs - state.beganAtMs
    state.beganAtMs = nowMs
  }
  effects.push({ type: "begin", kind: state.kind, devices, bound: state.bound }, { type: "notice" })
  const others = answerOthers(state, nowMs)
  if (others.length > 0) effects.push({ type: "wait", devices: others })
  return true
}

/** Whoever was ready and is not asked is told when to come back. A pool that was full makes room for others. */
function answerOthers(state: RoundState, nowMs: number): Away[] {
  const full = state.ready.size >= state.settings.pool
  const others: Away[] = []
  for (const device of state.ready.values()) {
    if (state.cohort.has(device.id) || isBusy(state, device.id, nowMs)) continue
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

/** Room for late updates is as large as for those that are asked for. */
function boundOf({ kind, settings }: RoundState, devices: number): number {
  if (kind !== "train" || settings.late === undefined) return devices
  const most = mostDevicesAsked(settings)
  return 2 * Math.max(devices, Number.isFinite(most) ? most : 1)
}

/** Who is at work is asked, too, where nobody else is there. */
function everybody(state: RoundState, nowMs: number): string[] {
  const draw: Draw = { ...drawOf(state), sampling: "uniform", count: Infinity }
  const free = select(eligible(state, nowMs), draw)
  return free.length > 0 ? free : select(state.ready.values(), draw)
}

/** What decides the next draw of devices for the current training round. */
export function drawOf({ settings, round, draws, dropout, trainable }: RoundState): Draw {
  const { seed, sampling, cohort, fleet, weightCap } = settings
  const rate = settings.rate ?? cohort / (fleet ?? trainable)
  return { sampling, seed, round, attempt: draws, count: devicesAsked(settings, dropout), rate, weightCap }
}

// A draw of so few that the round could not be committed is made again. Undefined where that is hopeless.
function drawCohort(state: RoundState, nowMs: number): string[] | undefined {
  for (let i = 0; i < MOST_DRAWS; i++) {
    const draw = drawOf(state)
    const count = isAsync(state) ? Math.max(0, draw.count - inFlight(state, nowMs)) : draw.count
    const devices = selectHeard(state, eligible(state, nowMs), { ...draw, count })
    state.draws++
    if (isAsync(state) || devices.length >= state.settings.minimumToCommit) return devices
  }
  return undefined
}

/**
 * Who has been silent until a deadline is asked only where the others are too few: a device whose connection nobody has seen end must not be waited for round
 * after round. So is who has a late update yet to be folded, which it would give up for the new one. A Poisson draw has to give each its chance.
 */
function selectHeard({ silent, owing }: RoundState, candidates: Iterable<ReadyDevice>, draw: Draw): string[] {
  if ((silent.size === 0 && owing.size === 0) || draw.sampling === "poisson") return select(candidates, draw)
  const isLast = ({ id }: ReadyDevice): boolean => silent.has(id) || owing.get(id)?.waits === true
  const { first = [], last = [] } = Object.groupBy(candidates, (device) => (isLast(device) ? "last" : "first"))
  const chosen = select(first, draw)
  return [...chosen, ...select(last, { ...draw, count: draw.count - chosen.length })].sort()
}

/** Where updates come and go: as many devices as are missing are asked, each once from one version of the model. */
export function refill(state: RoundState, nowMs: number, effects: RoundEffect[]): void {
  const { cohort, folded, folding } = state
  if (!isAsync(state) || state.phase !== "working" || nowMs >= state.deadlineMs) return
  if (folded + folding >= updatesToCommit(state)) return
  const draw = drawOf(state)
  const count = draw.count - inFlight(state, nowMs)
  if (count <= 0) return
  const free = [...eligible(state, nowMs)].filter(({ id }) => !cohort.has(id))
  const devices = selectHeard(state, free, { ...draw, count })
  if (devices.length === 0) return
  for (const device of devices) {
    cohort.add(device)
    state.owing.delete(device)
  }
  effects.push({ type: "join", devices })
}
