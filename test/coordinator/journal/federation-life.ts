import type { JournalCommit, RetainedChunks, RunIdentity } from "../../../src/coordinator/journal/journal.ts"
import { Federation } from "../../../src/core/federation.ts"
import { momentsSize } from "../../../src/core/moments.ts"
import { parsePlan } from "../../../src/core/plan.ts"
import type { RoundEffect } from "../../../src/core/round.ts"
import type { FederationSnapshot } from "../../../src/core/snapshot.ts"
import type { Hello } from "../../../src/wire/message.ts"

/** Two features, squared loss, a strategy with state, an evaluation after every round: every part of a snapshot is there. */
export const PLAN = parsePlan({
  fleet: "motes",
  model: { features: 2, hidden: "none", labels: [] },
  rounds: 4,
  cohort: 2,
  strategy: { name: "fedadam" },
  selection: { overSelect: 1, settleSeconds: 0 },
})
export const IDENTITY: RunIdentity = { plan: PLAN, initial: null, recordCohorts: true }
export const HELLO: Hello = {
  type: "hello",
  session: 7,
  maxPacket: 4096,
  ramKiB: 64,
  codecs: [0, 1],
  abis: [1],
  features: 2,
}
const FLEET = { devices: 2, trainSamples: 20, testSamples: 5 }

/** What a federation of `PLAN` hands to its journal: the beginning, and every commit. */
export function federationLife(): { readonly first: FederationSnapshot; readonly commits: readonly JournalCommit[] } {
  const federation = new Federation({ plan: PLAN, init: [1, 2, 3], epoch: 65536, clients: 2 })
  const first = structuredClone(federation.snapshot())
  const commits: JournalCommit[] = []
  const effects: RoundEffect[] = []
  for (const [i, id] of ["a", "b"].entries())
    federation.step({ type: "ready", nowMs: 0, device: { id, key: [i, i], samples: 1, testSamples: 1 } }, effects)
  federation.step({ type: "start", nowMs: 0 }, effects)
  while (federation.rounds.phase !== "released") {
    const { round, epoch, kind } = federation.rounds
    for (const device of ["a", "b"]) {
      federation.step({ type: "update", nowMs: 0, device, round, epoch }, effects)
      federation.step({ type: "folded", nowMs: 0, device, ok: true }, effects)
    }
    const size = kind === "train" ? 3 : kind === "statistics" ? momentsSize(2) : federation.shape("evaluate", 2).size
    const sum = Float64Array.from({ length: size }, (_, i) => (kind === "train" ? round / 3 + i : i === 0 ? 2 : i % 5))
    federation.commit({
      sum,
      weight: 3,
      count: 2,
      samples: 4,
      lossSum: 1.5,
      contributions: ["a", "b"].map((device) => ({ device, steps: 1, samples: 2 })),
      uplinkBytes: 10,
      downlinkBytes: 20,
      seconds: 0.25,
    })
    const version = federation.version
    commits.push({ snapshot: structuredClone(federation.snapshot()), fleet: FLEET, retained: [chunks(version)] })
    federation.step({ type: "committed", nowMs: 0, stop: false }, effects)
  }
  return { first, commits }
}

export function chunks(version: number, size = 65536, base?: number): RetainedChunks {
  return { version, base, size, chunks: 3 }
}

/** The commit of training round `round`, of a run that began at `first`: made up, and of any length. */
export function madeUpCommit(first: FederationSnapshot, round: number): JournalCommit {
  const numbers = { uplinkBytes: 1000, downlinkBytes: 1000, seconds: 1 }
  const record = { round, folded: 10, samples: 100, trainLoss: 0.5, testLoss: null, metrics: {}, ...numbers }
  const position = { ...first.position, round, trained: round, committed: { round: round - 1, epoch: 65536 } }
  const exact = Float64Array.from(first.model.exact, (value) => value + round)
  const model = { ...first.model, version: round, exact }
  // Only the last record is looked at.
  return { snapshot: { ...first, position, model, records: [record] }, fleet: FLEET, retained: [chunks(round)] }
}
