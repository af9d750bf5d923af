import { expect, test } from "vitest"
import { chunkModel, chunkUpdate } from "../../src/wire/chunk.ts"
import { encode } from "../../src/wire/codec.ts"
import { topics } from "../../src/wire/topics.ts"
import { modelMessageBytes, updateMessageBytes, uploadPacketBytes } from "../../src/wire/traffic.ts"

const TOPIC = topics("fleet").update("device-1", 4)
const HEADER = {
  round: 300,
  epoch: 65536,
  updateId: new Uint8Array(8),
  baseVersion: 23,
  codec: 1,
  samples: 70000,
  steps: 12,
  metrics: Float32Array.of(1),
}

test.each([
  [1, 256],
  [23, 256],
  [24, 256],
  [255, 1024],
  [256, 1024],
  [5000, 256],
  [70000, 65536],
  [200000, 1 << 20],
])("an update of %i bytes in packets of %i is as long as its encoded messages", (payloadBytes, packetBytes) => {
  const chunks = chunkUpdate(HEADER, new Uint8Array(payloadBytes).fill(7), TOPIC, packetBytes)
  const sent = chunks.reduce((sum, chunk) => sum + encode(chunk).length, 0)
  expect(updateMessageBytes(HEADER, payloadBytes, TOPIC, packetBytes)).toBe(sent)
})

test.each([
  [12, 65536, 0, undefined],
  [65536, 65536, 23, undefined],
  [65537, 65536, 24, undefined],
  [100_000, 256, 300, undefined],
  [105, 65536, 1, 0],
  [100_000, 256, 300, 299],
])("a model of %i bytes in chunks of %i is as long as its encoded messages", (modelBytes, size, version, base) => {
  const chunks = chunkModel(new Uint8Array(modelBytes).fill(7), version, base, size)
  expect(modelMessageBytes(modelBytes, size, version, base)).toBe(
    chunks.reduce((sum, chunk) => sum + encode(chunk).length, 0),
  )
})

test("a device sends packets no larger than it takes, and with 64 KiB of payload at most", () => {
  expect([uploadPacketBytes(512), uploadPacketBytes(1 << 20), uploadPacketBytes()]).toEqual([512, 66048, 66048])
})
