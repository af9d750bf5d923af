import { FedmoteError } from "../../core/error.ts"
import type { TrustedKeys } from "../../net/signature.ts"
import { chunkCount } from "../../wire/manifest.ts"
import type { Manifest } from "../../wire/manifest.ts"
import type { DeviceLog } from "../event.ts"
import { sameBytes } from "../model-bytes.ts"
import { openManifest } from "./manifest-check.ts"
import { checkModule } from "./module-check.ts"
import { Refusal, reasonOf } from "./refusal.ts"
import { IDLE, parseSlotState, slotStateBytes } from "./slot-state.ts"
import type { Active, FlashReport, Kept, SlotState } from "./slot-state.ts"
import type { Side, SlotStore } from "./slot-store.ts"

/** A module whose bytes are whole, and its manifest signed by a trusted key. */
export interface VerifiedModule {
  readonly manifest: Manifest
  readonly bytes: Uint8Array
}

/** A download's progress is made durable so many times at most, however many chunks there are. */
const MOST_SAVES = 64

/**
 * A module slot as a transaction over its store: what runs, what ran before, what is on its way. Every method leaves one state or the other, wherever the
 * power fails; the module that runs was verified whole, when it was opened and when it was switched to.
 */
export class Slot {
  readonly #store: SlotStore
  readonly #trusted: TrustedKeys
  readonly #log: Pick<DeviceLog, "warn">
  #state: SlotState
  #running: VerifiedModule | undefined
  /** Chunks that are written but not durable yet. */
  #unsaved: number[] = []

