import { spawn } from "node:child_process"
import { once } from "node:events"
import { fileURLToPath } from "node:url"
import { selfTest } from "../../src/kernel/self-test.ts"
import { TrainingModule } from "../../src/kernel/training-module.ts"
import { startBroker } from "../../src/net/broker.ts"
import { sha256 } from "../../src/net/digest.ts"
import type { Link } from "../../src/net/link.ts"
import { publishModule } from "../../src/net/module-publish.ts"
import { mqttNetwork } from "../../src/net/mqtt.ts"
import { signerOf } from "../../src/net/signature.ts"
import { decode, encode } from "../../src/wire/codec.ts"
import type { Flashed } from "../../src/wire/message.ts"
import { encodeManifest } from "../../src/wire/manifest.ts"
import type { Manifest } from "../../src/wire/manifest.ts"
import { parseTopic, topics } from "../../src/wire/topics.ts"
import { ownModule } from "../kernel/foreign-modules.ts"

export const FLEET = "bench"
export const OPERATOR = signerOf(new Uint8Array(32).fill(1))
const NAMES = topics(FLEET)

const MODULE_BYTES = 12 * 1024

/** Fedmote's own scalar kernels, 12 KB with a section that means nothing, as `fedmote module publish` would send them. */
export function signedModule(): {
  readonly bytes: Uint8Array
  readonly manifest: Manifest
  readonly envelope: Uint8Array
} {
  const bytes = filled(ownModule("scalar"), MODULE_BYTES)
  const manifest: Manifest = {
    ...{ sequence: 1, slot: "train", tags: [], abi: 1, features: "mvp", memoryKiB: 65536, chunkBytes: 4096 },
    sizeBytes: bytes.length,
    digest: sha256(bytes),
    selfTest: sha256(selfTest(new TrainingModule(bytes)).answers),
  }
  return { bytes, manifest, envelope: OPERATOR.seal(encodeManifest(manifest)) }
}

/** With a custom section at its end (WebAssembly Core Specification, 5.5.3) that is as long as it takes. */
function filled(module: Uint8Array, size: number): Uint8Array {
  const length = size - module.length - 3
  if (length < 128 || length >= 1 << 14) throw new Error(`no custom section of 2 bytes of length fills ${length} bytes`)
  const out = new Uint8Array(size)
  out.set(module)
  // Section 0, its length in LEB128; a name without letters, and zeros.
  out.set([0, (length & 127) | 128, length >> 7], module.length)
  return out
}

export interface Flashing {
  /** From the moment at which the module's first chunk is published until every gateway has said that it runs it. */
  readonly seconds: number
  /** Of each gateway: from the last chunk until the self-test has passed. */
  readonly verifiedMs: readonly number[]
}

/** Flashes a module to gateways in another process, over the embedded broker. Their trial rounds wait for a federation, which there is not. */
export async function flash(gateways: number): Promise<Flashing> {
  const broker = await startBroker()
  const link = await mqttNetwork(broker.url).connect({ clientId: "operator" })
  const fleet = await Fleet.listen(link)
  const child = startGateways(broker.url, gateways, (why) => fleet.fail(why))
  try {
    const ids = await fleet.until((states) => states.size === gateways)
    const { bytes, manifest, envelope } = signedModule()
    const begin = performance.now()
    await publishModule(manifest, { envelope, bytes }, { link, topics: NAMES })
    const install = encode({ type: "flash", action: "install", slot: "train", sequence: 1 })
    await Promise.all(ids.map((id) => link.publish(NAMES.flash(id), install)))
    await fleet.until((states) => [...states.values()].every((state) => state === "installed"))
    const seconds = (performance.now() - begin) / 1000
    return { seconds, verifiedMs: await child.end() }
  } finally {
    child.kill()
    await link.close()
    await broker.close()
  }
}

/** What gateways have said of their slots. */
class Fleet {
  readonly #states = new Map<string, string>()
  readonly #failed = Promise.withResolvers<never>()
  #changed: () => void = () => undefined

  static async listen(link: Link): Promise<Fleet> {
    const fleet = new Fleet()
    await link.subscribe(NAMES.filters.flasheds, (topic, payload) => {
      const where = parseTopic(topic)
      const message = payload.length > 0 ? decode(payload) : undefined
      if (where?.kind === "flashed" && message?.type === "flashed") fleet.#hear(where.device, message)
    })
    return fleet
  }

  constructor() {
    this.#failed.promise.catch(() => undefined)
  }

  fail(why: string): void {
    this.#failed.reject(new Error(why))
  }

  /** Resolves with the ids of all when it holds. */
  until(done: (states: ReadonlyMap<string, string>) => boolean): Promise<readonly string[]> {
    const { promise, resolve } = Promise.withResolvers<readonly string[]>()
    this.#changed = () => {
      if (done(this.#states)) resolve([...this.#states.keys()])
    }
    this.#changed()
    return Promise.race([promise, this.#failed.promise])
  }

  #hear(device: string, { state, reason }: Flashed): void {
    if (state === "refused" || state === "rolledBack") this.fail(`${device}: ${reason}`)
    this.#states.set(device, state)
    this.#changed()
  }
}

interface Gateways {
  /** Their times, once they have ended. */
  end(): Promise<readonly number[]>
  kill(): void
}

function startGateways(url: string, count: number, onFailed: (why: string) => void): Gateways {
  const main = fileURLToPath(new URL("flash-gateways.ts", import.meta.url))
  const child = spawn(process.execPath, [main, url, String(count)], { stdio: ["pipe", "pipe", "inherit"] })
  let text = ""
  child.stdout.setEncoding("utf8").on("data", (part: string) => (text += part))
  child.once("close", (code) => onFailed(`the gateways' process ended with ${code}`))
  return {
    async end() {
      child.stdin.end()
      await once(child, "close")
      return JSON.parse(text) as readonly number[]
    },
    kill: () => void child.kill("SIGKILL"),
  }
}
