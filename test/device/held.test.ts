import { expect, test } from "vitest"
import { basisOf, outlives } from "../../src/device/held.ts"
import type { Notice } from "../../src/wire/message.ts"
import { LINE } from "./fake-coordinator.ts"

const NOTICE: Notice = {
  ...{ type: "notice", round: 3, epoch: 1, kind: "train", phase: "working", session: 7, version: 3 },
  ...{ digest: new Uint8Array(32), sizeBytes: 12, chunkClasses: [64], secondsLeft: 60, codecs: [0], grid: -30 },
  ...{ weightCap: 1000, seed: 5, shards: 4, spreadSeconds: 0, training: { ...LINE, maxStaleness: 5 } },
}
const module = (sequence: number) => ({ module: { slot: "train", sequence, least: 0 } })

test("a late update is wanted in a round of the module that trained it, and in no other", () => {
  const next = { ...NOTICE, round: 4, version: 4 }
  expect(outlives(basisOf(NOTICE), next)).toBe(true)
  expect(outlives(basisOf(NOTICE), { ...next, ...module(0) })).toBe(true)
  expect(outlives(basisOf(NOTICE), { ...next, ...module(1) })).toBe(false)
  const withOne = basisOf({ ...NOTICE, ...module(1) })
  expect(outlives(withOne, { ...next, ...module(1) })).toBe(true)
  expect(outlives(withOne, { ...next, ...module(2) })).toBe(false)
  expect(outlives(withOne, next)).toBe(false)
})
