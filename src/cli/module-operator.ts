import { randomInt } from "node:crypto"
import { Command } from "commander"
import { parseAnswer, parseStatus } from "../coordinator/rollout/status.ts"
import type { RolloutAnswer, RolloutStatus } from "../coordinator/rollout/status.ts"
import { FedmoteError } from "../core/error.ts"
import { hex, sha256 } from "../net/digest.ts"
import type { Link } from "../net/link.ts"
import type { Signer } from "../net/signature.ts"
import { encodeOrder } from "../wire/order.ts"
import type { Order } from "../wire/order.ts"
import { topics } from "../wire/topics.ts"
import type { Topics } from "../wire/topics.ts"
import { networkAt } from "./brokers.ts"
import type { Context } from "./context.ts"
import { slotName, whole } from "./parse.ts"

export interface OperatorFlags {
  readonly broker: string
  readonly fleet: string
  readonly slot: string
  /** Seconds. */
  readonly timeout: number
}

export function addOperatorOptions(command: Command): Command {
  return command
    .requiredOption("--broker <url>", "mqtt:// or mqtts:// URL; with passwords, the coordinator's")
    .requiredOption("--fleet <name>", "name of the fleet")
    .option("--timeout <seconds>", "how long to wait for the coordinator", whole(1, 3600), 30)
}

export function addSlotOption(command: Command): Command {
  return command.option("--slot <name>", "which slot of the gateways", slotName, "train")
}

/** An operator's connection: what the coordinator says of a slot, and orders to it. */
export class Operator {
  readonly link: Link
  readonly topics: Topics
  readonly #flags: OperatorFlags
  readonly #context: Context
  readonly #listeners = new Set<() => void>()
  readonly #answers = new Map<string, RolloutAnswer>()
  #status: RolloutStatus | undefined

  /** Throws `LinkError`, and the signal's reason. */
  static async connect(flags: OperatorFlags, context: Context): Promise<Operator> {
    const names = topics(flags.fleet)
    const link = await networkAt(flags.broker, context).connect({
      clientId: `operator-${process.pid}-${Date.now().toString(36)}`,
      signal: context.signal,
    })
    const operator = new Operator(link, names, flags, context)
    try {
      await operator.#listen()
    } catch (error) {
      await link.close()
      throw error
    }
    return operator
  }

  private constructor(link: Link, names: Topics, flags: OperatorFlags, context: Context) {
    this.link = link
    this.topics = names
    this.#flags = flags
    this.#context = context
  }

  /** What the coordinator said last. Throws `FedmoteError` ("rollout") where nothing comes in time. */
  status(): Promise<RolloutStatus> {
    return this.#until(() => this.#status, this.topics.rollout(this.#flags.slot))
  }

  /** The first status for which `done` holds, however long it takes; `done` is asked at every change. */
  follow(done: (status: RolloutStatus) => boolean): Promise<RolloutStatus> {
    return this.#until(() => (this.#status !== undefined && done(this.#status) ? this.#status : undefined))
  }

  /** Signs an order, gives it, and resolves with the answer that it was accepted. Throws `FedmoteError` ("order": refused, "rollout": no answer). */
  async order(order: Omit<Order, "slot" | "issued" | "nonce">, signer: Signer): Promise<RolloutAnswer> {
    const { slot } = this.#flags
    const issued = Math.floor(Date.now() / 1000)
    const envelope = signer.seal(encodeOrder({ ...order, slot, issued, nonce: randomInt(2 ** 32) }))
    await this.link.publish(this.topics.order(slot), envelope, { signal: this.#context.signal })
    const name = hex(sha256(envelope)).slice(0, 16)
    const answer = await this.#until(() => this.#answers.get(name), this.topics.answer(slot))
    if (answer.accepted) return answer
    throw new FedmoteError(
      "order",
      `the coordinator refused to ${order.action} module ${order.sequence}: ${answer.reason ?? "it did not say why"}`,
    )
  }

  close(): Promise<void> {
    return this.link.close()
  }

  async #listen(): Promise<void> {
    const { slot } = this.#flags
    await this.link.subscribe(this.topics.answer(slot), (_, payload) => {
      const answer = this.#parsed(parseAnswer, payload)
      if (answer !== undefined) this.#answers.set(answer.order, answer)
      this.#changed()
    })
    await this.link.subscribe(this.topics.rollout(slot), (_, payload) => {
      this.#status = this.#parsed(parseStatus, payload) ?? this.#status
      this.#changed()
    })
  }

  #changed(): void {
    for (const listener of this.#listeners) listener()
  }

  #parsed<T>(parse: (payload: Uint8Array) => T, payload: Uint8Array): T | undefined {
    if (payload.length === 0) return undefined
    try {
      return parse(payload)
    } catch (error) {
      if (!(error instanceof FedmoteError)) throw error
      this.#context.log.warn(error.message)
      return undefined
    }
  }

  /** `awaited`: the topic on which it is to come in time; for ever: none. */
  async #until<T>(look: () => T | undefined, awaited?: string): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>()
    const listener = (): void => {
      const found = look()
      if (found !== undefined) resolve(found)
    }
    const { signal } = this.#context
    const end = (): void => reject(signal.reason)
    const late = awaited === undefined ? undefined : setTimeout(() => reject(this.#silence(awaited)), this.#patienceMs)
    this.#listeners.add(listener)
    signal.addEventListener("abort", end, { once: true })
    try {
      if (signal.aborted) end()
      else listener()
      return await promise
    } finally {
      this.#listeners.delete(listener)
      signal.removeEventListener("abort", end)
      clearTimeout(late)
    }
  }

  get #patienceMs(): number {
    return this.#flags.timeout * 1000
  }

  #silence(topic: string): FedmoteError {
    const { fleet, timeout, slot } = this.#flags
    return new FedmoteError(
      "rollout",
      `nothing came on ${topic} in ${timeout} s: expected a coordinator of fleet ${fleet} at this broker, with --trust, --data-dir, and slot ${slot}`,
    )
  }
}