  /**
   * Opens what the store has. A module that is damaged, or whose key is not trusted any more, gives way to the one before it, or to the built-in kernels.
   * Throws `FedmoteError` ("state": another slot's store or a damaged state; "store").
   */
  constructor(name: string, store: SlotStore, trusted: TrustedKeys, log: Pick<DeviceLog, "warn">) {
    this.#log = log
    this.#store = store
    this.#trusted = trusted
    const saved = store.load()
    this.#state = saved === undefined ? { slot: name, highest: 0, report: IDLE } : parseSlotState(saved)
    if (this.#state.slot !== name)
      throw new FedmoteError("state", `expected the modules of slot ${name}, got those of ${this.#state.slot}`)
    this.#start()
  }

  get state(): SlotState {
    return this.#state
  }

  /** The module that runs; undefined for the built-in kernels. */
  get running(): VerifiedModule | undefined {
    return this.#running
  }

  /** Its sequence; 0 for the built-in kernels. */
  get active(): number {
    return this.#state.active?.sequence ?? 0
  }

  /** Bytes that there is room for. */
  get room(): number {
    return this.#store.room(this.#inactive)
  }

  report(report: FlashReport): void {
    this.#settle({ ...this.#state, report })
  }

  /** Begins a download, or goes on with it: the chunks that are missing. What ran before is lost with the first of them. */
  begin(envelope: Uint8Array, manifest: Manifest): number[] {
    const { download, previous, ...rest } = this.#state
    const { sequence } = manifest
    const report: FlashReport = { target: sequence, state: "loading", reason: "", losses: [] }
    const goesOn = download !== undefined && sameBytes(download.envelope, envelope)
    const received = goesOn ? download.received : new Uint8Array(Math.ceil(chunkCount(manifest) / 8))
    const side = this.#inactive
    const overwritten = typeof previous === "object" && previous.side === side
    this.#unsaved = []
    this.#save({
      ...rest,
      ...(previous !== undefined && !overwritten && { previous }),
      download: { side, sequence, envelope, received },
      report,
    })
    if (received.every((byte) => byte === 0)) this.#store.erase(side)
    return Array.from({ length: chunkCount(manifest) }, (_, i) => i).filter((i) => !hasBit(received, i))
  }

  /** Puts a chunk of the download into its place. */
  put(index: number, payload: Uint8Array, manifest: Manifest): void {
    this.#store.write(this.#inactive, index * manifest.chunkBytes, payload)
    this.#unsaved.push(index)
    if (this.#unsaved.length >= Math.ceil(chunkCount(manifest) / MOST_SAVES)) this.#keepProgress()
  }

  /** What has come, if it is what the manifest describes. Throws `Refusal`. */
  arrived(manifest: Manifest): Uint8Array {
    this.#keepProgress()
    const bytes = this.#store.read(this.#inactive)
    checkModule(bytes, manifest)
    return bytes!
  }

  /** Gives up the download. */
  drop(report: FlashReport): void {
    const { download: _, ...rest } = this.#state
    this.#unsaved = []
    this.#settle({ ...rest, report })
  }

  /** The download is what runs from now on, not confirmed yet; what ran before stays. Its sequence is never taken again. */
  switch(module: VerifiedModule): void {
    const { download, active, ...rest } = this.#state
    const { side, sequence, envelope } = download!
    this.#save({
      ...rest,
      highest: sequence,
      active: { side, sequence, envelope, confirmed: false, trials: 0 },
      previous: active === undefined ? "built-in" : keptOf(active),
      report: { target: sequence, state: "installed", reason: "", losses: [] },
    })
    this.#running = module
  }

  /** Counts the trials of the module that runs. */
  tried(trials: number): void {
    this.#save({ ...this.#state, active: { ...this.#state.active!, trials } })
  }

  confirm(losses: readonly number[]): void {
    const active = { ...this.#state.active!, confirmed: true }
    this.#settle({
      ...this.#state,
      active,
      report: { target: active.sequence, state: "confirmed", reason: "", losses },
    })
  }

  /** What ran before, if it is kept and whole; undefined for the built-in kernels. */
  before(): VerifiedModule | undefined {
    const { previous } = this.#state
    return typeof previous === "object" ? this.#verified(previous).module : undefined
  }

  /** What ran before runs again: the built-in kernels, where it is damaged. */
  back(report: FlashReport): void {
    this.#runInstead(this.before(), report)
  }

  get #inactive(): Side {
    const { active, download } = this.#state
    return download?.side ?? (active?.side === "a" ? "b" : "a")
  }

  #start(): void {
    const { active, highest } = this.#state
    if (active === undefined) return
    const found = this.#verified(active)
    if (found.module !== undefined) {
      this.#running = found.module
      return
    }
    const reason = reasonOf({
      ...found.refusal,
      message: `module ${active.sequence} cannot run any more: ${found.refusal.message}`,
    })
    // It may be sent again.
    this.#state = { ...this.#state, highest: Math.min(highest, active.sequence - 1) }
    this.#runInstead(this.before(), { ...IDLE, reason })
  }

  #runInstead(module: VerifiedModule | undefined, report: FlashReport): void {
    const { active: _, previous, ...rest } = this.#state
    const kept = module && (previous as Kept)
    this.#running = module
    this.#settle({ ...rest, ...(kept && { active: { ...kept, confirmed: true, trials: 0 } }), report })
  }

  #verified(
    kept: Kept,
  ): { readonly module: VerifiedModule } | { readonly module: undefined; readonly refusal: Refusal } {
    try {
      const manifest = openManifest(kept.envelope, this.#trusted)
      const bytes = this.#store.read(kept.side)
      checkModule(bytes, manifest)
      return { module: { manifest, bytes: bytes! } }
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      return { module: undefined, refusal: error }
    }
  }

  #keepProgress(): void {
    const { download } = this.#state
    if (download === undefined || this.#unsaved.length === 0) return
    this.#store.sync(download.side)
    const received = download.received.slice()
    for (const index of this.#unsaved) received[index >> 3]! |= 1 << (index & 7)
    this.#unsaved = []
    this.#save({ ...this.#state, download: { ...download, received } })
  }

  /** First durable, then true. */
  #save(state: SlotState): void {
    this.#store.save(slotStateBytes(state))
    this.#state = state
  }

  /** True whether it can be made durable or not: what is forgotten with the power is done again. */
  #settle(state: SlotState): void {
    this.#state = state
    try {
      this.#store.save(slotStateBytes(state))
    } catch (error) {
      this.#log.warn(`what became of module ${state.report.target} is not kept over a restart: ${String(error)}`)
    }
  }
}

function keptOf({ side, sequence, envelope }: Active): Kept {
  return { side, sequence, envelope }
}

function hasBit(bits: Uint8Array, index: number): boolean {
  return ((bits[index >> 3]! >> (index & 7)) & 1) !== 0
}
