import { FedmoteError } from "../core/error.ts"
import type { Notice, WireTraining } from "../wire/message.ts"
import type { DeviceLog } from "./event.ts"
import { firstKept, residualOf } from "./kept.ts"
import type { KeptLayout } from "./kept.ts"
import { parseState, stateBytes } from "./keeping-bytes.ts"
import type { KeptState, Pending } from "./keeping-bytes.ts"

/** Where a device's state survives a restart: flash, a file. Both are called at once, and an error ends the device. */
export interface DeviceMemory {
  /** What was saved last; undefined the first time. */
  load(): Uint8Array | undefined
  /** To replace what was saved before whole, or not at all. `bytes` are the callee's. */
  save(bytes: Uint8Array): void
}

export interface KeepingOptions {
  readonly fleet: string
  readonly id: string
  readonly memory: DeviceMemory | undefined
  readonly log: DeviceLog
}

/** What is kept, of which model, and how it is laid out. */
type Held = Omit<KeptState, "fleet" | "device" | "pending">

/**
 * What a device keeps to itself between rounds, as a transaction: what a round's training made of it counts from the moment when a Notice says
 * that the round was committed, if a receipt has said before that this device's update was in it. Otherwise all is as if the round had
 * never been: nothing of the error is lost or sent twice, and whoever knows which updates were folded can do it all again (a replay).
 */
export class Keeping {
  readonly #options: KeepingOptions
  #held: Held | undefined
  /** `before`: what is kept if this is the device's first round. */
  #pending: (Pending & { folded: boolean; readonly before?: Held }) | undefined

  /** Throws `FedmoteError` ("state") where the memory holds no state, a damaged one, or another device's. */
  constructor(options: KeepingOptions) {
    const { fleet, id, memory } = options
    this.#options = options
    const bytes = memory?.load()
    if (bytes === undefined) return
    const state = parseState(bytes)
    if (state.fleet !== fleet || state.device !== id)
      throw new FedmoteError(
        "state",
        `expected the state of device ${id} of fleet ${fleet}, got that of ${state.device} of ${state.fleet}`,
      )
    const { pending, ...held } = state
    this.#held = held
    this.#pending = pending && { ...pending, folded: true }
  }

  /**
   * The federation's model. What is kept of another is forgotten; where it lies in a memory, `FedmoteError` ("state") is thrown instead: it might
   * be wanted again.
   */
  use(model: string, layout: KeptLayout): void {
    const held = this.#held
    if (layout.size === 0 || held === undefined) return
    if (held.model !== model) return this.#forget(held.model, model)
    if (held.own === layout.parts.ownSize && held.residual === layout.residualSize) return
    // Error feedback was switched on or off.
    const pending = this.#pending
    this.#held = fitted(held, held.values, layout)
    if (pending !== undefined) this.#pending = { ...pending, values: fitted(held, pending.values, layout).values }
  }

  #forget(have: string, want: string): void {
    const { memory, log } = this.#options
    if (memory !== undefined)
      throw new FedmoteError("state", `expected the state of a model of ${want}, got that of another: ${have}`)
    log.warn("the federation has another model: private layers and the error that is kept begin anew")
    this.#held = undefined
    this.#pending = undefined
  }

  /** A copy of what is kept for the model that was named last; before the first round, what the model itself has. */
  current(layout: KeptLayout, parameters: Float32Array): Float32Array {
    return layout.size > 0 && this.#held !== undefined ? this.#held.values.slice() : firstKept(layout, parameters)
  }

  /** What a round's training made of `before`, which was current: for the moment when the round is committed. Takes both. */
  propose(
    model: string,
    layout: KeptLayout,
    { round, epoch }: { readonly round: number; readonly epoch: number },
    before: Float32Array,
    values: Float32Array,
  ): void {
    if (layout.size === 0) return
    const sizes = { own: layout.parts.ownSize, residual: layout.residualSize }
    this.#pending = { round, epoch, values, folded: false, before: { model, ...sizes, values: before } }
  }

  /** A receipt has said that the update of this round was folded. */
  folded({ round, epoch }: { readonly round: number; readonly epoch: number }): void {
    const pending = this.#pending
    if (pending === undefined || pending.folded || pending.round !== round || pending.epoch !== epoch) return
    pending.folded = true
    this.#held ??= pending.before
    // Whoever is switched off now shall know later what to look for in the Notice.
    this.#save()
  }

  /** What a Notice means for the round that is waited for. */
  settle({ round, epoch, committed }: Notice): void {
    const pending = this.#pending
    if (pending === undefined) return
    const covered = covers(committed, pending)
    if (!covered && round === pending.round && epoch === pending.epoch) return
    this.#pending = undefined
    if (!pending.folded) return
    if (covered) this.#held = { ...this.#held!, values: pending.values }
    this.#save()
  }

  #save(): void {
    const { fleet, id, memory } = this.#options
    if (memory === undefined || this.#held === undefined) return
    memory.save(stateBytes({ ...this.#held, fleet, device: id, pending: this.#pending }))
  }
}

/** Whether a Notice's last commit has what was folded in this round and epoch. */
export function covers(
  committed: Notice["committed"],
  { round, epoch }: { readonly round: number; readonly epoch: number },
): boolean {
  // The same round of another epoch was tried again, without it. A later round of another epoch most likely came after its commit.
  return (
    committed !== undefined && (committed.round > round || (committed.round === round && committed.epoch === epoch))
  )
}

/** Values under a layout that has an error where there was none, or none where there was one. */
function fitted({ model, own, residual }: Held, values: Float32Array, layout: KeptLayout): Held {
  const { ownSize } = layout.parts
  const { residualSize } = layout
  if (own !== ownSize || (residual > 0 && residualSize > 0 && residual !== residualSize))
    throw new FedmoteError(
      "state",
      `expected a state of ${ownSize} private parameters and an error of ${residualSize}, got ${own} and ${residual}`,
    )
  const kept = new Float32Array(layout.size)
  kept.set(values.subarray(0, ownSize))
  if (residual === residualSize) residualOf(layout, kept).set(values.subarray(ownSize))
  return { model, own, residual: residualSize, values: kept }
}

/** A model in words, as states name it. */
export function describeModel({ inputs, layers, loss, trained, shared }: WireTraining, parameters: number): string {
  const range = (name: string, { from, to }: { readonly from: number; readonly to: number }): string =>
    `${name} layers ${from} to ${to - 1}`
  const each = layers.map((layer) => {
    switch (layer.kind) {
      case "dense":
        return `dense ${layer.units} ${layer.activation}`
      case "conv1d": {
        const { filters, width, stride, channels, activation } = layer
        return `conv1d ${filters} x ${width} x ${channels} by ${stride} ${activation}`
      }
      case "pool":
        return `${layer.mode} pool ${layer.width} x ${layer.channels}`
    }
  })
  return [
    `${inputs} features`,
    ...each,
    loss,
    `${parameters} parameters`,
    ...(trained ? [range("trained", trained)] : []),
    ...(shared ? [range("shared", shared)] : []),
  ].join(", ")
}
