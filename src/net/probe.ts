import { setTimeout as sleep } from "node:timers/promises"
import { LinkError } from "./link.ts"
import { MqttConnection, Refusal } from "./mqtt-connection.ts"
import type { ConnectionOptions, ReceivedMessage } from "./mqtt-connection.ts"
import { causeOf, parseTarget } from "./mqtt-target.ts"
import type { MqttTarget, TlsOptions } from "./mqtt-target.ts"

export interface ProbeOptions {
  /** Nobody else must use it. */
  readonly topic: string
  /** Client ids of the two connections begin with it. */
  readonly clientId: string
  /** Default: 2000, twice what Mosquitto, EMQX, HiveMQ and VerneMQ keep unless they are told otherwise. */
  readonly messages?: number
  /** Of each message, at least 4. Default: 1024. */
  readonly messageBytes?: number
  /** For all of it. Default: 10 s. */
  readonly timeoutMs?: number
  readonly username?: string
  readonly password?: string
  readonly tls?: TlsOptions
  readonly signal?: AbortSignal
}

/** What a broker did with messages (QoS 1) whose receiver acknowledged none of them for a while. */
export interface QueueMeasure {
  /** Messages whose publisher has the broker's acknowledgement. */
  readonly sent: number
  /** How many came while none was acknowledged: the broker's window. */
  readonly inFlight: number
  /** Of those that were sent: how many came in the end. */
  readonly arrived: number
  /** Those that did not come will not: the broker has dropped them. False where the time was too short to tell. */
  readonly certain: boolean
}

/** After the mark that follows all messages, and so long without another one, nothing more is expected. */
const SILENCE_MS = 250
const MARK_AGAIN_MS = 500
/** Publishes that wait for their acknowledgement at a time. */
const WINDOW = 64
const MARK = 0xffff_ffff

/**
 * Measures whether the broker at `url` loses messages in silence while their receiver is busy: one connection subscribes and withholds its
 * acknowledgements, another one publishes; then the first acknowledges, and counts what comes. Throws `LinkError` ("link-options",
 * "link-unreachable", "link-refused", "link-down") and the signal's reason.
 */
export async function probeQueue(url: string, options: ProbeOptions): Promise<QueueMeasure> {
  const parsed = parseTarget(url, options.tls)
  const { username = parsed.username, password = parsed.password } = options
  const target = { ...parsed, username, password }
  const abandoned = options.signal ?? new AbortController().signal
  const deadline = AbortSignal.timeout(options.timeoutMs ?? 10_000)
  try {
    return await new Probe(target, options, AbortSignal.any([abandoned, deadline])).run()
  } catch (error) {
    abandoned.throwIfAborted()
    if (deadline.aborted)
      throw new LinkError("link-unreachable", `the broker at ${target.name} was too slow to be measured`)
    if (error instanceof Refusal)
      throw new LinkError("link-refused", `the broker at ${target.name} refused: ${error.message}`)
    throw new LinkError("link-down", `the connection to the broker at ${target.name} is down: ${causeOf(error)}`)
  }
}

class Probe {
  readonly #target: MqttTarget
  readonly #options: ProbeOptions
  readonly #signal: AbortSignal
  readonly #messages: number
  readonly #bytes: number
  /** Of each message: 1 where the broker has acknowledged it, or where it has come. */
  readonly #sent: Uint8Array
  readonly #came: Uint8Array
  /** Acknowledgements that are withheld; undefined once they are not any more. */
  #withheld: ReceivedMessage[] | undefined = []
  #marked = false
  #lastMs = 0

  constructor(target: MqttTarget, options: ProbeOptions, signal: AbortSignal) {
    this.#target = target
    this.#options = options
    this.#signal = signal
    this.#messages = options.messages ?? 2000
    this.#bytes = options.messageBytes ?? 1024
    this.#sent = new Uint8Array(this.#messages)
    this.#came = new Uint8Array(this.#messages)
  }

