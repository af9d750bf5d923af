import { observeDropout } from "./over-selection.ts"
import { positionAfter } from "./program.ts"
import { forgive, giveBack, judge, keepDebts, onLateFolded, putOff, take } from "./round-late.ts"
import { forget, inFlight, isAsync, openSelection, refill, updatesToCommit } from "./round-selection.ts"
import type { RoundEffect, RoundEvent, RoundState } from "./round-state.ts"

/** Reporting (Bonawitz et al. 2019, section 2.2): what is folded, and when a round ends, by a commit or by being abandoned. */

/** An evaluation that nobody answers is tried so often, then committed empty: it must not hold up the training. */
const EVALUATION_TRIES = 3

export function onUpdate(state: RoundState, event: RoundEvent & { type: "update" }, effects: RoundEffect[]): void {
  const { device, round } = event
  state.silent.delete(device)
  const judgement = judge(state, device, event)
  if (judgement.answer === "duplicate")
    effects.push({ type: "receipt", device, status: "duplicate", into: judgement.into })
  else if (judgement.answer !== "fold") {
    effects.push({ type: "receipt", device, status: judgement.answer })
    if (judgement.answer === "busy" && state.phase === "selecting") putOff(state, device, event.nowMs)
  } else {
    if (judgement.late) take(state, device, event)
    else join(state, device)
    state.folding++
    effects.push({ type: "fold", device, round, staleness: judgement.staleness })
  }
}

function join({ cohort, seen, owing }: RoundState, device: string): void {
  cohort.add(device)
  seen.add(device)
  owing.delete(device)
}

export function onFolded(state: RoundState, event: RoundEvent & { type: "folded" }, effects: RoundEffect[]): void {
  if (state.folding === 0) return
  state.folding--
  const late = onLateFolded(state, event.device, event.ok)
  if (event.ok) state.folded++
  if (event.ok && late) state.late++
  refill(state, event.nowMs, effects)
  settle(state, event.nowMs, effects)
}

export function onWithdraw(state: RoundState, nowMs: number, device: string, effects: RoundEffect[]): void {
  forget(state, device)
  forgive(state, device)
  // What is folded, or about to be, is in a sum from which nothing can be taken out.
  if (state.seen.has(device) || !state.cohort.delete(device)) return
  state.withdrawn++
  settle(state, nowMs, effects)
}

/** Updates that end the round before its deadline. */
function enough(state: RoundState): number {
  const { kind, settings, cohort } = state
  if (isAsync(state)) return updatesToCommit(state)
  // Whoever was drawn by a probability of its own is waited for: those who are fast are no such sample.
  const some = kind === "train" && settings.sampling !== "poisson"
  return Math.max(some ? Math.min(settings.cohort, cohort.size) : cohort.size, minimumToCommit(state))
}

/** Ends the round when nothing more is to be waited for. */
export function settle(state: RoundState, nowMs: number, effects: RoundEffect[]): void {
  if (state.phase !== "working" && state.phase !== "finishing") return
  // What the driver is folding right now still counts: its `folded` event comes first.
  if (state.folding > 0) return
  const answered = isAsync(state) ? inFlight(state, nowMs) === 0 : state.seen.size === state.cohort.size
  const over = nowMs >= state.deadlineMs || answered
  // Late updates are besides: a round that is not asynchronous wants those for which it was begun.
  const wanted = isAsync(state) ? state.folded : state.folded - state.late
  if (wanted >= enough(state) || (over && state.folded >= minimumToCommit(state))) commit(state, nowMs, effects)
  else if (over) abandon(state, nowMs, effects)
}

function minimumToCommit({ kind, settings, tries }: RoundState): number {
  if (kind === "train") return settings.minimumToCommit
  return kind === "evaluate" && tries >= EVALUATION_TRIES - 1 ? 0 : 1
}

function commit(state: RoundState, nowMs: number, effects: RoundEffect[]): void {
  countLost(state, nowMs)
  noteSilent(state, nowMs)
  state.phase = "committing"
  state.wakeAtMs = Infinity
  effects.push({ type: "commit", kind: state.kind })
}

function abandon(state: RoundState, nowMs: number, effects: RoundEffect[]): void {
  const { settleMs, selectTimeoutMs } = state.settings
  effects.push({ type: "abandoned", folded: state.folded, needed: minimumToCommit(state) })
  countLost(state, nowMs)
  noteSilent(state, nowMs)
  giveBack(state, nowMs)
  state.epoch++
  // Twice as long each time, so that a fleet whose updates are all refused does not spin.
  state.pausedUntilMs = nowMs + Math.min(settleMs * 2 ** Math.min(state.tries, 30), selectTimeoutMs)
  state.tries++
  openSelection(state, nowMs, effects)
}

function noteSilent({ cohort, seen, ready, silent, deadlineMs }: RoundState, nowMs: number): void {
  if (nowMs < deadlineMs) return
  for (const device of cohort) if (!seen.has(device) && ready.has(device)) silent.add(device)
}

// Who has not answered by the deadline is lost; where a round ends before, who is still in the fleet is merely slower than others.
function countLost(state: RoundState, nowMs: number): void {
  const { kind, settings, cohort, seen, ready, withdrawn, deadlineMs, dropout } = state
  if (kind !== "train" || settings.mode === "async") return
  let lost = withdrawn
  for (const device of cohort) if (!seen.has(device) && (nowMs >= deadlineMs || !ready.has(device))) lost++
  observeDropout(dropout, cohort.size + withdrawn, lost)
}

export function onCommitted(
  state: RoundState,
  event: RoundEvent & { type: "committed" },
  effects: RoundEffect[],
): void {
  if (state.phase !== "committing") return
  if (state.kind === "train") keepDebts(state, event.nowMs)
  const { kind, round, trained, committed, released } = positionAfter(state, event.stop)
  state.kind = kind
  state.round = round
  state.trained = trained
  state.committed = committed
  state.tries = 0
  state.draws = 0
  state.pausedUntilMs = -Infinity
  if (released) release(state, effects)
  else openSelection(state, event.nowMs, effects)
}

export function release(state: RoundState, effects: RoundEffect[]): void {
  state.started = true
  state.phase = "released"
  state.wakeAtMs = Infinity
  state.cohort = new Set()
  state.seen.clear()
  effects.push({ type: "released" }, { type: "notice" })
}
