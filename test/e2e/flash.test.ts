import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, expect, test } from "vitest"
import { Device } from "../../src/device/device.ts"
import { MemorySlotStore } from "../../src/device/flash/slot-store.ts"
import type { Network } from "../../src/net/link.ts"
import { mqttNetwork } from "../../src/net/mqtt.ts"
import { decode } from "../../src/wire/codec.ts"
import type { Flashed, Notice } from "../../src/wire/message.ts"
import { topics as topicsOf } from "../../src/wire/topics.ts"
import { ownModule, scalarNamed, trapsOnRealData } from "../kernel/foreign-modules.ts"
import { startMosquitto } from "../net/mosquitto.ts"
import { Dice } from "../wire/random.ts"
import { fedmote, start } from "./fedmote.ts"
import type { Ended, Running } from "./fedmote.ts"

/** A fleet of gateways is flashed from module 1 to module 2 in stages while it learns, and gets rid of a bad module 3 by itself. */

const GATEWAYS = Array.from({ length: 20 }, (_, i) => `gateway-${i}`)
const topics = topicsOf("pumps")

// More rounds than the test waits for: it ends the federation itself.
const PLAN = `
fleet: pumps
seed: 5
rounds: 1000000
cohort: 6
tags: { plant: [gateway-*] }
module: { slot: train, sequence: 1 }
model: { features: 3, labels: [low, high], hidden: [6] }
train: { epochs: 2, batch: 8, learningRate: 0.05 }
selection: { overSelect: 1.5, minimumToStart: 4, timeoutSeconds: 60, settleSeconds: 0 }
report: { timeoutSeconds: 20, finishSeconds: 4, minimumToCommit: 2 }
`

let folder = ""
let running: Running[] = []
let cleanup: (() => Promise<unknown>)[] = []
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "fedmote-flash-"))
  running = []
  cleanup = []
})
afterEach(async () => {
  for (const each of cleanup.toReversed()) await each()
  await Promise.all(running.map((each) => each.stop()))
  await rm(folder, { recursive: true, force: true })
})

function begin(...args: readonly string[]): Running {
  const each = start(args, { cwd: folder })
  running.push(each)
  return each
}

/** What somebody who listens at the broker knows of the fleet. */
class Tap {
  readonly #flashed = new Map<string, Flashed>()
  readonly #watchers = new Set<() => void>()
  /** The module of each version of the model that came of training. */
  readonly modules = new Map<number, number>()
  #training: Notice | undefined

