import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import type { CodecName } from "../../src/core/codec.ts"
import { vectors } from "../kernel/codec-support.ts"
import type { CodecVectors } from "../kernel/golden.ts"
import { chunkModule } from "../../src/wire/chunk.ts"
import { encode } from "../../src/wire/codec.ts"
import { topics } from "../../src/wire/topics.ts"
import { INVALID, VECTORS, fromHex } from "../wire/vectors.ts"
import { EXAMPLES, play, setupOf } from "./federations.ts"
import type { Example } from "./federations.ts"
import { manifestBytes } from "./manifest-records.ts"
import { signedModules } from "./module-records.ts"
import * as mqtt from "./mqtt.ts"
import { Puppet } from "./puppet.ts"
import { DEVICE, TOPICS } from "./world.ts"
import type { World } from "./world.ts"

/** Where fuzzing begins: the golden vectors, and federations that go well, as the harnesses of firmware-bridge/test/fuzz read them. */

export const HARNESSES = ["message", "mqtt", "payload", "text", "module", "device"] as const
export type Harness = (typeof HARNESSES)[number]

/** Writes each harness's files into a folder of its name. `puppet`: the program. */
export async function writeCorpus(folder: string, puppet: string): Promise<void> {
  const messages = [...VECTORS.map(({ bytes }) => bytes), ...INVALID.map(({ hex }) => fromHex(hex))]
  const files: Record<Harness, Uint8Array[]> = {
    message: messages,
    mqtt: mqttFiles(messages),
    payload: payloadFiles(),
    text: textFiles(),
    module: moduleFiles(),
    device: [...messages.map(deviceFile), ...(await federationFiles(puppet))],
  }
  for (const harness of HARNESSES) {
    mkdirSync(join(folder, harness), { recursive: true })
    files[harness].forEach((bytes, i) => writeFileSync(join(folder, harness, String(i)), bytes))
  }
}

/** As fuzz_module.c reads them: a public key, then what happens. And manifests alone. */
function moduleFiles(): Uint8Array[] {
  const word = (value: number): readonly number[] => [value % 256, value >> 8]
  const hear = (kind: number, index: number, bytes: Uint8Array): Buffer =>
    Buffer.concat([Uint8Array.of(kind, ...word(index), ...word(bytes.length)), bytes])
  const scripts = signedModules().map(({ publicKey, envelope, module, manifest }) => {
    const { sequence, slot, chunkBytes } = manifest
    const of = topics("motes")
    const chunks = chunkModule(module, sequence, chunkBytes).map((chunk) => encode(chunk))
    const [topic, at] = [Buffer.from(of.manifest(slot, sequence)), Buffer.from(of.module(slot, sequence, 0))]
    const restart = Uint8Array.of(6)
    const polls = new Uint8Array(4).fill(4)
    return Buffer.concat([
      publicKey,
      Uint8Array.of(0, ...word(sequence)),
      hear(3, topic.length, envelope),
      topic,
      hear(3, at.length, chunks[0]!),
      at,
      restart,
      ...chunks.toReversed().map((bytes, i) => hear(2, chunks.length - 1 - i, bytes)),
      polls,
      restart,
      Uint8Array.of(0, ...word(sequence + 1)),
      hear(1, 0, envelope),
      Uint8Array.of(5),
    ])
  })
  return [...scripts, ...manifestBytes()]
}

function mqttFiles(messages: readonly Uint8Array[]): Buffer[] {
  const acks = Buffer.concat([mqtt.connack(), mqtt.suback(1), mqtt.puback(2), mqtt.unsuback(3), mqtt.pingresp()])
  return [acks, ...messages.map((message, i) => mqtt.publish(TOPICS.round, message, i % 3, i % 2 === 0))]
}

/** fuzz_payload.c takes its decoders in this order, and no more values. */
const DECODERS: readonly CodecName[] = ["int8-nearest", "eden1", "eden2", "eden4"]
const MOST_VALUES = 1100

/** Values as f32, int8 and eden1 encode them; payloads as each decoder reads them. */
function payloadFiles(): Buffer[] {
  const values = new Float32Array([1, -0.5, 0, 3.4e38, 1e-45, -1e-38, 0.1, Infinity, NaN])
  const bytes = Buffer.from(values.buffer)
  const finite = bytes.subarray(0, 28)
  const encoded = [0, 1, 2].flatMap((which) => [
    Buffer.concat([Buffer.of(which), bytes]),
    Buffer.concat([Buffer.of(which), finite]),
  ])
  const decoded = vectors<CodecVectors>("codecs.json").cases.flatMap(({ codec, payload, decoded: values }) => {
    const which = DECODERS.indexOf(codec)
    const count = values.length / 8 - 1
    if (which < 0 || count < 0 || count >= MOST_VALUES) return []
    const head = [3 + which, count & 255, count >> 8, 1]
    return [Buffer.concat([Buffer.from(head), fromHex(payload)])]
  })
  return [...encoded, ...decoded]
}

function textFiles(): Buffer[] {
  const texts = [
    "mote-7",
    "Mote 7",
    "zu groß",
    "太大了",
    "\u{1f321}",
    "\u0000",
    "\u0080",
    "\u00a0",
    "\ufeff",
    "\u{10ffff}",
  ]
  const bytes = [[0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xe2, 0x82], [0xff]]
  return [...texts.map((text) => Buffer.from(text)), ...bytes.map((each) => Buffer.from(each))]
}

/** Steps of fuzz_device.c. */
const STEP = { pass: 0, publish: 1, raw: 2, stream: 3, answers: 4, longer: 5, query: 6, leave: 7 } as const

export function step(what: keyof typeof STEP, how: number, payload?: Uint8Array): Buffer {
  const head = Buffer.of(STEP[what] | (how << 3))
  return payload === undefined
    ? head
    : Buffer.concat([head, Buffer.from([payload.length & 255, payload.length >> 8]), payload])
}

const OWN_TOPICS = [TOPICS.receipt(DEVICE), TOPICS.task(DEVICE), TOPICS.round]

/** A message on one of the device's own topics, or else on that of the chunk which it asked for last. */
export function publish(topic: string, payload: Uint8Array, retained: boolean): Buffer {
  const own = OWN_TOPICS.indexOf(topic)
  return step("publish", (own < 0 ? 3 : own) | (retained ? 4 : 0), payload)
}

/** What a device is: packets of 512 and 300 bytes, 64 KiB, everything in it; its classes and features. */
function device(classes: number, features: number): Buffer {
  return Buffer.of(5 | ((classes - 1) << 5), features - 1)
}

function deviceFile(message: Uint8Array, i: number): Buffer {
  const how = OWN_TOPICS[i % 3]!
  return Buffer.concat([
    device(1 + (i % 3), 64),
    step("pass", 15),
    publish(how, message, i % 2 === 0),
    step("pass", 31),
  ])
}

async function federationFiles(program: string): Promise<Buffer[]> {
  const files: Buffer[] = []
  for (const example of EXAMPLES) {
    const puppet = new Puppet(program, setupOf(example))
    const { world } = await play(puppet, example)
    await puppet.end()
    files.push(recorded(world, example))
  }
  return files
}

function recorded(world: World, { classes }: Example): Buffer {
  const said = world.delivered.flatMap(({ topic, payload, retained }) => [
    step("pass", 7),
    publish(topic, payload, retained),
  ])
  return Buffer.concat([
    device(classes, 4),
    step("pass", 31),
    ...said,
    step("pass", 31),
    step("query", 0),
    step("leave", 31),
    step("longer", 0),
  ])
}
