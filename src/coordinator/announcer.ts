import type { Federation } from "../core/federation.ts"
import type { Away } from "../core/round-pace.ts"
import type { Clock } from "../net/clock.ts"
import type { Link } from "../net/link.ts"
import type { Notice, Receipt, Task } from "../wire/message.ts"
import type { ModelOffer } from "../wire/pulls.ts"
import { toText } from "../wire/text.ts"
import type { Topics } from "../wire/topics.ts"
import { Courier } from "./courier.ts"
import type { Journal, RetainedChunks } from "./journal/journal.ts"
import { noticeOf } from "./notices.ts"
import type { RoundModule } from "./notices.ts"
import { Publisher } from "./publisher.ts"
import type { Inherited, PublishedModel } from "./publisher.ts"
import { Sender } from "./sender.ts"
import type { Letter } from "./sender.ts"

export interface AnnouncerOptions {
  readonly federation: Federation
  readonly link: Link
  readonly topics: Topics
  /** The coordinator's session. */
  readonly session: number
  readonly clock: Clock
  /** The first version of the model. */
  readonly model: PublishedModel
  readonly inherited: Inherited
  readonly journal: Journal
  /** The module that the rounds take now. */
  readonly module: () => RoundModule
  readonly onError: (error: unknown) => void
}

/** The Notice is said again so often, and the model, which a broker might have lost without a word, after so many Notices. */
const REFRESH_MS = 30_000
const REFRESHES = 20

/** All that a coordinator says: models, Notices and Tasks one after the other, receipts at once. */
export class Announcer {
  readonly #options: AnnouncerOptions
  readonly #sender: Sender
  readonly #courier: Courier
  readonly #publisher: Publisher
  #cancelRefresh: () => void = () => {}
  #refreshes = 0

  constructor(options: AnnouncerOptions) {
    const { federation, link, topics, model, inherited, journal, onError } = options
    this.#options = options
    this.#sender = new Sender(link)
    this.#courier = new Courier(link, onError)
    const { upload, downlink } = federation.plan
    this.#publisher = new Publisher({
      topics,
      sender: this.#sender,
      standardClass: upload.chunkBytes,
      history: downlink?.history ?? 0,
      first: model,
      inherited,
      journal,
    })
    this.#refresh()
  }

  close(): void {
    this.#courier.close()
    this.#cancelRefresh()
  }

  /** Where the federation is now, with the model that is with the broker. `offline`: of a coordinator that leaves before the end. */
  notice(offline = false): Notice {
    const { federation, session, clock, module } = this.#options
    const { current, classes, offer } = this.#publisher
    const published = { model: current, classes, deltas: offer.deltas }
    return noticeOf(federation, published, session, clock.nowMs(), offline, module())
  }

  /** The model that is with the broker, as devices find it. */
  get offer(): ModelOffer {
    return this.#publisher.offer
  }

  /** What the broker would retain for a model. */
  outlook(model: PublishedModel): RetainedChunks[] {
    return this.#publisher.outlook(model)
  }

  /** Says the Notice; `then` is called when the broker has it. */
  announce(then: () => void = () => {}): void {
    this.#courier.after(async () => {
      await this.#say()
      then()
    })
  }

  /** A round has begun: the Notice, then a Task for each of these devices, unless the round is over by then. */
  begin(devices: readonly string[]): void {
    const { rounds } = this.#options.federation
    const { round, epoch } = rounds
    this.#courier.after(async () => {
      await this.#say()
      const same = rounds.round === round && rounds.epoch === epoch
      // Who is late may join the round since.
      if (same || rounds.settings.late !== undefined) await this.#join(devices)
    })
  }

  /** A Task for each of these devices of the current round, or of the one since; also for one that may have missed it. */
  join(devices: readonly string[]): void {
    this.#courier.after(() => this.#join(devices))
  }

  /** Everything again: the broker may have lost it, and devices may have missed it. */
  repeat(): void {
    const { rounds } = this.#options.federation
    this.doubt()
    this.#courier.after(async () => {
      // What devices said meanwhile went nowhere. Whoever hears that nobody was here introduces himself again.
      await this.#say(true)
      await this.#join([...rounds.cohort])
    })
  }

  /** The model may not be with the broker any more: it is published again before the next Notice. */
  doubt(): void {
    this.#publisher.doubt()
  }

  /** Brings a version of the model to the broker before anything names it; then calls `then`. */
  publish(model: PublishedModel, then: () => void): void {
    let replaced = false
    this.#courier.after(async () => {
      if (!replaced && this.#publisher.current.version !== model.version) this.#publisher.replace(model)
      replaced = true
      await this.#publisher.ensure()
      then()
    })
  }

  /** A device pulls the model in chunks of this class. */
  need(chunkClass: number): void {
    if (this.#publisher.need(chunkClass)) this.announce()
  }

  /** Tells these devices to come back. */
  wait(devices: readonly Away[]): void {
    const letters = devices.map((away) => this.#away(away))
    this.#courier.after(() => this.#sender.all(letters, false))
  }

  /** Resolves when there is room for more. */
  waitOne(away: Away): Promise<void> {
    return this.#sender.post(this.#away(away))
  }

  /** Resolves when there is room for more. */
  stop(device: string, reason: string): Promise<void> {
    const { topics, federation } = this.#options
    const { round, epoch } = federation.rounds
    const message: Task = { type: "task", action: "stop", round, epoch, retrySeconds: 0, reason: toText(reason) }
    return this.#sender.post({ topic: topics.task(device), message })
  }

  /** Resolves when there is room for more. */
  receipt(device: string, message: Receipt): Promise<void> {
    return this.#sender.post({ topic: this.#options.topics.receipt(device), message })
  }

  #away({ device, seconds }: Away): Letter {
    const { round, epoch } = this.#options.federation.rounds
    const message: Task = { type: "task", action: "wait", round, epoch, retrySeconds: seconds, reason: "" }
    return { topic: this.#options.topics.task(device), message }
  }

  /** The Notice, when what it names is with the broker. `wasAway`: "offline" comes first. */
  async #say(wasAway = false): Promise<void> {
    const { round: topic } = this.#options.topics
    await this.#publisher.ensure()
    if (wasAway) await this.#sender.all([{ topic, message: this.notice(true) }], true)
    // Meanwhile a device may have come that needs another class.
    while (!this.#publisher.isThere) await this.#publisher.ensure()
    await this.#sender.all([{ topic, message: this.notice() }], true)
  }

  /** Asks those of them that are still waited for. */
  async #join(devices: readonly string[]): Promise<void> {
    const { topics, federation } = this.#options
    const { phase, kind, round, epoch, cohort, seen, owing } = federation.rounds
    if (phase !== "working" && phase !== "finishing") return
    const message: Task = { type: "task", action: "join", round, epoch, retrySeconds: 0, reason: "" }
    // Of a round before, those who have not been told yet.
    const waitedFor = devices.filter((id) => (cohort.has(id) ? !seen.has(id) : kind === "train" && owing.has(id)))
    await this.#sender.all(
      waitedFor.map((device) => ({ topic: topics.task(device), message })),
      false,
    )
  }

  #refresh(): void {
    this.#cancelRefresh = this.#options.clock.after(REFRESH_MS, () => {
      if (++this.#refreshes % REFRESHES === 0) this.doubt()
      this.announce()
      this.#refresh()
    })
  }
}