  async listen(network: Network): Promise<void> {
    const link = await network.connect({ clientId: "tap" })
    cleanup.push(() => link.close())
    await link.subscribe(topics.filters.flasheds, (_, bytes) => this.#hear(bytes))
    await link.subscribe(topics.round, (_, bytes) => this.#hear(bytes))
  }

  /** Which module each gateway trains with. */
  get active(): number[] {
    return GATEWAYS.map((id) => this.#flashed.get(id)?.active ?? -1)
  }

  /** Resolves as soon as it holds. */
  async until(holds: () => boolean): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const look = (): void => {
      if (holds()) resolve()
    }
    this.#watchers.add(look)
    look()
    await promise.finally(() => this.#watchers.delete(look))
  }

  /** So many more training rounds of this module are committed. */
  async rounds(module: number, more: number): Promise<void> {
    const count = (): number => [...this.modules.values()].filter((each) => each === module).length
    const before = count()
    await this.until(() => count() >= before + more)
  }

  #hear(bytes: Uint8Array): void {
    if (bytes.length === 0) return
    const message = decode(bytes)
    if (message.type === "flashed") this.#flashed.set(this.#sender(message), message)
    else if (message.type === "notice") this.#round(message)
    for (const watcher of this.#watchers) watcher()
  }

  #sender({ session }: Flashed): string {
    return GATEWAYS[session]!
  }

  #round(notice: Notice): void {
    const before = this.#training
    if (before !== undefined && notice.version > before.version)
      this.modules.set(notice.version, before.module?.sequence ?? 0)
    this.#training = notice.kind === "train" && notice.phase !== "selecting" ? notice : undefined
  }
}

/** A gateway with sixty readings of its own; its session is its number. */
function gateway(network: Network, session: number, trusted: Uint8Array): Device {
  const dice = new Dice(session + 1)
  const samples = Array.from({ length: 60 }, () => {
    const features = Array.from({ length: 3 }, () => dice.below(2001) / 1000 - 1)
    return { features, label: features[0]! + features[1]! > 0 ? 1 : 0 }
  })
  return new Device({
    network,
    fleet: "pumps",
    id: GATEWAYS[session]!,
    session,
    data: { train: samples.slice(12), test: samples.slice(0, 12) },
    modules: { store: new MemorySlotStore(), trusted: [trusted], tags: ["plant"] },
  })
}

const brokers = {
  async Mosquitto() {
    const { url, stop } = await startMosquitto()
    cleanup.push(stop)
    return url
  },
  async "the embedded broker"() {
    const broker = begin("broker", "--listen", "127.0.0.1:0")
    const { promise, resolve } = Promise.withResolvers<string>()
    broker.child.stdout!.once("data", (text: string) => resolve(text.trim()))
    return promise
  },
}

test.each(Object.entries(brokers))(
  "twenty gateways over %s: module 1, then 2 in stages, and 3 is rolled back",
  async (_, startBroker) => {
    const url = await startBroker()
    const made = await fedmote(["keys", "new", "key", "--json", "-"], { cwd: folder })
    const { id: keyId, publicKey } = JSON.parse(made.stdout) as { readonly id: string; readonly publicKey: string }
    await writeFile(join(folder, "plan.yaml"), PLAN)
    const coordinator = begin(
      ...["coordinator", "--plan", "plan.yaml", "--broker", url, "--no-probe"],
      ...["--data-dir", "data", "--trust", publicKey],
    )
    await coordinator.saw(/coordinator is up/)
    const network = mqttNetwork(url)
    const tap = new Tap()
    await tap.listen(network)
    const devices = GATEWAYS.map((_, i) => gateway(network, i, new Uint8Array(Buffer.from(publicKey, "hex"))))
    cleanup.push(() => Promise.all(devices.map((device) => device.close())))
    for (const device of devices) device.run().catch(() => undefined)
    await tap.until(() => tap.active.every((active) => active === 0))

    const publish = async (module: Uint8Array, ...stages: readonly string[]): Promise<Ended> => {
      await writeFile(join(folder, "module.wasm"), module)
      const where = ["--broker", url, "--fleet", "pumps", "--key", "key"]
      return fedmote(
        ["module", "publish", "module.wasm", ...where, "--to", "plant", ...stages, "--wait", "--json", "-"],
        {
          cwd: folder,
        },
      )
    }
    const inStages = ["--canary", "5%", "--then", "25%", "--then", "100%"] as const

    // Nobody can train before module 1 is there.
    expect(await publish(ownModule("scalar"))).toMatchObject({ code: 0 })
    await tap.rounds(1, 3)
    expect([...tap.modules.values()].every((module) => module === 1)).toBe(true)

    const second = publish(scalarNamed("second"), ...inStages)
    // The federation goes on meanwhile.
    await tap.rounds(1, 1)
    const { code, stdout } = await second
    expect(code).toBe(0)
    await tap.until(() => tap.active.every((active) => active === 2))
    await tap.rounds(2, 3)
    const { begun, ended } = JSON.parse(stdout) as Outcome
    expect(begun.stages.map(({ ids }) => ids.length)).toEqual([1, 4, 15])
    expect(begun.stages.flatMap(({ ids }) => ids).toSorted()).toEqual(GATEWAYS.toSorted())
    expect(ended).toMatchObject({ sequence: 2, phase: "complete" })

    const third = await publish(trapsOnRealData(), ...inStages)
    expect(third.code).toBe(1)
    expect(third.stderr).toMatch(/halted/)
    const bad = JSON.parse(third.stdout) as Outcome
    expect(bad.ended).toMatchObject({ sequence: 3, phase: "halted", stage: 0 })
    await tap.rounds(2, 2)
    expect(tap.active).toEqual(GATEWAYS.map(() => 2))

    const log = await fedmote(["module", "audit", "data", "--json", "-"], { cwd: folder })
    expect(log.code).toBe(0)
    const { entries } = JSON.parse(log.stdout) as { readonly entries: readonly AuditLine[] }
    const told = (sequence: number): string[] =>
      entries.filter((entry) => entry.sequence === sequence && entry.event !== "confirmed").map(({ event }) => event)
    expect(told(1)).toEqual(["order", "stage", "complete"])
    expect(told(2)).toEqual(["order", "stage", "stage", "stage", "complete"])
    expect(told(3)).toEqual(["order", "stage", "failed", "halted"])
    expect(entries.filter(({ event }) => event === "order").map((entry) => entry.keyId)).toEqual([keyId, keyId, keyId])
    const canary = bad.begun.stages[0]!.ids
    expect(entries.find(({ event, sequence }) => event === "stage" && sequence === 3)!.devices).toEqual(canary)
    expect(entries.find(({ event }) => event === "failed")).toMatchObject({ device: canary[0], code: "trap" })
    expect(
      entries.filter(({ event, sequence }) => event === "confirmed" && sequence === 2).length,
    ).toBeGreaterThanOrEqual(18)
  },
)

interface Outcome {
  readonly begun: { readonly stages: readonly { readonly ids: readonly string[] }[] }
  readonly ended?: object
}

interface AuditLine {
  readonly event: string
  readonly sequence: number
  readonly keyId?: string
  readonly device?: string
  readonly devices?: readonly string[]
  readonly code?: string
}
