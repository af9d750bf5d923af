import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { expect, onTestFinished, vi } from "vitest"
import { parsePlan } from "../../../src/core/plan.ts"
import type { PlanInput } from "../../../src/core/plan.ts"
import { Coordinator } from "../../../src/coordinator/coordinator.ts"
import type { CoordinatorOptions } from "../../../src/coordinator/coordinator.ts"
import { openModuleKeeping } from "../../../src/coordinator/rollout/modules.ts"
import { parseAnswer, parseStatus } from "../../../src/coordinator/rollout/status.ts"
import type { RolloutAnswer, RolloutStatus } from "../../../src/coordinator/rollout/status.ts"
import { verifyAudit } from "../../../src/coordinator/rollout/audit-log.ts"
import type { AuditEntry } from "../../../src/coordinator/rollout/audit-log.ts"
import type { Link } from "../../../src/net/link.ts"
import { loopbackNetwork } from "../../../src/net/loopback.ts"
import type { LoopbackNetwork } from "../../../src/net/loopback.ts"
import { publishModule } from "../../../src/net/module-publish.ts"
import type { Signer } from "../../../src/net/signature.ts"
import { decode, encode } from "../../../src/wire/codec.ts"
import type { Flash, Flashed, Notice, Receipt, Task } from "../../../src/wire/message.ts"
import { encodeOrder } from "../../../src/wire/order.ts"
import type { Order } from "../../../src/wire/order.ts"
import { OPERATOR } from "../../device/flash/signed.ts"
import type { Signed } from "../../device/flash/signed.ts"
import { PLAN, TOPICS } from "../world.ts"

export const SLOT = "train"

/** A gateway that does what the test says. */
export class PlayedGateway {
  readonly id: string
  readonly link: Link
  /** What it was told to do. */
  readonly told: Flash[] = []
  readonly tasks: Task[] = []
  readonly receipts: Receipt[] = []
  active: number

  constructor(id: string, link: Link, active: number) {
    this.id = id
    this.link = link
    this.active = active
  }

  async enter(): Promise<void> {
    await this.link.subscribe(TOPICS.flash(this.id), (_, bytes) => void this.told.push(decode(bytes) as Flash))
    await this.link.subscribe(TOPICS.task(this.id), (_, bytes) => void this.tasks.push(decode(bytes) as Task))
    await this.link.subscribe(TOPICS.receipt(this.id), (_, bytes) => void this.receipts.push(decode(bytes) as Receipt))
    await this.greet()
  }

  async greet(): Promise<void> {
    await this.say({ target: this.active, state: this.active === 0 ? "idle" : "confirmed" })
    const hello = { session: 1, maxPacket: 65536, ramKiB: 0, codecs: [0], abis: [1], features: 2 }
    await this.link.publish(TOPICS.hello(this.id), encode({ type: "hello", ...hello }), { retain: true })
    await this.ready()
  }

  ready(): Promise<void> {
    const ready = encode({ type: "ready", session: 1, willing: true, samples: 4, testSamples: 2 })
    return this.link.publish(TOPICS.ready(this.id), ready)
  }

  say(report: Partial<Flashed>): Promise<void> {
    const { active } = this
    const before = { session: 1, slot: SLOT, active, target: 0, reason: "", losses: new Float32Array(0) }
    const flashed = encode({ type: "flashed", ...before, state: "idle", ...report })
    return this.link.publish(TOPICS.flashed(this.id), flashed, { retain: true })
  }

  /** It has the module, and has tried it. */
  async confirm(sequence: number, losses: readonly number[] = []): Promise<void> {
    this.active = sequence
    await this.say({ target: sequence, state: "confirmed", losses: Float32Array.from(losses) })
    await this.ready()
  }

  /** It ran it and went back. */
  rollBack(sequence: number, reason = "trap: unreachable"): Promise<void> {
    return this.say({ target: sequence, state: "rolledBack", reason })
  }
}

/** A coordinator with a data folder, gateways and an operator, on a broker in memory. */
export class Rig {
  readonly folder = mkdtempSync(join(tmpdir(), "fedmote-rollout-"))
  readonly network: LoopbackNetwork = loopbackNetwork()
  readonly warnings: string[] = []
  readonly answers: RolloutAnswer[] = []
  status: RolloutStatus | undefined
  notice: Notice | undefined
  coordinator: Coordinator | undefined
  /** What became of it. */
  ended: Promise<unknown> | undefined
  #operator: Link | undefined
  #nonce = 1

