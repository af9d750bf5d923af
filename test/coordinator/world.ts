import { onTestFinished } from "vitest"
import { CODECS } from "../../src/core/codec.ts"
import { evaluationVector } from "../../src/core/evaluation.ts"
import { featureMoments } from "../../src/core/moments.ts"
import { parsePlan } from "../../src/core/plan.ts"
import type { PlanInput } from "../../src/core/plan.ts"
import { Coordinator } from "../../src/coordinator/coordinator.ts"
import type { CoordinatorOptions, CoordinatorOutcome } from "../../src/coordinator/coordinator.ts"
import type { Clock } from "../../src/net/clock.ts"
import { floatBytes, updateIdOf } from "../../src/net/digest.ts"
import type { Link, LinkOptions, Network } from "../../src/net/link.ts"
import { loopbackNetwork } from "../../src/net/loopback.ts"
import type { LoopbackNetwork } from "../../src/net/loopback.ts"
import { chunkUpdate } from "../../src/wire/chunk.ts"
import { decode, encode } from "../../src/wire/codec.ts"
import type { Hello, Message, Notice, Receipt, Task, Update } from "../../src/wire/message.ts"
import { topics } from "../../src/wire/topics.ts"

/** A coordinator among scripted devices, on a broker in memory and a clock that is moved by hand. */

export const TOPICS = topics("test")

/** Two features, linear, squared loss: three parameters. Nothing waits unless a test makes it wait. */
export const PLAN: PlanInput = {
  fleet: "test",
  model: { features: 2, labels: [], hidden: "none", standardize: false },
  rounds: 1,
  cohort: 2,
  codecs: ["f32"],
  evaluate: { every: 0 },
  selection: { overSelect: 1, settleSeconds: 0, timeoutSeconds: 60 },
  report: { timeoutSeconds: 100, finishSeconds: 10, minimumToCommit: 1 },
}

export class ManualClock implements Clock {
  #nowMs = 0
  readonly #timers = new Set<{ readonly atMs: number; readonly run: () => void }>()

  nowMs(): number {
    return this.#nowMs
  }

