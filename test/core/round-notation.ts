import { createRounds, step } from "../../src/core/round.ts"
import type { RoundEffect, RoundEvent, RoundSettings, RoundState } from "../../src/core/round.ts"

/**
 * A notation for the round machine: `play(settings, "0 start; 5 ready a b c; 7 tick")` gives its effects, one line an event that had any:
 * "5 begin train a,b,c; notice". Updates that are to be folded are answered at once, except for devices named after `hold`.
 *
 *   start | tick                    ready a b            ready a:0/5 (training samples / test samples)    unready a | withdraw a
 *   update a b                      update a@3/70000 (round/epoch other than the current)
 *   hold a | release a | refuse a   fold later, fold now, or answer "refused" instead of "folded"
 *   committed | stop                the commit is durable; "stop" ends the federation
 */
export class Play {
  state: RoundState
  readonly lines: string[] = []
  readonly #held = new Set<string>()
  readonly #refused = new Set<string>()

  constructor(settings: Partial<RoundSettings> = {}, epoch = 65536) {
    this.state = createRounds({ ...SETTINGS, ...settings }, epoch)
  }

  run(script: string): string[] {
    const before = this.lines.length
    for (const part of script.split(";")) {
      const [time, verb, ...names] = part.trim().split(/\s+/)
      this.#do(Number(time), verb!, names)
    }
    return this.lines.slice(before)
  }

  #do(nowMs: number, verb: string, names: readonly string[]): void {
    const events: RoundEvent[] = []
    switch (verb) {
      case "start":
      case "tick":
        events.push({ type: verb, nowMs })
        break
      case "ready":
        for (const name of names) {
          const [id, facts = "10/10"] = name.split(":")
          const [samples, testSamples] = facts.split("/").map(Number)
          const key = [[...id!].reduce((sum, c) => sum * 31 + c.codePointAt(0)!, 7) >>> 0, 0] as const
          const device = { id: id!, key, samples: samples!, testSamples: testSamples! }
          events.push({ type: "ready", nowMs, device })
        }
        break
      case "unready":
        for (const device of names) events.push({ type: "unready", nowMs, device })
        break
      case "withdraw":
        for (const device of names) events.push({ type: "withdraw", nowMs, device })
        break
      case "update":
        for (const name of names) {
          const [device, at] = name.split("@")
          const [round, epoch] = at === undefined ? [this.state.round, this.state.epoch] : at.split("/").map(Number)
          events.push({ type: "update", nowMs, device: device!, round: round!, epoch: epoch! })
        }
        break
      case "hold":
        for (const name of names) this.#held.add(name)
        return
      case "refuse":
        for (const name of names) this.#refused.add(name)
        return
      case "release":
        for (const device of names) events.push({ type: "folded", nowMs, device, ok: true })
        break
      case "committed":
      case "stop":
        events.push({ type: "committed", nowMs, stop: verb === "stop" })
        break
      default:
        throw new Error(`no verb ${verb}`)
    }
    const words: string[] = []
    for (const event of events) this.#step(event, words)
    if (words.length > 0) this.lines.push(`${nowMs} ${words.join("; ")}`)
  }

  #step(event: RoundEvent, words: string[]): void {
    const effects: RoundEffect[] = []
    this.state = step(this.state, event, effects)
    for (const effect of effects) {
      words.push(word(effect))
      if (effect.type !== "fold" || this.#held.has(effect.device)) continue
      const ok = !this.#refused.has(effect.device)
      this.#step({ type: "folded", nowMs: event.nowMs, device: effect.device, ok }, words)
    }
  }
}

export function play(settings: Partial<RoundSettings>, script: string): string[] {
  return new Play(settings).run(script)
}

/** Three of three devices, two are enough to commit; no statistics, no evaluation. */
export const SETTINGS: RoundSettings = {
  seed: 1,
  cohort: 3,
  overSelect: 1,
  sampling: "uniform",
  mode: "sync",
  weightCap: 65536,
  minimumSamples: 1,
  pool: Infinity,
  minimumToStart: 2,
  minimumToCommit: 2,
  selectTimeoutMs: 1000,
  settleMs: 50,
  reportTimeoutMs: 500,
  evaluateTimeoutMs: 300,
  finishMs: 100,
  rounds: 2,
  statistics: false,
  evaluateEvery: 0,
}

function word(effect: RoundEffect): string {
  switch (effect.type) {
    case "begin":
      return `begin ${effect.kind} ${effect.devices.join(",")}`
    case "join":
      return `join ${effect.devices.join(",")}`
    case "fold":
      return effect.staleness === 0 ? `fold ${effect.device}` : `fold ${effect.device} -${effect.staleness}`
    case "receipt":
      return `${effect.status} ${effect.device}${effect.into === undefined ? "" : ` ${effect.into.round}/${effect.into.epoch}`}`
    case "wait":
      return effect.devices.map(({ device, seconds }) => `wait ${device} ${seconds}`).join("; ")
    case "commit":
      return `commit ${effect.kind}`
    case "abandoned":
      return `abandoned ${effect.folded}<${effect.needed}`
    case "waiting":
      return `waiting ${effect.ready}<${effect.needed}`
    default:
      return effect.type
  }
}
