import { randomInt } from "node:crypto"
import type { CodecName } from "../core/codec.ts"
import { CODEC_NAMES } from "../core/codec.ts"
import { FedmoteError } from "../core/error.ts"
import type { Samples } from "../core/samples.ts"
import type { KernelKind } from "../kernel/types.ts"
import { systemClock } from "../net/clock.ts"
import type { Clock } from "../net/clock.ts"
import type { Link, Network, Will } from "../net/link.ts"
import { BOUNDS } from "../wire/keys.ts"
import { checkDevice, topics } from "../wire/topics.ts"
import type { Topics } from "../wire/topics.ts"
import { DEFAULT_PACKET_BYTES } from "../wire/traffic.ts"
import type { Eligibility } from "./eligibility.ts"
import type { DeviceEvent, DeviceLog } from "./event.ts"
import { openModules } from "./flash/modules.ts"
import type { ModulesOptions } from "./flash/modules.ts"
import { goneBytes } from "./greeting.ts"
import { Membership } from "./membership.ts"
import { Keeping } from "./keeping.ts"
import type { DeviceMemory } from "./keeping.ts"
import type { ReleasedModel } from "./model-bytes.ts"
import { loadData } from "./source.ts"
import type { SampleSource } from "./source.ts"
import type { LocalTrainer } from "./trainer.ts"
import { Workbench, codecsOf } from "./workbench.ts"

export interface DeviceOptions {
  readonly network: Network
  readonly fleet: string
  /** 1 to 64 of `a-z 0-9 -`, unique in the fleet. */
  readonly id: string
  /** Training samples, or both parts; read once, when `run` begins. They stay on the device. */
  readonly data: SampleSource | { readonly train: SampleSource; readonly test?: SampleSource }
  /** A training program of your own. Default: the built-in kernels, for the layers that the federation says. */
  readonly trainer?: LocalTrainer
  /** Training programs that are flashed to this device, in place of the built-in kernels. Default: none are taken. */
  readonly modules?: ModulesOptions
  /** Codecs to announce besides f32 and int8, which every device has. Default: all. */
  readonly codecs?: readonly CodecName[]
  /** Largest MQTT packet to take or send, at least 256. Default: 1 MiB. */
  readonly maxPacketBytes?: number
  readonly kernel?: KernelKind
  /**
   * Where private layers and the error of error feedback survive a restart. What is in it never travels. Without one a device that is
   * started again has the model's own values for its private layers.
   */
  readonly memory?: DeviceMemory
  readonly clock?: Clock
  /** What tells this life of the device from others: an unsigned 32-bit number. Default: a random one. */
  readonly session?: number
  readonly log?: DeviceLog
  /**
   * The device's own say. It is asked before every Ready and every round, and every 30 seconds between and while it works: who is no longer willing
   * leaves the round, and nothing of it is folded. Default: always.
   */
  readonly eligible?: () => Eligibility
  /** RAM for training, in KiB: a federation whose model needs more tells the device to stop. Default: 0, which is plenty. */
  readonly ramKiB?: number
  readonly onEvent?: (event: DeviceEvent) => void
}

const GONE_TIMEOUT_MS = 2000
const SILENT: DeviceLog = { info: () => undefined, warn: () => undefined }

/** A member of a fleet: takes part in rounds with its own samples, until the federation is released. */
export class Device {
  readonly id: string
  readonly #options: DeviceOptions
  readonly #topics: Topics
  /** Told from other lives of the same device by equality alone. */
  readonly #session: number
  readonly #closing = new AbortController()
  #bench: Workbench | undefined
  #link: Link | undefined
  #running: Promise<ReleasedModel> | undefined
  #model: ReleasedModel | undefined
  #membership: Membership | undefined

  /** Throws `WireError` ("topic") for names that no topic can have, `FedmoteError` ("options"). */
  constructor(options: DeviceOptions) {
    this.#options = options
    this.#session = options.session ?? randomInt(2 ** 32)
    this.#topics = topics(options.fleet)
    this.id = checkDevice(options.id)
    const { maxPacketBytes = DEFAULT_PACKET_BYTES } = options
    const { min, max } = BOUNDS.packetBytes
    if (!(Number.isInteger(maxPacketBytes) && maxPacketBytes >= min && maxPacketBytes <= max))
      throw new FedmoteError("options", `maxPacketBytes: expected ${min} to ${max}, got ${maxPacketBytes}`)
    const { ramKiB = 0 } = options
    if (!(Number.isInteger(ramKiB) && ramKiB >= 0 && ramKiB <= BOUNDS.uint32.max))
      throw new FedmoteError("options", `ramKiB: expected a whole number from 0, got ${ramKiB}`)
    if (options.trainer !== undefined && options.modules !== undefined)
      throw new FedmoteError("options", "expected a trainer of your own or modules that are flashed, got both")
  }

