import { readFileSync } from "node:fs"
import { expect, test } from "vitest"
import { encode } from "../../src/wire/codec.ts"
import { describeMessage } from "../../src/wire/describe.ts"
import { encodeEnvelope } from "../../src/wire/manifest.ts"
import { Dice, SEED } from "./random.ts"
import { VECTORS, fromHex } from "./vectors.ts"

function vector(name: string): Uint8Array {
  return VECTORS.find((each) => each.name === name)!.bytes
}

test("a Notice, as one line of JSON", () => {
  expect(JSON.stringify(describeMessage("fm1/har/round", vector("notice: training")))).toBe(
    JSON.stringify({
      topic: "round",
      fleet: "har",
      message: {
        type: "notice",
        round: 3,
        epoch: 5,
        kind: "train",
        phase: "working",
        session: 3735928559,
        secondsLeft: 60,
        version: 3,
        digest: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        sizeBytes: 146392,
        chunkClasses: [1024, 16384, 65536],
        codecs: ["eden1", "int8", "f32"],
        grid: -31,
        weightCap: 1000,
        seed: 7,
        shards: 4,
        spreadSeconds: 10,
        committed: { round: 2, epoch: 4 },
        training: {
          inputs: 561,
          layers: [
            { kind: "dense", units: 64, activation: "relu" },
            { kind: "dense", units: 6, activation: "identity" },
          ],
          loss: "softmax",
          positiveWeight: 1,
          standardized: true,
          epochs: 1,
          batch: 32,
          learningRate: 0.1,
          momentum: 0.9,
          l2: 0.0001,
          proximal: 0,
        },
      },
    }),
  )
})

test("an update: the payload by its length only, floats as short as they can be, an unknown codec by number", () => {
  const update = VECTORS.find(({ name }) => name === "update: int8")!.message
  const bytes = encode({ ...update, codec: 200 } as typeof update)
  expect(describeMessage("fm1/f/up/2/mote-1", bytes)).toEqual({
    topic: "update",
    fleet: "f",
    shard: 2,
    device: "mote-1",
    message: {
      type: "update",
      round: 3,
      epoch: 5,
      updateId: "e3b0c44298fc1c14",
      index: 0,
      count: 1,
      baseVersion: 3,
      codec: 200,
      samples: 352,
      steps: 11,
      metrics: [123.25, 0.1],
      payloadBytes: 16,
    },
  })
})

test("signed manifests and orders, and what a coordinator says to operators", () => {
  const read = (name: string): unknown =>
    JSON.parse(readFileSync(new URL(`../vectors/module/${name}`, import.meta.url), "utf8"))
  const { keyId, valid } = read("manifest.json") as {
    readonly keyId: string
    readonly valid: readonly { readonly manifest: object; readonly envelope: string }[]
  }
  const { manifest, envelope } = valid[0]!
  expect(describeMessage("fm1/f/module/train/4/manifest", fromHex(envelope))).toEqual({
    ...{ topic: "manifest", fleet: "f", slot: "train", sequence: 4 },
    ...{ keyId, message: manifest },
  })
  const orders = read("order.json") as {
    readonly valid: readonly { readonly order: object; readonly payload: string }[]
  }
  const { order, payload } = orders.valid[0]!
  const signed = encodeEnvelope({ keyId: fromHex(keyId), payload: fromHex(payload), signature: new Uint8Array(64) })
  const where = { topic: "order", fleet: "f", slot: "train" }
  expect(describeMessage("fm1/f/module/train/order", signed)).toEqual({ ...where, keyId, message: order })
  const rollout = describeMessage("fm1/f/module/train/rollout", new TextEncoder().encode(`{"settled":3}`))
  expect(rollout).toEqual({ ...where, topic: "rollout", message: { settled: 3 } })
  expect(describeMessage("fm1/f/module/train/answer", Uint8Array.of(0xff))).toMatchObject({ error: "expected JSON" })
  expect(describeMessage("fm1/f/module/train/order", Uint8Array.of(0xa0))).toHaveProperty("error")
})

test("what cannot be read is described too", () => {
  expect(describeMessage("fm1/f/model/3/full/1024/0", new Uint8Array(0))).toEqual({
    topic: "model",
    fleet: "f",
    version: 3,
    size: 1024,
    chunk: 0,
    empty: true,
  })
  expect(describeMessage("home/lamp", Uint8Array.of(0x6f, 0x6e))).toMatchObject({ topic: "home/lamp", bytes: 2 })
  expect(describeMessage("fm1/f/round", Uint8Array.of(0xa0))).toEqual({
    topic: "round",
    fleet: "f",
    bytes: 1,
    error: "expected protocol version 1 in key 0, got undefined",
  })
})

test(`never throws, always JSON (seed ${SEED})`, () => {
  const dice = new Dice(SEED)
  for (const { bytes } of VECTORS) expect(() => JSON.stringify(describeMessage("fm1/f/round", bytes))).not.toThrow()
  for (let i = 0; i < 5000; i++) {
    const bytes = new Uint8Array(dice.pick(VECTORS).bytes)
    bytes[dice.below(bytes.length)] = dice.below(256)
    const line = JSON.stringify(describeMessage("fm1/f/round", bytes))
    expect(JSON.parse(line)).toHaveProperty(line.includes('"error"') ? "error" : "message")
  }
})
