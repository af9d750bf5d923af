import { decode } from "../../src/wire/codec.ts"
import type { Message, ModelChunk, Notice, Receipt, Task } from "../../src/wire/message.ts"
import { parseTopic } from "../../src/wire/topics.ts"
import type { Incarnation } from "./incarnation.ts"
import { hex, keyOf } from "./ledger.ts"
import type { Referee } from "./referee.ts"
import type { Sums } from "./sums.ts"

/** Judges what coordinators say, at the moment when they say it, by what the disk has then. */
export class Speech {
  /** Receipts by status, and what else was said. */
  readonly facts: Record<string, number> = {}
  readonly #referee: Referee
  readonly #sums: Sums
  readonly #isHonest: (device: string) => boolean
  /** The incarnation that has used an epoch. */
  readonly #epochs = new Map<number, Incarnation>()
  #highest = 0
  /** The version that the last Notice has named, its classes, and the digest of every version. */
  #version = -1
  #classes: readonly number[] = []
  readonly #digests = new Map<number, string>()

  constructor(referee: Referee, sums: Sums, isHonest: (device: string) => boolean) {
    this.#referee = referee
    this.#sums = sums
    this.#isHonest = isHonest
  }

  /** Something is about to be published. */
  onPublish(incarnation: Incarnation, topic: string, payload: Uint8Array): void {
    const where = parseTopic(topic)
    if (where === undefined) return this.#referee.breach("error", `a message on ${topic}`)
    if ("device" in where && where.device.startsWith("coordinator-")) return
    if (payload.length === 0) return this.#onCleared(topic)
    const message = decode(payload)
    this.facts[message.type] = (this.facts[message.type] ?? 0) + 1
    const device = "device" in where ? where.device : ""
    this.#judge(incarnation, message, device)
  }

  #judge(incarnation: Incarnation, message: Message, device: string): void {
    switch (message.type) {
      case "notice":
        return this.#onNotice(incarnation, message)
      case "task":
        return this.#onTask(incarnation, message, device)
      case "receipt":
        return this.#onReceipt(message, device)
      case "model":
        return this.#onModel(incarnation, message)
      default:
        return this.#referee.breach("error", `a coordinator says ${message.type}`)
    }
  }

  #onNotice(incarnation: Incarnation, notice: Notice): void {
    const { disk } = incarnation
    const { round, epoch, version, committed, phase } = notice
    const name = `the Notice of round ${round}, epoch ${epoch}, version ${version}`
    this.#useEpoch(incarnation, epoch, name)
    const position = disk.run?.snapshot.position
    if (position === undefined) return this.#referee.breach("durable", `${name}: the disk has no run`)
    if (committed !== undefined) {
      const commit = this.#sums.commitOf(committed.round)
      if (commit?.epoch !== committed.epoch || committed.round > (position.committed?.round ?? -1))
        this.#referee.breach(
          "durable",
          `${name}: commit ${committed.round} of epoch ${committed.epoch} is not on the disk`,
        )
    }
    if (version > versionOf(incarnation)) this.#referee.breach("durable", `${name}: the disk has no such version`)
    if (version < this.#version) this.#referee.breach("durable", `${name}: version ${this.#version} was there before`)
    this.#version = version
    if (phase !== "offline") {
      this.#classes = notice.chunkClasses
      for (const size of this.#classes)
        if (!disk.current.some((each) => each.version === version && each.base === undefined && each.size === size))
          this.#referee.breach("durable", `${name}: class ${size} is not with the broker`)
    }
    const digest = hex(notice.digest)
    if ((this.#digests.get(version) ?? digest) !== digest) this.#referee.breach("durable", `${name} has another model`)
    this.#digests.set(version, digest)
    if (phase === "released" && !position.released) this.#referee.breach("durable", `${name}: is not over on the disk`)
  }

  #onTask({ rounds, invited }: Incarnation, { action, round, epoch }: Task, device: string): void {
    if (action === "stop" && this.#isHonest(device)) this.#referee.breach("refused", `${device} is told to stop`)
    if (action !== "join") return
    // One that was on its way when the round ended, or the device withdrew, is told for nothing.
    const wasWanted = invited.has(keyOf(device, round, epoch))
    const isWanted = rounds?.cohort.has(device) === true || rounds?.owing.has(device) === true
    if (!wasWanted && (rounds?.round !== round || rounds.epoch !== epoch || !isWanted))
      this.#referee.breach("work", `${device} is asked to join round ${round} of epoch ${epoch}, which is not its own`)
  }

  #onReceipt(receipt: Receipt, device: string): void {
    const { status, round, epoch, reason } = receipt
    this.facts[status] = (this.facts[status] ?? 0) + 1
    const name = `${device} gets a receipt "${status}" for round ${round}, epoch ${epoch}`
    const folded = this.#sums.foldedBy(device, round, epoch)
    const updateId = hex(receipt.updateId)
    switch (status) {
      case "folded":
        if (folded === undefined || ![...folded].some((each) => each.endsWith(` ${updateId}`)))
          this.#referee.breach("receipt", `${name}: it is not in the sum`)
        break
      case "duplicate":
        if (folded === undefined && this.#isHonest(device))
          this.#referee.breach("receipt", `${name}: none is in the sum`)
        break
      case "refused":
        if (this.#isHonest(device) && !reason.startsWith("not invited"))
          this.#referee.breach("refused", `${name}: ${reason}`)
        break
      case "late":
      case "busy":
        break
    }
  }

  #onModel(incarnation: Incarnation, { version, base, index }: ModelChunk): void {
    const { current, stale } = incarnation.disk
    const known = [...current, ...stale].some(
      (each) => each.version === version && each.base === base && index < each.chunks,
    )
    if (!known) this.#referee.breach("durable", `chunk ${index} of version ${version} is retained unknown to the disk`)
    if (version > versionOf(incarnation)) this.#referee.breach("durable", `version ${version} is not on the disk`)
  }

  #onCleared(topic: string): void {
    const where = parseTopic(topic)
    if (where?.kind !== "model" || where.base !== undefined) return
    if (where.version === this.#version && this.#classes.includes(where.size))
      this.#referee.breach("durable", `${topic} is cleared, and the Notice names it`)
  }

  #useEpoch(incarnation: Incarnation, epoch: number, name: string): void {
    const owner = this.#epochs.get(epoch)
    if (owner !== undefined && owner !== incarnation)
      this.#referee.breach("epochs", `${name}: incarnation ${owner.number} has used it before`)
    if (epoch < this.#highest) this.#referee.breach("epochs", `${name}: epoch ${this.#highest} was there before`)
    this.#epochs.set(epoch, incarnation)
    this.#highest = Math.max(this.#highest, epoch)
    const { session } = incarnation
    const reserved = incarnation.disk.incarnations.some(
      (each) => each.firstEpoch <= epoch && epoch <= each.lastEpoch && each.session === session,
    )
    if (!reserved) this.#referee.breach("epochs", `${name}: the epoch is not reserved on the disk`)
  }
}

/** Of the model on the disk, as devices count. */
function versionOf({ disk }: Incarnation): number {
  const snapshot = disk.run?.snapshot
  return snapshot === undefined ? -1 : snapshot.model.version + (snapshot.standardizer === undefined ? 0 : 1)
}
