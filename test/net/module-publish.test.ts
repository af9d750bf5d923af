import { afterEach, beforeEach, expect, test } from "vitest"
import type { Link } from "../../src/net/link.ts"
import { loopbackNetwork } from "../../src/net/loopback.ts"
import { clearModule, publishModule } from "../../src/net/module-publish.ts"
import { pullManifest, pullModule } from "../../src/net/module-pull.ts"
import { systemClock } from "../../src/net/clock.ts"
import { topics } from "../../src/wire/topics.ts"

const names = topics("lab")
const SHAPE = { slot: "train", sequence: 5, sizeBytes: 5000, chunkBytes: 64 }
const MODULE = Uint8Array.from({ length: SHAPE.sizeBytes }, (_, i) => i % 251)
const ENVELOPE = new Uint8Array(200).fill(7)

const network = loopbackNetwork()
let operator: Link
let watcher: Link
/** Topics with the lengths of what came, in order. */
let seen: [topic: string, bytes: number][]
beforeEach(async () => {
  operator = await network.connect({ clientId: "operator" })
  watcher = await network.connect({ clientId: "watcher" })
  seen = []
  await watcher.subscribe(names.filters.everything, (topic, { length }) => void seen.push([topic, length]))
})
afterEach(async () => {
  await operator.close()
  await watcher.close()
})

test("what is published can be pulled, and the manifest comes last", async () => {
  await publishModule(SHAPE, { envelope: ENVELOPE, bytes: MODULE }, { link: operator, topics: names })
  expect(seen).toHaveLength(80)
  expect(seen.at(-1)).toEqual(["fm1/lab/module/train/5/manifest", 200])

  const options = { link: watcher, topics: names, clock: systemClock, slot: "train", signal: AbortSignal.timeout(5000) }
  expect(await pullManifest(5, options)).toEqual(ENVELOPE)
  const pulled = new Uint8Array(SHAPE.sizeBytes)
  const all = Array.from({ length: 79 }, (_, i) => i)
  await pullModule(SHAPE, all, (index, payload) => pulled.set(payload, 64 * index), options)
  expect(pulled).toEqual(MODULE)
})

test("what is cleared is not there any more, the manifest first", async () => {
  await publishModule(SHAPE, { envelope: ENVELOPE, bytes: MODULE }, { link: operator, topics: names })
  seen = []
  await clearModule(SHAPE, { link: operator, topics: names })
  expect(seen).toHaveLength(80)
  expect(seen[0]).toEqual(["fm1/lab/module/train/5/manifest", 0])
  const left: string[] = []
  await watcher.subscribe(names.filters.everything, (topic) => void left.push(topic))
  expect(left).toEqual([])
})

test("a link that goes down is said", async () => {
  network.drop("operator")
  await expect(
    publishModule(SHAPE, { envelope: ENVELOPE, bytes: MODULE }, { link: operator, topics: names }),
  ).rejects.toThrow(expect.objectContaining({ code: "link-down" }))
})
