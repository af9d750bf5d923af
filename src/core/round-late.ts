import type { RoundState } from "./round-state.ts"

/**
 * Late updates, where the plan takes them (FedBuff, Nguyen et al. 2022): a device that was asked to train owes one update until it is folded, and may
 * send it in a later training round, for the round in which it was asked or for one since. What it was trained from then decides its weight.
 */

/** A device that was asked in a training round that was committed without it. */
export interface Debt {
  /** In which it was asked. */
  readonly round: number
  /** Until then it is taken to be at work, and is not asked again. */
  readonly untilMs: number
  /** Its update has come before the next round began, and will come again: until then the device is asked only where the others are too few. */
  readonly waits?: boolean
}

/** A training round that was committed. */
export interface PastRound {
  readonly round: number
  readonly epoch: number
  /** The version that it started from, in training rounds. */
  readonly trained: number
}

/** A late update that is folded, or about to be. */
export interface Taken {
  readonly round: number
  readonly epoch: number
  /** The round whose commit will contain it. */
  readonly into: RoundName
  /** What is owed again if that round is abandoned; nothing of a device that has withdrawn. */
  readonly debt: Debt | undefined
  readonly folded: boolean
}

export interface RoundName {
  readonly round: number
  readonly epoch: number
}

/** What is to become of an update. */
export type Judgement =
  /** `staleness`: commits since the version that it was trained from. */
  | { readonly answer: "fold"; readonly staleness: number; readonly late: boolean }
  /** It is in the sum of `into`. */
  | { readonly answer: "duplicate"; readonly into: RoundName }
  /** `busy`: it is wanted, but not now. */
  | { readonly answer: "late" | "uninvited" | "busy" }

export function judge(state: RoundState, device: string, name: RoundName): Judgement {
  const { round, epoch, phase, cohort, seen } = state
  const open = phase === "working" || phase === "finishing"
  const current = same(name, state)
  if (current && seen.has(device)) return { answer: "duplicate", into: { round, epoch } }
  if (current && open && cohort.has(device)) return { answer: "fold", staleness: 0, late: false }
  const late = state.settings.late === undefined ? undefined : judgeLate(state, device, name, open)
  return late ?? { answer: current && open ? "uninvited" : "late" }
}

function judgeLate(state: RoundState, device: string, name: RoundName, open: boolean): Judgement | undefined {
  const taken = state.taken.get(device)
  if (taken !== undefined && same(taken, name)) return { answer: "duplicate", into: taken.into }
  const debt = state.owing.get(device)
  const from = trainedAt(state, name)
  if (debt === undefined || from === undefined || name.round < debt.round) return undefined
  if (state.phase === "released") return undefined
  // Those who are asked for this round have their room in any case.
  const expected = state.cohort.size - state.seen.size
  const room = state.folded + state.folding + expected < state.bound
  if (!open || state.kind !== "train" || !room) return { answer: "busy" }
  // Whoever has moved on to the round that is open is one of its cohort.
  return { answer: "fold", staleness: state.trained - from, late: !same(name, state) }
}

/** The version that a training round started from; undefined for a round that is none, or too long ago. */
function trainedAt(state: RoundState, name: RoundName): number | undefined {
  if (state.kind === "train" && same(name, state)) return state.trained
  return state.past.find((past) => same(past, name))?.trained
}

/** A late update goes to be folded. */
export function take(state: RoundState, device: string, { round, epoch }: RoundName): void {
  const debt = state.owing.get(device)!
  state.owing.delete(device)
  const into = { round: state.round, epoch: state.epoch }
  state.taken.set(device, { round, epoch, into, debt, folded: false })
}

/** Whether the update that was folded just now, or refused for good, was a late one. */
export function onLateFolded(state: RoundState, device: string, ok: boolean): boolean {
  const taken = state.taken.get(device)
  if (taken === undefined || taken.folded) return false
  if (ok) state.taken.set(device, { ...taken, folded: true })
  else state.taken.delete(device)
  return true
}

/** A device has withdrawn: what it owes is forgiven. */
export function forgive({ owing, taken }: RoundState, device: string): void {
  owing.delete(device)
  const late = taken.get(device)
  if (late !== undefined) taken.set(device, { ...late, debt: undefined })
}

/** Whether a device is taken to be at work since an earlier round. */
export function isBusy({ owing }: RoundState, device: string, nowMs: number): boolean {
  const debt = owing.get(device)
  return debt !== undefined && debt.untilMs > nowMs
}

/** An update that is wanted came while the next round waits for devices: its own is at work no longer. */
export function putOff({ owing }: RoundState, device: string, nowMs: number): void {
  owing.set(device, { ...owing.get(device)!, untilMs: nowMs, waits: true })
}

/** When the first of those at work is taken to be at work no longer. */
export function nextFreeMs({ owing }: RoundState, nowMs: number): number {
  let next = Infinity
  for (const { untilMs } of owing.values()) if (untilMs > nowMs && untilMs < next) next = untilMs
  return next
}

/** The round is abandoned: what it took of earlier rounds is owed again. */
export function giveBack(state: RoundState, nowMs: number): void {
  for (const [device, { into, debt }] of state.taken) {
    if (!same(into, state)) continue
    state.taken.delete(device)
    if (debt !== undefined)
      state.owing.set(device, { round: debt.round, untilMs: nowMs + state.settings.reportTimeoutMs })
  }
}

/** A training round was committed: who has not answered still owes an update, and what is too old is forgotten. To be called before the round changes. */
export function keepDebts(state: RoundState, nowMs: number): void {
  const { settings, round, epoch, trained, cohort, seen, owing, taken } = state
  if (settings.late === undefined) return
  const untilMs = nowMs + settings.reportTimeoutMs
  for (const device of cohort) if (!seen.has(device)) owing.set(device, { round, untilMs })
  const { maxStaleness } = settings.late
  state.past = [...state.past, { round, epoch, trained }].filter((past) => trained + 1 - past.trained <= maxStaleness)
  const oldest = state.past[0]?.round ?? Infinity
  for (const [device, debt] of owing) if (debt.round < oldest && debt.untilMs <= nowMs) owing.delete(device)
  for (const [device, { round }] of taken) if (round < oldest) taken.delete(device)
}

function same(a: RoundName, b: RoundName): boolean {
  return a.round === b.round && a.epoch === b.epoch
}
