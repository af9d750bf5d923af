import { FedmoteError } from "../../core/error.ts"
import type { Clock } from "../../net/clock.ts"
import type { Link } from "../../net/link.ts"
import type { TrustedKeys } from "../../net/signature.ts"
import type { Flash, Notice } from "../../wire/message.ts"
import type { Topics } from "../../wire/topics.ts"
import type { DeviceEvent, DeviceLog, FlashStage } from "../event.ts"
import { orAborted } from "../timers.ts"
import type { Workbench } from "../workbench.ts"
import { ActiveProgram } from "./active-program.ts"
import { FlashVoice } from "./flash-voice.ts"
import { loadModule } from "./loader.ts"
import { staleSequence } from "./manifest-check.ts"
import type { FlashLimits } from "./manifest-check.ts"
import { Refusal, faultOf, reasonOf } from "./refusal.ts"
import type { Slot } from "./slot.ts"
import type { Active, FlashReport } from "./slot-state.ts"
import type { PullModel } from "./trial-basis.ts"
import { Trials } from "./trials.ts"

export interface FlasherOptions {
  readonly slot: Slot
  readonly trusted: TrustedKeys
  readonly tags: readonly string[]
  readonly limits: FlashLimits
  /** Seconds since 1970. */
  readonly now: () => number
  readonly link: Link
  readonly topics: Topics
  readonly clock: Clock
  readonly id: string
  readonly session: number
  readonly maxPacketBytes: number
  readonly bench: Workbench
  readonly log: DeviceLog
  readonly emit: (event: DeviceEvent) => void
  /** Settles when no round is worked on. */
  readonly idle: () => Promise<void>
  readonly pull: PullModel
  /** Another program trains from now on, and has been tried. */
  readonly onReady: () => void
}

/** What is going on: a load or a trial, one at a time. */
interface Going {
  readonly sequence: number
  readonly abort: AbortController
}

/**
 * A device's module slot, as the coordinator flashes it: takes what it is told to after all checks, tries it between rounds, goes back by itself or as told, and
 * says where it is. Nothing that a module does or is ends the device.
 */
export class Flasher {
  readonly #options: FlasherOptions
  readonly #slot: Slot
  readonly #voice: FlashVoice
  readonly #trials: Trials
  readonly #closing = new AbortController()
  readonly #active: ActiveProgram
  /** What is to be done: the sequence to load, and the one to go back from. */
  #wanted: number | undefined
  #unwanted: number | undefined
  #going: Going | undefined
  #working: Promise<void> | undefined

  constructor(options: FlasherOptions) {
    this.#options = options
    this.#slot = options.slot
    this.#voice = new FlashVoice(options)
    this.#wanted = this.#slot.state.download?.sequence
    this.#active = new ActiveProgram(options.bench, options.limits.stepMs)
    this.#trials = new Trials({ ...options, active: this.#active, onStage: this.#stage })
    this.#active.use(this.#slot.running)
    this.#work()
  }

  /** Whether a round that this Notice describes is one for the module that trains here. */
  fits({ module }: Pick<Notice, "module">): boolean {
    const { active, slot } = this.#slot.state
    if (active?.confirmed === false) return false
    const { sequence = 0 } = module ?? {}
    return sequence === this.#slot.active && (sequence === 0 || module?.slot === slot)
  }

  /** Says where the slot is. */
  say(): void {
    this.#voice.say()
  }