  /**
   * Takes part until the federation is released and its model pulled. Rejects with `FedmoteError`: "features" (the samples do not fit the
   * model), "stopped" (by the coordinator), "trainer", "data", "state" (`memory` or `modules.store` holds another device's or model's, or what is damaged), "closed" (by `close`), "opted-out"; with `LinkError` where the first connection fails;
   * and with the signal's reason. To be called once.
   */
  run(signal?: AbortSignal): Promise<ReleasedModel> {
    if (this.#running !== undefined)
      throw new FedmoteError("running", "a device runs once: make another for another run")
    const both = AbortSignal.any(signal === undefined ? [this.#closing.signal] : [this.#closing.signal, signal])
    this.#running = this.#run(both)
    return this.#running
  }

  /**
   * The released model's outputs for raw samples, standardised as in training: rows x outputs, row-major (probabilities for softmax and
   * logistic, values otherwise). `x`: one sample's features, or many samples. Throws `FedmoteError` ("released") before the release.
   */
  async predict(x: ArrayLike<number> | Samples): Promise<Float32Array> {
    if (this.#model === undefined || this.#bench === undefined)
      throw new FedmoteError("released", "there is no released model yet: wait for run()")
    const samples = "rows" in x ? x : { rows: 1, features: x.length, x: Float32Array.from(x), y: new Float32Array(1) }
    return this.#bench.predict(this.#model.training, this.#model, samples)
  }

  /** The round whose update this device keeps: until a Notice says that it is in a commit, or that its round is over without it. */
  get holding(): { readonly round: number; readonly epoch: number } | undefined {
    return this.#membership?.holding
  }

  /** `eligible` may give another answer now: to be called where it should not take half a minute to be heard. */
  reconsider(): void {
    this.#membership?.reconsider()
  }

  /**
   * Leaves for good: nothing more of this device is folded, what the broker retains of it is deleted, and the coordinator forgets it. Rejects with
   * `LinkError`, and the device goes on, where there is no connection; otherwise `run` rejects ("opted-out").
   */
  async optOut(): Promise<void> {
    await this.#membership?.optOut()
    this.#closing.abort(new FedmoteError("opted-out", "the device has opted out"))
    await this.#running?.catch(() => undefined)
  }

  /** Leaves the fleet: says Gone, or with `abrupt` lets the broker send the last will. `run` rejects ("closed") if it has not ended. */
  async close({ abrupt = false }: { readonly abrupt?: boolean } = {}): Promise<void> {
    if (abrupt) await this.#link?.close({ abrupt })
    this.#closing.abort(new FedmoteError("closed", "the device was closed"))
    await this.#running?.catch(() => undefined)
    await this.#membership?.close()
  }

  async #run(signal: AbortSignal): Promise<ReleasedModel> {
    const { network, fleet, memory, trainer, kernel, eligible, modules, ramKiB = 0 } = this.#options
    const { clock = systemClock, log = SILENT, onEvent } = this.#options
    const { maxPacketBytes = DEFAULT_PACKET_BYTES } = this.#options
    const { id } = this
    signal.throwIfAborted()
    const data = await loadData(this.#options.data)
    signal.throwIfAborted()
    const codecs = codecsOf(this.#options.codecs ?? CODEC_NAMES)
    const keeping = new Keeping({ fleet, id, memory, log })
    const bench = new Workbench({ id, data, trainer, codecs, kernel, keeping })
    this.#bench = bench
    const flash = modules && openModules(modules, log)
    const session = this.#session
    const will = { topic: this.#topics.gone(id), payload: goneBytes(session), retain: false }
    const link = await network.connect({ clientId: id, will, signal })
    this.#link = link
    const emit = onEvent ?? (() => undefined)
    const membership = new Membership({
      link,
      topics: this.#topics,
      id,
      session,
      data,
      bench,
      keeping,
      flash,
      codecs,
      maxPacketBytes,
      kernel,
      clock,
      eligible,
      ramKiB,
      log,
      emit,
    })
    this.#membership = membership
    const stop = (): void => membership.stop(signal.reason)
    signal.addEventListener("abort", stop, { once: true })
    if (signal.aborted) stop()
    try {
      this.#model = await membership.run()
      return this.#model
    } finally {
      signal.removeEventListener("abort", stop)
      await leave(link, will, clock)
    }
  }
}

/** A device that leaves in peace says so; a broker that does not answer is not waited for. */
async function leave(link: Link, { topic, payload }: Will, clock: Clock): Promise<void> {
  const patience = new AbortController()
  const cancel = clock.after(GONE_TIMEOUT_MS, () => patience.abort())
  if (link.connected) await link.publish(topic, payload, { signal: patience.signal }).catch(() => undefined)
  cancel()
  await link.close()
}
