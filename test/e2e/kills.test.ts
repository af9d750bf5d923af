import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, expect, test } from "vitest"
import { faultsOf, faultsOfRun } from "./kill-account.ts"
import { killRun, phaseOf } from "./kill-run.ts"
import type { KillRunOutcome } from "./kill-run.ts"

// The short form of `npm run test:long`'s kills: here the coordinator is killed three times, and its broker once.

let folder = ""
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "fedmote-kills-"))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

test.each(["mosquitto", "broker"] as const)(
  "coordinators and brokers killed at any moment, over %s: every update is accounted for, and the replay ends in the same model",
  async (broker) => {
    const outcome = await killRun({
      folder,
      broker,
      rounds: 12,
      kills: 3,
      lifeMs: 2000,
      eachPhase: 0,
      brokerKills: 1,
      brokerLifeMs: 4000,
      seed: 1,
    })
    expect([outcome.kills.length, outcome.brokerKills]).toEqual([3, 1])
    expect(outcome.result.rounds).toHaveLength(12)
    expect(await faultsOfRun(outcome, folder)).toEqual([])
  },
  180_000,
)

test("the phase is the last that the log says", () => {
  const up = { msg: "coordinator is up" }
  const phase = (name: string): { msg: string; phase: string } => ({ msg: "phase", phase: name })
  expect(phaseOf([{ msg: "waiting for devices" }])).toBe("starting")
  expect(phaseOf([up, { msg: "device is ready" }])).toBe("selecting")
  expect(phaseOf([up, phase("working"), { msg: "update folded" }])).toBe("working")
  expect(phaseOf([up, phase("working"), phase("finishing")])).toBe("finishing")
})

test("an account that does not add up is found", () => {
  const round = { round: 3, epoch: 65536, kind: "train" }
  const fold = (device: string): { msg: string; device: string } => ({ msg: "update folded", device })
  const device = (...events: string[]): { log: { msg: string }[]; digest: string } => ({
    log: events.map((msg) => ({ msg, ...round })),
    digest: "d",
  })
  const result = {
    model: { digest: "d" },
    rounds: [{ cohort: [{ device: "a" }, { device: "b" }] }],
  } as unknown as KillRunOutcome["result"]
  const good: KillRunOutcome = {
    kills: [],
    brokerKills: 0,
    result,
    coordinators: [[{ msg: "round begins", ...round }, fold("a"), fold("b"), { msg: "round commits", ...round }]],
    devices: new Map([
      ["a", device("sent", "committed")],
      ["b", device("sent", "committed")],
    ]),
  }
  const log = good.coordinators[0]!
  const withB = (b: ReturnType<typeof device>): KillRunOutcome => ({
    ...good,
    devices: new Map([...good.devices, ["b", b]]),
  })
  const faults = (change: Partial<KillRunOutcome>): string => faultsOf({ ...good, ...change }).join("; ")
  expect(faults({})).toBe("")
  expect(faults({ coordinators: [[...log.slice(0, 3), fold("b"), ...log.slice(3)]] })).toContain("b was folded twice")
  expect(faults({ coordinators: [log.filter(({ device: id }) => id !== "b")] })).toContain("the result says a b")
  expect(faults({ coordinators: [[]] })).toContain("0 training rounds were committed")
  expect(faults(withB(device("sent")))).toMatch(/that has no end; .*never sent/)
  expect(faults(withB(device("sent", "dropped")))).toContain("is in the model, and for the device it was dropped")
  expect(faults(withB(device("sent", "late", "committed")))).toContain("ended as late, committed")
  expect(faults(withB({ ...device("sent", "committed"), digest: "e" }))).toContain("b has model e")
  const alone = { ...result, rounds: [{ cohort: [{ device: "a" }] }] } as unknown as KillRunOutcome["result"]
  expect(faults({ result: alone })).toContain("b takes its update for 3/65536 for committed, and it is in no model")
})
