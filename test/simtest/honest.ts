import { FedmoteError } from "../../src/core/error.ts"
import type { Samples } from "../../src/core/samples.ts"
import { Device } from "../../src/device/device.ts"
import type { ReleasedModel } from "../../src/device/model-bytes.ts"
import { LinkError } from "../../src/net/link.ts"
import { decode } from "../../src/wire/codec.ts"
import type { Update } from "../../src/wire/message.ts"
import type { Fault } from "./fault.ts"
import { Kept } from "./kept.ts"
import { simulatedNetwork } from "./link.ts"
import type { SimulatedNetwork } from "./link.ts"
import { Killed, Process } from "./process.ts"
import { Random } from "./random.ts"
import { FEATURES, FLEET } from "./schedule.ts"
import type { DeviceSpec } from "./schedule.ts"
import { slowTrainer } from "./slow-trainer.ts"
import type { Stage } from "./stage.ts"

export type Death = Pick<Fault & { readonly kind: "die" }, "chunks" | "torn" | "after" | "flush" | "downMs">

interface Life {
  readonly process: Process
  readonly network: SimulatedNetwork
  readonly device: Device
  readonly kept: Kept
}

export interface HonestFacts {
  lives: number
  deaths: number
  /** Deaths between two chunks of one update. */
  torn: number
  worked: number
  left: number
}

/** A device that means well, from its birth to the released model, through as many lives as it takes. */
export class Honest {
  readonly facts: HonestFacts = { lives: 0, deaths: 0, torn: 0, worked: 0, left: 0 }
  readonly #spec: DeviceSpec
  readonly #stage: Stage
  #life: Life | undefined
  #released: ReleasedModel | undefined
  #willing = true
  #leaving = false
  /** It is saying that it opts out. */
  #saysSo = false
  #left = false
  #trap: { left: number; readonly death: Death } | undefined

  constructor(spec: DeviceSpec, stage: Stage) {
    this.#spec = spec
    this.#stage = stage
  }

  get process(): Process | undefined {
    return this.#life?.process
  }

  /** It has the released model, or has opted out. */
  get isDone(): boolean {
    return this.#left || this.#released !== undefined
  }

  get released(): ReleasedModel | undefined {
    return this.#released
  }

