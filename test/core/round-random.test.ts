import { expect, test } from "vitest"
import { createRounds, step } from "../../src/core/round.ts"
import type { RoundEffect, RoundEvent, RoundSettings } from "../../src/core/round.ts"
import { SETTINGS } from "./round-notation.ts"

/** mulberry32: a stream of its own, not the project's. */
function randomOf(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

const DEVICES = Array.from({ length: 9 }, (_, i) => `d${i}`)

/** A hostile world: devices come, go, repeat themselves, answer late or for another round; folds fail and dawdle. Until `endMs` it never helps. */
function live(seed: number): void {
  // Thousands of assertions a world: vitest's own would take most of the time.
  const must = (holds: boolean, what: string): void => {
    if (!holds) throw new Error(`seed ${seed}: ${what}`)
  }
  const random = randomOf(seed)
  const below = (bound: number): number => Math.floor(random() * bound)
  const late = below(2) === 0 ? undefined : { maxStaleness: 1 + below(3) }
  const async = late !== undefined && below(2) === 0
  const settings: RoundSettings = {
    ...SETTINGS,
    mode: async ? "async" : "sync",
    ...(late && { late }),
    cohort: [1, 3, 5, async ? 2 : Infinity][below(4)]!,
    overSelect: [1, 1.5, 2, async ? 3 : ("adaptive" as const)][below(4)]!,
    sampling: (["uniform", "weighted", async ? "uniform" : "poisson"] as const)[below(3)]!,
    minimumSamples: 1 + below(2),
    pool: [Infinity, 6][below(2)]!,
    minimumToStart: 1 + below(3),
    minimumToCommit: 1 + below(2),
    settleMs: below(2) * 40,
    finishMs: below(3) * 200,
    rounds: 4,
    statistics: random() < 0.5,
    evaluateEvery: below(3),
    ...(random() < 0.5 ? { fleet: DEVICES.length } : {}),
  }
  // Adaptive over-selection may come down to the cohort.
  const least = settings.cohort * (settings.overSelect === "adaptive" ? 1 : settings.overSelect)
  if (settings.minimumToCommit > least) return
  let state = createRounds(settings, 65536)
  let now = 0
  const endMs = 60_000
  let committing = false
  const held: string[] = []
  /** Where each update, by device and its own round and epoch, was folded. */
  const folded = new Map<string, string>()
  const abandoned = new Set<string>()
  /** In which round each device was asked last, and has not been folded since. */
  const asked = new Map<string, number>()
  const versions = new Map<string, number>()
  const names: { readonly round: number; readonly epoch: number }[] = []
  const withdrawn = new Set<string>()
  const lateOnes = new Map<string, { readonly into: string; readonly round: number }>()
  const feed = (event: RoundEvent): void => {
    const effects: RoundEffect[] = []
    const before = { round: state.round, epoch: state.epoch }
    state = step(state, event, effects)
    // Time only goes forward: neither a round nor an epoch comes back.
    must(state.round >= before.round && state.epoch >= before.epoch, "goes back")
    must(state.past.length <= (late?.maxStaleness ?? 0), "remembers more rounds than it takes updates of")
    const ask = (devices: readonly string[]): void => {
      for (const device of devices) {
        asked.set(device, state.round)
        withdrawn.delete(device)
      }
    }
    for (const effect of effects) {
      if (effect.type === "fold") {
        if (event.type !== "update") throw new Error("folds out of the blue")
        const { device, round, epoch } = event
        const name = `${device} ${round} ${epoch}`
        const into = folded.get(name)
        must(into === undefined || abandoned.has(into), `folds ${name} twice`)
        must(round >= (asked.get(device) ?? Infinity), "folds an uninvited device")
        must(!withdrawn.has(device), "folds a device that has withdrawn")
        must(effect.round === round, "folds for another round")
        must(state.trained - effect.staleness === versions.get(`${round} ${epoch}`), "has another staleness")
        must(effect.staleness <= (late?.maxStaleness ?? 0), "folds what is too old")
        must(state.folded + state.folding <= state.bound, "folds more than there is room for")
        folded.set(name, `${state.round} ${state.epoch}`)
        if (!state.seen.has(device)) lateOnes.set(device, { into: folded.get(name)!, round: asked.get(device)! })
        asked.delete(device)
        held.push(device)
      } else if (effect.type === "join") {
        must(async && state.phase === "working", "lets devices join in the middle")
        for (const device of effect.devices) must(state.cohort.has(device), "joins nobody of its cohort")
        ask(effect.devices)
      } else if (effect.type === "abandoned") {
        const name = `${before.round} ${before.epoch}`
        abandoned.add(name)
        // Whoever was taken late owes it again, even if it was asked for another since.
        for (const [device, { into, round }] of lateOnes) if (into === name) asked.set(device, round)
      } else if (effect.type === "wait") {
        for (const { device, seconds } of effect.devices) {
          must(!state.cohort.has(device), "tells a device to wait that it asks")
          must(Number.isInteger(seconds) && seconds >= 1 && seconds <= 86_400, `says ${seconds} seconds`)
        }
      } else if (effect.type === "commit") {
        must(!committing, "commits and begins at a time")
        must(state.folding === 0, "commits while it folds")
        if (effect.kind === "train") must(state.folded >= settings.minimumToCommit, "commits too few")
        committing = true
      } else if (effect.type === "begin") {
        must(!committing, "commits and begins at a time")
        must(held.length === 0, "begins while it folds")
        versions.set(`${state.round} ${state.epoch}`, state.trained)
        names.push({ round: state.round, epoch: state.epoch })
        ask(effect.devices)
        // Of those that are ready, a training round asks no more than it wants.
        const most =
          effect.kind === "train" ? (settings.sampling === "poisson" ? settings.minimumToCommit : least) : Infinity
        if (!(async && effect.kind === "train") && !(late && effect.kind === "evaluate"))
          must(effect.devices.length >= Math.min(settings.minimumToStart, most), "begins with too few")
      }
    }
  }
  feed({ type: "start", nowMs: 0 })
  for (let turn = 0; state.phase !== "released"; turn++) {
    must(turn < 20_000, `does not end, in phase ${state.phase} of round ${state.round}`)
    const kind = now < endMs ? state.kind : "calm"
    const device = DEVICES[below(DEVICES.length)]!
    const at = kind === "calm" ? 2 + below(3) : below(8)
    if (at === 0 && below(2) === 0) {
      if (!held.includes(device)) withdrawn.add(device)
      feed({ type: "withdraw", nowMs: now, device })
      // Who is there all the same was folded before, or was asked in a new round.
      const again = asked.get(device) === state.round && !withdrawn.has(device)
      must(!state.cohort.has(device) || state.seen.has(device) || again, "keeps a device that has withdrawn")
    } else if (at === 0) feed({ type: "unready", nowMs: now, device })
    else if (at <= 2) {
      const key = [device.codePointAt(1)!, 0] as const
      const samples = kind === "calm" ? 5 : below(3)
      feed({ type: "ready", nowMs: now, device: { id: device, key, samples, testSamples: below(2) } })
    } else if (at <= 4) {
      const off = kind === "calm" ? 0 : below(6) === 0 ? 1 : 0
      // Some answer for an earlier round, more of them where those are taken.
      const old = below(late === undefined ? 20 : 3) === 0 ? names.at(-1 - below(4)) : undefined
      const { round, epoch } = old ?? { round: state.round + off, epoch: state.epoch - (below(9) === 0 ? off : 0) }
      feed({ type: "update", nowMs: now, device, round, epoch })
    } else if (at === 5) now += below(200)
    if (held.length > 0 && (kind === "calm" || below(2) === 0))
      feed({ type: "folded", nowMs: now, device: held.shift()!, ok: kind === "calm" || below(4) > 0 })
    if (committing && below(3) === 0) {
      committing = false
      feed({ type: "committed", nowMs: now, stop: false })
    }
    if (kind === "calm" || below(3) === 0) {
      if (kind === "calm") now += 10
      feed({ type: "tick", nowMs: now })
      // Who asks to be woken in the past would never sleep.
      must(state.wakeAtMs > now, "asks to be woken in the past")
    }
  }
  const evaluations = settings.evaluateEvery === 0 ? 0 : Math.ceil(settings.rounds / settings.evaluateEvery)
  must(state.trained === settings.rounds, "trains another number of rounds")
  must(state.round === (settings.statistics ? 1 : 0) + settings.rounds + evaluations, "has another program")
}

test("in 2000 hostile worlds every round ends, nobody is folded twice, and no wake-up lies in the past", () => {
  for (let seed = 1; seed <= 2000; seed++) expect(() => live(seed)).not.toThrow()
})