  hear({ action, slot, sequence }: Flash): void {
    if (slot !== this.#slot.state.slot) return this.#voice.say()
    if (action === "install") this.#install(sequence)
    else this.#revert(sequence)
  }

  /** The latest Notice: what a trial trains by. */
  heard(notice: Notice): void {
    this.#trials.heard(notice)
  }

  /** A round's work with the module that trains has failed, or has gone well. */
  worked(error: Error | undefined): void {
    const { target, state, losses } = this.#slot.state.report
    if (target !== this.#slot.active || (state !== "confirmed" && state !== "failing")) return
    const fault = error && faultOf(error)
    if (fault !== undefined) this.#voice.report({ target, state: "failing", reason: reasonOf(fault), losses })
    else if (error === undefined && state === "failing")
      this.#voice.report({ target, state: "confirmed", reason: "", losses })
  }

  /** The device has opted out: nothing is retained of it. Rejects with `LinkError`. */
  async farewell(): Promise<void> {
    await this.stop()
    const { link, topics, id } = this.#options
    await link.publish(topics.flashed(id), new Uint8Array(0), { retain: true })
  }

  /** Settles when nothing pulls a model for a trial any more. */
  rest(): Promise<void> {
    return this.#trials.rest()
  }

  /** Ends what is going on; a download and a trial go on after the next start. */
  async stop(): Promise<void> {
    this.#closing.abort(new FedmoteError("closed", "the device has left"))
    await this.#working
  }

  /** Ends the module's thread, too. */
  async close(): Promise<void> {
    await this.stop()
    await this.#active.rest()
  }

  #install(sequence: number): void {
    const { report, active, highest } = this.#slot.state
    if (sequence === this.#wanted || (sequence === report.target && report.state !== "refused"))
      return this.#voice.say()
    if (sequence === active?.sequence) {
      const state = active.confirmed ? "confirmed" : "installed"
      return this.#voice.report({ target: sequence, state, reason: "", losses: [] })
    }
    if (sequence <= highest) {
      // A message that was late costs nothing of what is on its way.
      if (this.#wanted !== undefined) return this.#voice.say()
      const reason = reasonOf(staleSequence(sequence, highest))
      return this.#voice.report({ target: sequence, state: "refused", reason, losses: [] })
    }
    this.#wanted = sequence
    this.#unwanted = undefined
    // A load gives way to the newer one, a trial is brought to its end.
    if (this.#going?.sequence !== this.#slot.active) this.#interrupt(`module ${sequence} is to be taken instead`)
    this.#work()
  }

  #revert(sequence: number): void {
    const { download } = this.#slot.state
    if (![this.#wanted, download?.sequence, this.#slot.active].includes(sequence)) return this.#voice.say()
    if (this.#wanted === sequence) this.#wanted = undefined
    this.#unwanted = sequence
    // What it was about goes on afterwards, unless it was this.
    this.#interrupt("told to go back")
    this.#work()
  }

  #interrupt(why: string): void {
    this.#going?.abort.abort(new FedmoteError("interrupted", why))
  }

  #work(): void {
    const { log } = this.#options
    this.#working ??= this.#loop().catch((error: unknown) =>
      log.warn(`modules are not taken any more: ${String(error)}`),
    )
  }

  async #loop(): Promise<void> {
    // Whoever has called is not to be overtaken.
    await Promise.resolve()
    for (;;) {
      const { active } = this.#slot.state
      if (this.#closing.signal.aborted) return
      if (this.#unwanted !== undefined) await this.#goBack(this.#unwanted)
      else if (active?.confirmed === false) await this.#go(active.sequence, (signal) => this.#try(active, signal))
      else if (this.#wanted !== undefined) await this.#go(this.#wanted, (signal) => this.#load(this.#wanted!, signal))
      else {
        this.#working = undefined
        return
      }
    }
  }

  /** Does something until it is done, fails or is interrupted. */
  async #go(sequence: number, work: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const abort = new AbortController()
    const signal = AbortSignal.any([abort.signal, this.#closing.signal])
    this.#going = { sequence, abort }
    try {
      await work(signal)
    } catch (error) {
      if (!signal.aborted) this.#failed(sequence, refusalOf(error))
    } finally {
      this.#going = undefined
    }
  }

  #failed(sequence: number, refusal: Refusal): void {
    const reason = reasonOf(refusal)
    if (this.#wanted === sequence) this.#wanted = undefined
    if (this.#slot.active === sequence) this.#backTo({ target: sequence, state: "rolledBack", reason, losses: [] })
    else {
      this.#slot.drop({ target: sequence, state: "refused", reason, losses: [] })
      this.#voice.changed()
    }
  }

  async #load(sequence: number, signal: AbortSignal): Promise<void> {
    const { idle } = this.#options
    const module = await loadModule(
      sequence,
      { ...this.#options, onBegun: () => this.#voice.changed(), onStage: this.#stage },
      signal,
    )
    await orAborted(idle(), signal)
    this.#slot.switch(module)
    this.#wanted = undefined
    this.#active.use(module)
    this.#stage("switched", sequence)
    this.#voice.changed()
  }

  async #try(active: Active, signal: AbortSignal): Promise<void> {
    await this.#trials.run(active, signal)
    this.#voice.changed()
    this.#options.onReady()
  }

  async #goBack(sequence: number): Promise<void> {
    const report: FlashReport = { target: sequence, state: "reverted", reason: TOLD, losses: [] }
    await orAborted(this.#options.idle(), this.#closing.signal).catch(() => undefined)
    if (this.#unwanted !== sequence || this.#closing.signal.aborted) return
    this.#unwanted = undefined
    if (sequence !== this.#slot.active) {
      this.#slot.drop(report)
      return this.#voice.changed()
    }
    if (this.#slot.state.previous !== undefined && sequence > this.#trials.least) return this.#backTo(report)
    this.#options.log.warn(`told to go back from module ${sequence}, but what ran before it is not kept`)
    this.#voice.say()
  }

  #backTo(report: FlashReport): void {
    this.#slot.back(report)
    this.#active.use(this.#slot.running)
    this.#voice.changed()
    this.#options.onReady()
  }

  readonly #stage = (stage: FlashStage, sequence: number, chunk?: number): void => {
    this.#options.emit({ type: "flash", sequence, stage, ...(chunk !== undefined && { chunk }) })
  }
}

const TOLD = "told: by the coordinator"

function refusalOf(error: unknown): Refusal {
  if (error instanceof Refusal) return error
  const message = error instanceof Error ? error.message : String(error)
  return new Refusal(error instanceof FedmoteError && error.code === "store" ? "space" : "module", message, {
    cause: error,
  })
}
