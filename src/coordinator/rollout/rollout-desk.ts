import { FedmoteError } from "../../core/error.ts"
import type { Rollout, RolloutEvent } from "../../core/rollout.ts"
import type { Clock } from "../../net/clock.ts"
import { hex } from "../../net/digest.ts"
import { LinkError } from "../../net/link.ts"
import type { Link } from "../../net/link.ts"
import type { TrustedKeys } from "../../net/signature.ts"
import { encode } from "../../wire/codec.ts"
import { decodeEnvelope } from "../../wire/manifest.ts"
import type { Flashed, Hello } from "../../wire/message.ts"
import type { Order } from "../../wire/order.ts"
import type { Topics } from "../../wire/topics.ts"
import type { Complaints, CoordinatorLog } from "../log.ts"
import type { ModuleGate } from "./gate.ts"
import { takeModule } from "./module-intake.ts"
import { ModuleShelf } from "./module-shelf.ts"
import { OrderDesk } from "./order-desk.ts"
import { checkTags, plannedRollout } from "./planned.ts"
import type { RolloutFleet } from "./planned.ts"
import type { RolloutBook } from "./rollout-book.ts"
import { sameReport, standingOf } from "./standing.ts"
import type { ModuleReport } from "./standing.ts"
import { dueOf } from "./due.ts"
import { rolloutFacts } from "./facts.ts"
import { ROLLOUT_SCHEMA } from "./status.ts"
import type { RolloutFacts, RolloutStatus } from "./status.ts"

export interface RolloutDeskOptions {
  readonly link: Link
  readonly topics: Topics
  readonly clock: Clock
  /** Seconds since 1970. */
  readonly nowSeconds: () => number
  readonly gate: ModuleGate
  readonly book: RolloutBook
  readonly trusted: TrustedKeys | undefined
  readonly keyOf: RolloutFleet["keyOf"]
  readonly hasTag: RolloutFleet["hasTag"]
  readonly log: CoordinatorLog
  readonly complaints: Complaints
  /** What a device trains with has changed. */
  readonly onSwitched: (device: string) => void
  readonly onError: (error: unknown) => void
}

/** What devices report is written down, and told to operators, so soon. */
const WRITE_MS = 50
/** And for each device so much later: all of them are written each time. */
const WRITE_MS_PER_DEVICE = 0.05
const STATUS_MS = 250
/** Whoever has not answered is told again, and after so many times modules are published again, which a broker might have lost. */
const AGAIN_MS = 30_000
/** Whoever says the same again is told once more, as it may have been away; no more for now, as it does so, too, where it cannot do what it is told. */
const MOST_TIMES = 2
const PUBLISH_EVERY = 20

/** Brings modules to devices: hears orders and reports, tells each device what to do until it has done it, and writes down what happens. */
export class RolloutDesk {
  readonly #options: RolloutDeskOptions
  readonly #orders: OrderDesk
  readonly #shelf: ModuleShelf
  /** Of the devices that can be flashed. */
  readonly #reports = new Map<string, ModuleReport>()
  /** How often devices were told what is due, and have said nothing new since. */
  readonly #told = new Map<string, number>()
  /** Whether the settled module is for this device. */
  #isSettledFor: (device: string) => boolean
  readonly #closing = new AbortController()
  #cancelWrite: (() => void) | undefined
  #cancelStatus: (() => void) | undefined
  #cancelAgain: () => void = () => {}
  #rounds = 0