  async run(): Promise<QueueMeasure> {
    const receiver = await this.#open("receiver")
    try {
      await receiver.subscribe([this.#options.topic])
      const sender = await this.#open("sender")
      // A broker that makes publishers wait until there is room loses nothing: half of the time is enough to see that.
      const half = AbortSignal.timeout((this.#options.timeoutMs ?? 10_000) / 2)
      await this.#publishAll(sender, AbortSignal.any([this.#signal, half, endOf(receiver)]))
      const inFlight = this.#withheld!.length
      for (const message of this.#withheld!) message.settled()
      this.#withheld = undefined
      const certain = await this.#drain(receiver)
      await sender.end(true)
      const [sent, arrived] = this.#counts()
      return { sent, inFlight, arrived, certain }
    } finally {
      await receiver.end(true)
    }
  }

  async #open(role: "receiver" | "sender"): Promise<MqttConnection> {
    const options: ConnectionOptions = {
      clientId: `${this.#options.clientId}-${role}`,
      will: undefined,
      keepaliveSeconds: 60,
      connectTimeoutMs: 15_000,
      maxPacketBytes: 16 << 20,
      signal: this.#signal,
    }
    const connection = await MqttConnection.open(this.#target, options, (message) => this.#receive(message))
    // A broker that does not answer any more keeps nobody waiting.
    this.#signal.addEventListener("abort", () => void connection.end(true))
    return connection
  }

  #receive(message: ReceivedMessage): boolean {
    const index = numberIn(message.payload)
    if (index === MARK) this.#marked = true
    else if (index !== undefined && index < this.#messages) this.#came[index] = 1
    this.#lastMs = performance.now()
    if (this.#withheld === undefined) message.settled()
    else this.#withheld.push(message)
    return true
  }

  async #publishAll(sender: MqttConnection, signal: AbortSignal): Promise<void> {
    let next = 0
    const publish = async (): Promise<void> => {
      while (next < this.#messages && !signal.aborted) {
        const index = next++
        await sender.publish(this.#options.topic, numbered(index, this.#bytes), false)
        this.#sent[index] = 1
      }
    }
    const all = Promise.all(Array.from({ length: WINDOW }, publish))
    // Once nobody waits for it any longer, how it ends does not matter.
    all.catch(() => {})
    await Promise.race([all, aborted(signal)])
    this.#options.signal?.throwIfAborted()
  }

  /** Acknowledges and counts until all have come, or nothing more will. False where the time is up first. */
  async #drain(receiver: MqttConnection): Promise<boolean> {
    const ended = endOf(receiver)
    let markedAtMs = -Infinity
    while (!this.#signal.aborted) {
      const [sent, arrived] = this.#counts()
      const nowMs = performance.now()
      if (arrived === sent || ended.aborted) return true
      if (this.#marked && nowMs - this.#lastMs >= SILENCE_MS) return true
      // The mark comes behind the acknowledgements, on their connection: it finds room. Where it does not, it is sent again.
      if (!this.#marked && nowMs - markedAtMs >= MARK_AGAIN_MS) {
        markedAtMs = nowMs
        receiver.publish(this.#options.topic, numbered(MARK, 4), false).catch(() => {})
      }
      await sleep(10)
    }
    this.#options.signal?.throwIfAborted()
    return false
  }

  #counts(): [sent: number, arrived: number] {
    let sent = 0
    let arrived = 0
    for (let i = 0; i < this.#messages; i++) {
      sent += this.#sent[i]!
      arrived += this.#sent[i]! & this.#came[i]!
    }
    return [sent, arrived]
  }
}

function numbered(index: number, bytes: number): Uint8Array {
  const payload = new Uint8Array(bytes)
  new DataView(payload.buffer).setUint32(0, index)
  return payload
}

function numberIn({ buffer, byteOffset, length }: Uint8Array): number | undefined {
  return length >= 4 ? new DataView(buffer, byteOffset, length).getUint32(0) : undefined
}

/** Aborts when the connection ends. */
function endOf(connection: MqttConnection): AbortSignal {
  const controller = new AbortController()
  void connection.closed.then(() => controller.abort())
  return controller.signal
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    signal.addEventListener("abort", () => resolve(), { once: true })
  })
}