  start(): void {
    if (this.#life !== undefined || this.isDone) return
    const { scheduler, schedule, broker, referee, commitOf, trace } = this.#stage
    const { id, packetBytes, stepMs } = this.#spec
    const name = `${id} (${++this.facts.lives})`
    const process = new Process(name, scheduler, schedule.seed, (error) => this.#onThrown(error))
    const kept = new Kept(id, referee, commitOf, () => scheduler.nowMs)
    const network = simulatedNetwork({
      broker,
      scheduler,
      process,
      watch: {
        before: (topic, payload) => this.#onChunk(life, topic, payload, false),
        after: (topic, payload) => this.#onChunk(life, topic, payload, true),
        heard: (_topic, payload, retained) => kept.heard(payload, retained),
        failed: (error) => this.#onThrown(error),
      },
    })
    const random = new Random(schedule.seed, "device", name)
    const device = new Device({
      network,
      fleet: FLEET,
      id,
      data: { train: samplesOf(random, this.#spec.rows), test: samplesOf(random, this.#spec.testRows) },
      maxPacketBytes: packetBytes,
      kernel: "scalar",
      clock: process,
      session: random.uint32(),
      eligible: () => ({ optedIn: this.#willing }),
      ...(stepMs !== undefined && { trainer: slowTrainer(process, stepMs) }),
      onEvent: (event) => {
        kept.happened(event)
        trace(() => `${name}: ${event.type} ${JSON.stringify(event)}`)
      },
    })
    const life: Life = { process, network, device, kept }
    this.#life = life
    this.#saysSo = false
    kept.mayWork(this.#willing)
    trace(() => `${name} is born`)
    if (this.#leaving) scheduler.at(scheduler.nowMs + 1000, process, () => this.leave())
    device.run().then(
      (model) => this.#onReleased(life, model),
      (error: unknown) => this.#onFailed(life, error),
    )
  }

  /** Dies now, or around its n-th chunk from now on, and is born again later. */
  die(death: Death): void {
    if (this.#life === undefined) return
    if (death.chunks === undefined) this.#kill(this.#life, death)
    else this.#trap = { left: death.chunks, death }
  }

  /** Opts out, as soon as there is a way to say so. */
  leave(): void {
    this.#leaving = true
    const life = this.#life
    const { scheduler } = this.#stage
    if (life === undefined) return
    this.#saysSo = true
    life.kept.mayWork(false)
    life.kept.leaves(true)
    life.device.optOut().then(
      () => {
        if (life.process.alive) this.#left = true
      },
      () => {
        // It could not be said, so it goes on for a while.
        this.#saysSo = false
        life.kept.mayWork(this.#willing)
        life.kept.leaves(false)
        scheduler.at(scheduler.nowMs + 3000, life.process, () => this.leave())
      },
    )
  }

  want(willing: boolean): void {
    this.#willing = willing
    if (!this.#saysSo) this.#life?.kept.mayWork(willing)
    this.#life?.device.reconsider()
  }

  calm(): void {
    this.#trap = undefined
    this.want(true)
    this.start()
  }

  check(): void {
    const life = this.#life
    if (life === undefined) return
    life.kept.look(life.device.holding)
    const { upSinceMs } = life.network
    if (upSinceMs !== undefined) life.kept.couldSend(Math.max(upSinceMs, life.process.frozenUntilMs))
  }

  end(): void {
    this.#life?.process.kill()
    this.#life?.network.cut(true, 0)
    void this.#life?.device.close({ abrupt: true })
    this.facts.worked += this.#life?.kept.worked ?? 0
  }

  #kill(life: Life, { flush, downMs }: Death): void {
    this.facts.deaths++
    this.#stage.trace(() => `${life.process.name} dies`)
    this.#gone(life, flush, downMs)
  }

  #gone(life: Life, flush: boolean, downMs: number): void {
    this.facts.worked += life.kept.worked
    life.process.kill()
    life.network.cut(flush, downMs / 2)
    this.#life = undefined
    // Nothing of the old life may run on: its promises end with it.
    void life.device.close({ abrupt: true })
    const { scheduler } = this.#stage
    scheduler.at(scheduler.nowMs + downMs, undefined, () => this.start())
  }

  #onChunk(life: Life, topic: string, payload: Uint8Array, after: boolean): void {
    if (!life.process.alive) throw new Killed("dead")
    if (!topic.includes("/up/")) return
    const chunk = decode(payload.slice())
    if (chunk.type !== "update") return
    if (this.#diesAt(chunk.index, after)) {
      const { death } = this.#trap!
      this.#trap = undefined
      const isTorn = after ? chunk.index + 1 < chunk.count : chunk.index > 0
      if (isTorn) this.facts.torn++
      this.#kill(life, death)
      if (!after) throw new Killed("died")
    }
    if (!after) return this.#onSent(life, chunk)
    if (!life.process.alive) throw new Killed("died")
  }

  #onSent({ kept }: Life, chunk: Update): void {
    this.#stage.ledger.write(this.#spec.id, chunk)
    kept.sent(chunk)
  }

  #diesAt(index: number, after: boolean): boolean {
    const trap = this.#trap
    if (trap === undefined || trap.death.after !== after || (trap.death.torn && index === 0)) return false
    return trap.left-- === 0
  }

  #onReleased(life: Life, model: ReleasedModel): void {
    if (!life.process.alive) return
    this.#stage.trace(() => `${life.process.name} has the released model, version ${model.version}`)
    this.facts.worked += life.kept.worked
    this.#released = model
    this.#life = undefined
  }

  #onFailed(life: Life, error: unknown): void {
    if (!life.process.alive) return
    if (this.#leaving && error instanceof FedmoteError && error.code === "opted-out") {
      this.facts.left++
      this.#left = true
      this.#life = undefined
      return
    }
    this.#stage.trace(() => `${life.process.name} ends: ${String(error)}`)
    if (!(error instanceof LinkError) && !(error instanceof Killed))
      this.#stage.referee.unexpected(life.process.name, error)
    this.#gone(life, true, 2000)
  }

  #onThrown(error: unknown): void {
    if (!(error instanceof Killed)) this.#stage.referee.unexpected(this.#spec.id, error)
  }
}

function samplesOf(random: Random, rows: number): Samples {
  return {
    rows,
    features: FEATURES,
    x: Float32Array.from({ length: rows * FEATURES }, () => random.between(-1, 1)),
    y: Float32Array.from({ length: rows }, () => random.below(3)),
  }
}
