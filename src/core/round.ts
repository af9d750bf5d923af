import { unreachable } from "./error.ts"
import { onCommitted, onFolded, onUpdate, onWithdraw, release, settle } from "./round-reporting.ts"
import { forget, onReady, openSelection, trySelect } from "./round-selection.ts"
import type { RoundEffect, RoundEvent, RoundState } from "./round-state.ts"

export { evaluationDue } from "./program.ts"
export { createRounds } from "./round-state.ts"
export type {
  Phase,
  ReadyDevice,
  RoundEffect,
  RoundEvent,
  RoundKind,
  RoundSettings,
  RoundState,
} from "./round-state.ts"

/**
 * The round machine: one function, `step(state, event)`, that decides everything a coordinator decides and does nothing itself.
 * The live coordinator and the simulator are two ways of feeding it. It takes no clock: events carry the time, and `wakeAtMs` says
 * when it wants to be asked again.
 *
 * Bonawitz et al. 2019, "Towards federated learning at scale", section 2: selection, reporting, commit or abandon.
 */

/** Consumes `state` (use the returned one) and appends to `effects`, which the caller owns. */
export function step(state: RoundState, event: RoundEvent, effects: RoundEffect[]): RoundState {
  switch (event.type) {
    case "start":
      if (state.started) break
      if (state.phase === "released") release(state, effects)
      else openSelection(state, event.nowMs, effects)
      break
    case "ready":
      onReady(state, event.nowMs, event.device, effects)
      trySelect(state, event.nowMs, effects)
      break
    case "gathered":
      for (const device of event.devices) onReady(state, event.nowMs, device, effects)
      trySelect(state, event.nowMs, effects)
      break
    case "regrouped":
      for (const device of [...state.ready.keys()]) forget(state, device)
      for (const device of event.devices) onReady(state, event.nowMs, device, effects)
      trySelect(state, event.nowMs, effects)
      break
    case "unready":
      forget(state, event.device)
      trySelect(state, event.nowMs, effects)
      break
    case "withdraw":
      onWithdraw(state, event.nowMs, event.device, effects)
      trySelect(state, event.nowMs, effects)
      break
    case "update":
      onUpdate(state, event, effects)
      trySelect(state, event.nowMs, effects)
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