  constructor() {
    onTestFinished(async () => {
      await this.coordinator?.close()
      rmSync(this.folder, { recursive: true, force: true })
    })
  }

  async start(plan: PlanInput = {}, options: Partial<CoordinatorOptions> = {}): Promise<void> {
    await this.#listen()
    const { promise, resolve } = Promise.withResolvers<void>()
    this.coordinator = new Coordinator({
      plan: parsePlan({ ...PLAN, rounds: 1000, cohort: "all", ...plan }),
      network: this.network,
      init: new Float32Array(3),
      log: {
        info() {},
        debug() {},
        warn: (fields, message) => void this.warnings.push(`${message} ${JSON.stringify(fields)}`),
      },
      trusted: [OPERATOR.publicKey],
      modules: openModuleKeeping(this.folder),
      onState: () => resolve(),
      ...options,
    })
    this.ended = this.coordinator.run()
    this.ended.catch(() => undefined)
    await promise
  }

  /** The process ends; its folder stays. */
  async stop(): Promise<void> {
    await this.coordinator?.close()
    this.coordinator = undefined
  }

  async gateways(count: number, active = 0): Promise<PlayedGateway[]> {
    const all: PlayedGateway[] = []
    for (let i = 0; i < count; i++) all.push(await this.gateway(`g-${i}`, active))
    return all
  }

  async gateway(id: string, active = 0): Promise<PlayedGateway> {
    const gateway = new PlayedGateway(id, await this.network.connect({ clientId: id }), active)
    await gateway.enter()
    return gateway
  }

  /** As `fedmote module publish` does. */
  async publish({ envelope, bytes, manifest }: Signed): Promise<void> {
    await publishModule(manifest, { envelope, bytes }, { link: this.#operator!, topics: TOPICS })
  }

  async order(order: Partial<Order>, signer: Signer = OPERATOR): Promise<RolloutAnswer> {
    return this.send(this.sealed(order, signer))
  }

  /** A signed order; as of now, unless it says otherwise. */
  sealed(order: Partial<Order>, signer: Signer = OPERATOR): Uint8Array {
    const issued = Math.floor(Date.now() / 1000)
    const whole = { action: "start", slot: SLOT, sequence: 1, issued, nonce: this.#nonce++, ...order } as const
    return signer.seal(encodeOrder(whole))
  }

  async send(envelope: Uint8Array, slot = SLOT): Promise<RolloutAnswer> {
    const before = this.answers.length
    await this.#operator!.publish(TOPICS.order(slot), envelope)
    await this.until(() => expect(this.answers.length).toBeGreaterThan(before))
    return this.answers.at(-1)!
  }

  /** Publishes a module and orders its rollout. */
  async roll(module: Signed, order: Partial<Order> = {}): Promise<RolloutAnswer> {
    await this.publish(module)
    return this.order({ sequence: module.manifest.sequence, ...order })
  }

  until(check: () => void): Promise<void> {
    return vi.waitFor(check, { timeout: 20_000, interval: 5 })
  }

  /** Topics under the slot that the broker retains. */
  async retained(): Promise<string[]> {
    const link = await this.network.connect({ clientId: "looks" })
    const found: string[] = []
    await link.subscribe(`fm1/${TOPICS.fleet}/module/#`, (topic, payload) => {
      if (payload.length > 0) found.push(topic)
    })
    await new Promise<void>((resolve) => setImmediate(resolve))
    await link.close()
    return found.toSorted()
  }

  audit(): AuditEntry[] {
    return verifyAudit(join(this.folder, "audit.jsonl"))
  }

  async #listen(): Promise<void> {
    if (this.#operator !== undefined) return
    const link = await this.network.connect({ clientId: "operator" })
    this.#operator = link
    await link.subscribe(TOPICS.answer(SLOT), (_, bytes) => void this.answers.push(parseAnswer(bytes)))
    await link.subscribe(TOPICS.rollout(SLOT), (_, bytes) => void (this.status = parseStatus(bytes)))
    await link.subscribe(TOPICS.round, (_, bytes) => void (this.notice = decode(bytes) as Notice))
  }
}