  after(delayMs: number, run: () => void): () => void {
    const timer = { atMs: this.#nowMs + delayMs, run }
    this.#timers.add(timer)
    return () => this.#timers.delete(timer)
  }

  random(): number {
    return 0.5
  }

  async advance(byMs: number): Promise<void> {
    const untilMs = this.#nowMs + byMs
    for (;;) {
      const next = [...this.#timers].sort((a, b) => a.atMs - b.atMs)[0]
      if (next === undefined || next.atMs > untilMs) break
      this.#timers.delete(next)
      this.#nowMs = Math.max(this.#nowMs, next.atMs)
      next.run()
      await quiet()
    }
    this.#nowMs = untilMs
  }
}

/** Lets everything run that can without the clock. */
export async function quiet(): Promise<void> {
  for (let i = 0; i < 20; i++) await new Promise<void>((resolve) => setImmediate(resolve))
}

export interface World {
  readonly network: LoopbackNetwork
  readonly clock: ManualClock
  /** Links that coordinators have opened, in order: of each a short one and the real one. */
  readonly links: Link[]
  readonly warnings: string[]
  start(plan?: PlanInput, options?: Partial<CoordinatorOptions>): Promise<Running>
  device(id: string, facts?: Partial<Hello> & { readonly samples?: number }): Promise<FakeDevice>
  /** What the broker retains under a filter. */
  retained(filter: string): Promise<Map<string, Message>>
  notice(): Promise<Notice>
}

export interface Running {
  readonly coordinator: Coordinator
  readonly outcome: Promise<CoordinatorOutcome>
}

export function world(): World {
  const network = loopbackNetwork()
  const clock = new ManualClock()
  const links: Link[] = []
  const warnings: string[] = []
  let looks = 0
  const spied: Network = {
    async connect(options: LinkOptions) {
      const link = await network.connect(options)
      links.push(link)
      return link
    },
  }
  const log = {
    info() {},
    debug() {},
    warn: (fields: object, message: string) => void warnings.push(`${message} ${JSON.stringify(fields)}`),
  }
  const self: World = {
    network,
    clock,
    links,
    warnings,
    async start(plan = {}, options = {}) {
      const parsed = parsePlan({ ...PLAN, ...plan })
      const init = new Float32Array(3)
      const coordinator = new Coordinator({ plan: parsed, network: spied, init, log, clock, ...options })
      onTestFinished(() => coordinator.close())
      const outcome = coordinator.run()
      outcome.catch(() => {})
      await quiet()
      return { coordinator, outcome }
    },
    async device(id, facts = {}) {
      const device = new FakeDevice(id, await network.connect({ clientId: id }))
      await device.enter(facts)
      return device
    },
    async retained(filter) {
      const link = await network.connect({ clientId: `look-${looks++}` })
      const found = new Map<string, Message>()
      await link.subscribe(filter, (topic, payload) => void found.set(topic, decode(new Uint8Array(payload))))
      await quiet()
      await link.close()
      return found
    },
    async notice() {
      return (await self.retained(TOPICS.round)).get(TOPICS.round) as Notice
    },
  }
  return self
}

export class FakeDevice {
  readonly id: string
  readonly link: Link
  readonly tasks: Task[] = []
  readonly receipts: Receipt[] = []
  readonly notices: Notice[] = []
  /** Called with every Task "join", when the Notice is there too. */
  onJoin: (notice: Notice) => void | Promise<void> = () => {}
  /** Called with every Notice. */
  onNotice: (notice: Notice) => void | Promise<void> = () => {}

  constructor(id: string, link: Link) {
    this.id = id
    this.link = link
  }

  get notice(): Notice {
    return this.notices.at(-1)!
  }

  /** Says Hello and Ready. */
  async enter({ samples = 10, ...facts }: Partial<Hello> & { readonly samples?: number }): Promise<void> {
    await this.link.subscribe(TOPICS.round, async (_topic, payload) => {
      this.notices.push(decode(new Uint8Array(payload)) as Notice)
      await this.onNotice(this.notice)
    })
    await this.link.subscribe(TOPICS.receipt(this.id), (_topic, payload) => {
      this.receipts.push(decode(new Uint8Array(payload)) as Receipt)
    })
    await this.link.subscribe(TOPICS.task(this.id), async (_topic, payload) => {
      const task = decode(new Uint8Array(payload)) as Task
      this.tasks.push(task)
      if (task.action === "join") await this.onJoin(this.notice)
    })
    const hello: Hello = {
      type: "hello",
      session: 7,
      maxPacket: 1 << 20,
      ramKiB: 0,
      codecs: [0, 1],
      abis: [1],
      features: 2,
      ...facts,
    }
    await this.link.publish(TOPICS.hello(this.id), encode(hello), { retain: true })
    await this.ready(true, samples, hello.session)
    await quiet()
  }

  async ready(willing: boolean, samples = 10, session = 7): Promise<void> {
    const message = { type: "ready", session, willing, samples, testSamples: 5 } as const
    await this.link.publish(TOPICS.ready(this.id), encode(message))
  }

  /** Sends a float32 payload for the round of the last Notice; `facts` overrides any field. */
  async update(
    values: readonly number[] | Float32Array,
    facts: Partial<Update> = {},
    packetBytes = 1 << 16,
  ): Promise<void> {
    for (const chunk of this.chunks(values, facts, packetBytes)) await this.sendChunk(chunk)
  }

  chunks(values: readonly number[] | Float32Array, facts: Partial<Update>, packetBytes: number): Update[] {
    const payload = facts.payload ?? floatBytes(Float32Array.from(values))
    const { round, epoch, version } = this.notice
    const header = {
      round,
      epoch,
      updateId: updateIdOf(payload),
      baseVersion: version,
      codec: CODECS.f32.id,
      samples: 10,
      steps: 1,
      metrics: Float32Array.of(5),
      ...facts,
    }
    return chunkUpdate(header, payload, TOPICS.update(this.id, 1), packetBytes)
  }

  async sendChunk(chunk: Update): Promise<void> {
    await this.sendBytes(encode(chunk))
  }

  async sendBytes(bytes: Uint8Array): Promise<void> {
    await this.link.publish(TOPICS.update(this.id, 1), bytes)
    await quiet()
  }

  /** Does what a device does: statistics of `x` (two features a row), `delta` in training, one squared error of 4 in evaluation. */
  serve(delta: readonly number[], x: readonly number[] = [0, 0], samples = 10): this {
    this.onJoin = async ({ kind }) => {
      if (kind === "statistics") {
        const rows = x.length / 2
        const train = { rows, features: 2, x: Float32Array.from(x), y: new Float32Array(rows) }
        await this.update(featureMoments(train), { steps: 0, samples: rows, metrics: new Float32Array(0) })
      } else if (kind === "train") await this.update(delta, { samples })
      else {
        const none = new Uint32Array(0)
        const sums = { rows: 1, lossSum: 2, confusion: none, histogram: none, squaredError: 4, absoluteError: 2 }
        const vector = evaluationVector("squared", 0, sums)
        await this.update(vector, { steps: 0, samples: 1, metrics: new Float32Array(0) })
      }
    }
    return this
  }

  get statuses(): string[] {
    return this.receipts.map(({ status }) => status)
  }
}
