import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { startMosquitto } from "../net/mosquitto.ts"
import { fedmote, start } from "./fedmote.ts"
import { faultInAccount, histogramOf, runKilledFleet } from "./killed-fleet.ts"
import type { KilledFleetOptions, Moment } from "./killed-fleet.ts"

// Both devices in every round: then one end is right, whatever is killed when.
const PLAN = `
fleet: motes
seed: 5
rounds: 5
cohort: 2
model: { features: 8, labels: [normal, introduced event], hidden: [16], positiveWeight: 20 }
train: { epochs: 20, batch: 8, learningRate: 0.01 }
selection: { overSelect: 1, minimumToStart: 2, timeoutSeconds: 60, settleSeconds: 0 }
report: { timeoutSeconds: 60, finishSeconds: 4, minimumToCommit: 2 }
`
const DEVICES = ["single-hop-mote4", "multi-hop-mote1"]

/** One kill each, while a round or a commit is under way, or right before or after. */
const MOMENTS: readonly Moment[] = [
  { seen: /coordinator is up/ },
  { seen: /"kind":"statistics".*round begins/ },
  { seen: /"kind":"train".*round commits/ },
  { seen: /update folded[^]*"kind":"train"[^]*update folded/ },
  { seen: /"kind":"evaluate".*round commits/ },
  { seen: /round is done/ },
  { seen: /federation has ended/ },
]

let folder = ""
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "fedmote-restart-"))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

interface Broker {
  readonly where: KilledFleetOptions["broker"]
  stop(): Promise<void>
}

const brokers: { readonly [name: string]: () => Promise<Broker> } = {
  async Mosquitto() {
    const { url, stop } = await startMosquitto()
    return { where: { url }, stop }
  },
  async "fedmote broker"() {
    const broker = start(["broker", "--listen", "127.0.0.1:0"])
    const { promise, resolve } = Promise.withResolvers<string>()
    broker.child.stdout!.once("data", (text: string) => resolve(text.trim()))
    return { where: { url: await promise }, stop: () => broker.stop() }
  },
  async "the broker inside, killed too"() {
    return { where: "embedded", stop: async () => {} }
  },
}

describe.each(Object.entries(brokers))("a coordinator that is killed again and again, over %s", (_, startBroker) => {
  test(
    "loses no committed round, folds no update twice, and ends as its replay does",
    { timeout: 180_000 },
    async () => {
      const { where, stop } = await startBroker()
      try {
        const outcome = await runKilledFleet({
          folder,
          plan: PLAN,
          devices: DEVICES,
          broker: where,
          moments: MOMENTS,
        })
        const { kills, result, devices, coordinators } = outcome
        // At the last moment it may be quicker: then it has ended by itself.
        expect(kills.length).toBeGreaterThanOrEqual(MOMENTS.length - 1)
        expect(Object.keys(histogramOf(kills)).length).toBeGreaterThanOrEqual(3)
        expect(result.rounds.map(({ round, folded }) => [round, folded])).toEqual(
          [1, 2, 3, 4, 5].map((round) => [round, 2]),
        )
        for (const { cohort } of result.rounds) expect(cohort!.map(({ device }) => device)).toEqual([...DEVICES].sort())
        // Each process began with the rounds that the one before had committed.
        const sofar = coordinators
          .slice(1)
          .map((log) => log.find(({ msg }) => /from the journal|had ended/.test(msg))?.["rounds"])
        expect(sofar).toEqual([...sofar].sort())
        for (const [id, { digest }] of devices) {
          expect(digest).toBe(result.model.digest)
          expect(faultInAccount(id, outcome)).toBeUndefined()
        }
        const replay = await fedmote(["simulate", "--data", "telosb", "--replay", "live.json"], { cwd: folder })
        expect(replay.code, replay.stderr).toBe(0)
        expect(replay.stdout).toContain(`model ${result.model.digest}`)
        const runs = await fedmote(["runs", "--data-dir", "journal", "--json", "-"], { cwd: folder })
        expect(JSON.parse(runs.stdout)).toMatchObject({
          schema: "fedmote-runs/1",
          runs: [{ run: "1", fleet: "motes", state: "released", rounds: 5, of: 5, devices: 2 }],
        })
      } finally {
        await stop()
      }
    },
  )
})
