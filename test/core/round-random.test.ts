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
  const settings: RoundSettings = {
    ...SETTINGS,
    cohort: [1, 3, 5, Infinity][below(4)]!,
    overSelect: [1, 1.5, 2, "adaptive" as const][below(4)]!,
    sampling: (["uniform", "weighted", "poisson"] as const)[below(3)]!,
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
  const folded = new Set<string>()
  let withdrawn = new Set<string>()
  const queue: RoundEvent[] = [{ type: "start", nowMs: 0 }]
  const feed = (event: RoundEvent): void => {
    const effects: RoundEffect[] = []
    const before = { round: state.round, epoch: state.epoch }
    state = step(state, event, effects)
    // Time only goes forward: neither a round nor an epoch comes back.
    must(state.round >= before.round && state.epoch >= before.epoch, "goes back")
    for (const effect of effects) {
      if (effect.type === "fold") {
        const name = `${effect.device} ${state.round} ${state.epoch}`
        must(!folded.has(name), `folds ${name} twice`)
        must(state.cohort.has(effect.device), "folds an uninvited device")
        must(!withdrawn.has(effect.device), "folds a device that has withdrawn")
        folded.add(name)
        held.push(effect.device)
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
        withdrawn = new Set()
        // Of those that are ready, a training round asks no more than it wants.
        const most =
          effect.kind === "train" ? (settings.sampling === "poisson" ? settings.minimumToCommit : least) : Infinity
        must(effect.devices.length >= Math.min(settings.minimumToStart, most), "begins with too few")
      }
    }
  }
  feed(queue[0]!)
  for (let turn = 0; state.phase !== "released"; turn++) {
    must(turn < 20_000, `does not end, in phase ${state.phase} of round ${state.round}`)
    const kind = now < endMs ? state.kind : "calm"
    const device = DEVICES[below(DEVICES.length)]!
    const at = kind === "calm" ? 2 + below(3) : below(8)
    if (at === 0 && below(2) === 0) {
      const late = folded.has(`${device} ${state.round} ${state.epoch}`)
      if (state.cohort.has(device) && !late) withdrawn.add(device)
      feed({ type: "withdraw", nowMs: now, device })
      if (!late) must(!state.cohort.has(device) || state.phase === "working", "keeps a device that has withdrawn")
    } else if (at === 0) feed({ type: "unready", nowMs: now, device })
    else if (at <= 2) {
      const key = [device.codePointAt(1)!, 0] as const
      const samples = kind === "calm" ? 5 : below(3)
      feed({ type: "ready", nowMs: now, device: { id: device, key, samples, testSamples: below(2) } })
    } else if (at <= 4) {
      const off = kind === "calm" ? 0 : below(6) === 0 ? 1 : 0
      feed({
        type: "update",
        nowMs: now,
        device,
        round: state.round + off,
        epoch: state.epoch - (below(9) === 0 ? off : 0),
      })
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