  constructor(options: RolloutDeskOptions) {
    this.#options = options
    const { link, topics, gate, book, trusted, nowSeconds } = options
    this.#isSettledFor = this.#settledFilter()
    this.#shelf = new ModuleShelf({ link, topics })
    this.#orders = new OrderDesk({
      slot: gate.slot,
      trusted,
      nowSeconds,
      obeyed: () => book.orders,
      perform: (order, keyId) => this.#perform(order, keyId),
      answer: (answer) => this.#say(topics.answer(gate.slot), answer),
      refused: (order, keyId, reason) => this.#refused(order, keyId, reason),
    })
  }

  start(): void {
    const { book, gate, log } = this.#options
    const { slot, asked } = gate
    if (asked > book.settled && book.rollout?.isOpen !== true)
      log.warn({ slot, sequence: asked }, "the plan asks for a module that has not been published yet")
    this.#publish()
    this.#cancelAgain()
    this.#again()
    this.#scheduleStatus()
  }

  /** The connection is back: what the broker had, and what was said last, may be lost. */
  reconnected(): void {
    this.#publish()
    this.#tellAll()
  }

  close(): void {
    this.#closing.abort(new FedmoteError("closed", "the coordinator has left"))
    this.#cancelAgain()
    this.#cancelStatus?.()
    this.#write()
  }

  /** An operator's order, signed. Resolves when it is answered. */
  order(slot: string, envelope: Uint8Array): Promise<void> {
    return this.#orders.take(slot, envelope)
  }

  /** Where a device's slot is; undefined: it has left for good. */
  flashed(device: string, message: Flashed | undefined): void {
    const { gate, complaints } = this.#options
    if (message !== undefined && message.slot !== gate.slot) {
      complaints.about(device, "device has another module slot", { slot: message.slot, expected: gate.slot })
      return
    }
    const before = gate.activeOf(device)
    const active = message?.active ?? 0
    gate.runs(device, active)
    if (message === undefined) this.#reports.delete(device)
    else this.#hear(device, message)
    if (before !== active) this.#options.onSwitched(device)
    this.#scheduleStatus()
  }

  /** A device has said Hello. What another life of it has said of modules, which the broker still has, says nothing of this one. */
  introduced(device: string, { session }: Pick<Hello, "session">): void {
    const report = this.#reports.get(device)
    if (report !== undefined && report.session !== session) this.flashed(device, undefined)
  }

  #hear(device: string, message: Flashed): void {
    const { session, active, target, state } = message
    const report = { session, active, target, state }
    if (!sameReport(this.#reports.get(device), report)) this.#told.delete(device)
    this.#reports.set(device, report)
    const { rollout } = this.#options.book
    const standing = rollout && standingOf(message, rollout.settings.sequence)
    const told = standing !== undefined && this.#do((events) => rollout!.report(device, standing, events))
    if (!told) this.#tell(device)
  }

  async #perform(order: Order, keyId: string): Promise<RolloutFacts> {
    const { book } = this.#options
    if (!book.canWrite)
      throw new FedmoteError(
        "no-journal",
        "a coordinator without --data-dir rolls nothing out: it could not go on with it",
      )
    if (order.action === "start") return this.#begin(order, keyId)
    if (order.action === "plan") return rolloutFacts(this.#planned(order, []), keyId, true)
    const { rollout } = book
    if (rollout === undefined || rollout.settings.sequence !== order.sequence)
      throw new FedmoteError(
        "rollout",
        `expected an order about ${rollout === undefined ? "nothing, there is no rollout" : `module ${rollout.settings.sequence}`}, got one about ${order.sequence}`,
      )
    const action = order.action
    this.#do((events) => {
      rollout[action](events)
      this.#obeyed(order, keyId, {})
    })
    return rolloutFacts(rollout, book.keyId)
  }

  async #begin(order: Order, keyId: string): Promise<RolloutFacts> {
    const { link, topics, clock, trusted, gate, book, nowSeconds } = this.#options
    this.#planned(order, [])
    const module = await takeModule(order.sequence, trusted!, nowSeconds(), {
      ...{ link, topics, clock, slot: gate.slot },
      signal: this.#closing.signal,
    })
    checkTags(module.manifest, order)
    // Another coordinator may write the log by now.
    this.#closing.signal.throwIfAborted()
    let rollout: Rollout | undefined
    this.#do((events) => {
      rollout = this.#planned(order, events)
      book.begin(rollout, module, keyId)
      const { digest, sizeBytes } = module.manifest
      const signedBy = hex(decodeEnvelope(module.envelope).keyId)
      this.#obeyed(order, keyId, { signedBy, digest: hex(digest), sizeBytes, ...rollout.settings })
    })
    return rolloutFacts(rollout!, keyId, true)
  }

  #planned(order: Order, events: RolloutEvent[]): Rollout {
    const { book, keyOf, hasTag } = this.#options
    return plannedRollout(order, book, { devices: this.#reports.keys(), keyOf, hasTag }, events)
  }

  #obeyed(order: Order, keyId: string, facts: object): void {
    const { book, log } = this.#options
    const { action, slot, sequence } = order
    book.obey(order)
    book.note({ event: "order", action, slot, sequence, keyId, issued: order.issued, nonce: order.nonce, ...facts })
    log.info({ action, slot, sequence, keyId }, "order about a module")
  }

  #refused({ action, slot, sequence }: Order, keyId: string, reason: string): void {
    const { book, log } = this.#options
    log.warn({ action, slot, sequence, keyId, reason }, "order about a module refused")
    book.note({ event: "order-refused", action, slot, sequence, keyId, reason })
    this.#scheduleWrite()
  }

  /** Does something to the rollout, writes down what came of it, and only then lets anybody know. Whether every device was told. */
  #do(work: (events: RolloutEvent[]) => void): boolean {
    const events: RolloutEvent[] = []
    work(events)
    const { book } = this.#options
    const sequence = book.rollout!.settings.sequence
    for (const event of events) this.#happened(sequence, event)
    const reached = events.filter(({ type }) => type !== "confirmed" && type !== "failed")
    if (reached.length === 0) {
      if (events.length > 0) this.#scheduleWrite()
      return false
    }
    if (!this.#write())
      throw new FedmoteError(
        "journal",
        "what has happened could not be written down: nobody is told, the coordinator ends",
      )
    this.#scheduleStatus()
    if (book.rollout!.isUndone) this.#takeAway(sequence)
    this.#tellAll()
    return true
  }

  #happened(sequence: number, event: RolloutEvent): void {
    const { book, log } = this.#options
    const { type, ...facts } = event
    book.note({ event: type, sequence, ...facts })
    if (event.type === "stage") log.info({ sequence, stage: event.stage + 1, devices: event.devices.length }, "stage")
    else if (event.type === "halted" || event.type === "failed") log.warn({ sequence, ...facts }, `module ${type}`)
    else log.info({ sequence, ...facts }, `module ${type}`)
    if (event.type === "complete") this.#settle(sequence)
  }

  #settle(sequence: number): void {
    const { book, gate } = this.#options
    const before = book.settled
    book.settle(sequence, book.rollout!.settings.tag)
    this.#isSettledFor = this.#settledFilter()
    gate.settle(sequence)
    if (before > 0) this.#takeAway(before)
  }

  #settledFilter(): (device: string) => boolean {
    const { book, hasTag } = this.#options
    const { settledTag: tag } = book
    if (tag === undefined) return () => true
    try {
      return hasTag(tag)
    } catch (error) {
      // This federation's plan gives the tag to no device.
      if (error instanceof FedmoteError && error.code === "tag") return () => false
      throw error
    }
  }

  /** Nobody is to have this module. It is kept until the broker has nothing of it. */
  #takeAway(sequence: number): void {
    const { book } = this.#options
    const module = book.module(sequence)
    if (module !== undefined) this.#inBackground(this.#shelf.clear(module).then(() => book.drop(sequence)))
  }

  /** `again`: who could not take the settled module may try again. */
  #tellAll(again = false): void {
    this.#told.clear()
    for (const device of this.#reports.keys()) this.#tell(device, again)
  }

  /** What a device has to do now, if it has not done it. */
  #tell(device: string, again = false): void {
    const report = this.#reports.get(device)
    const told = this.#told.get(device) ?? 0
    if (report === undefined || told === MOST_TIMES) return
    const { book } = this.#options
    const settled = this.#isSettledFor(device) ? book.settled : 0
    const { rollout } = book
    const flash = dueOf(device, report, { rollout, settled, isUndone: (sequence) => book.isUndone(sequence) }, again)
    if (flash === undefined) return
    this.#told.set(device, told + 1)
    const { link, topics, gate } = this.#options
    this.#inBackground(link.publish(topics.flash(device), encode({ type: "flash", slot: gate.slot, ...flash })))
  }

  #again(): void {
    this.#cancelAgain = this.#options.clock.after(AGAIN_MS, () => {
      if (++this.#rounds % PUBLISH_EVERY === 0) this.#publish()
      this.#tellAll(true)
      this.#again()
    })
  }

  /** Brings the modules that devices may need to the broker again, and takes the others away. */
  #publish(): void {
    const { book } = this.#options
    const { rollout, settled } = book
    for (const sequence of book.kept) {
      const isWanted = sequence === settled || (rollout?.isOpen === true && sequence === rollout.settings.sequence)
      if (isWanted) this.#inBackground(this.#shelf.put(book.module(sequence)!))
      else this.#takeAway(sequence)
    }
  }

  #scheduleWrite(): void {
    if (this.#closing.signal.aborted) return
    const delayMs = WRITE_MS + Math.ceil(WRITE_MS_PER_DEVICE * this.#reports.size)
    this.#cancelWrite ??= this.#options.clock.after(delayMs, () => this.#write())
  }

  /** Whether all that has happened is durable. Where it is not, the coordinator ends. */
  #write(): boolean {
    this.#cancelWrite?.()
    this.#cancelWrite = undefined
    try {
      this.#options.book.flush()
      return true
    } catch (error) {
      this.#options.onError(error)
      return false
    }
  }

  #scheduleStatus(): void {
    // A fleet without modules has nothing to say about them.
    const { trusted, book, gate } = this.#options
    if (trusted === undefined && this.#reports.size === 0 && gate.sequence === 0 && book.highest === 0) return
    this.#cancelStatus ??= this.#options.clock.after(STATUS_MS, () => {
      this.#cancelStatus = undefined
      const { topics, gate } = this.#options
      this.#say(topics.rollout(gate.slot), this.#status(), true)
    })
  }

  #status(): RolloutStatus {
    const { book, gate } = this.#options
    const { rollout, keyId, settled, highest } = book
    return {
      schema: ROLLOUT_SCHEMA,
      slot: gate.slot,
      ...(rollout && { rollout: rolloutFacts(rollout, keyId) }),
      settled,
      highest,
      rounds: gate.sequence,
      versions: countsOf([...this.#reports.values()].map(({ active }) => String(active))),
      failures: countsOf(rollout?.failures() ?? []),
    }
  }

  #say(topic: string, value: object, retain = false): void {
    this.#inBackground(this.#options.link.publish(topic, Buffer.from(JSON.stringify(value)), { retain }))
  }

  /** What a lost connection swallows is said again: to devices when they come back, the rest when the link is up. */
  #inBackground(work: Promise<void>): void {
    work.catch((error: unknown) => {
      if (!(error instanceof LinkError)) this.#options.onError(error)
    })
  }
}

function countsOf(keys: Iterable<string>): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const key of keys) counts[key] = (counts[key] ?? 0) + 1
  return counts
}
