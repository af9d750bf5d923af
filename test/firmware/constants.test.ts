import { readFileSync } from "node:fs"
import { expect, test } from "vitest"
import { SCORE_BINS } from "../../src/core/evaluation.ts"
import { LIMBS } from "../../src/core/limbs.ts"
import { KEY_BYTES } from "../../src/net/signature.ts"
import { BOUNDS } from "../../src/wire/keys.ts"
import { MANIFEST_BOUNDS } from "../../src/wire/manifest.ts"
import { shardOf } from "../../src/wire/shard.ts"
import { NAME_LENGTHS, TOPIC_PREFIX, topics } from "../../src/wire/topics.ts"

/** Numbers and topics that the C client writes down itself, beside the protocol's, which are generated: each is held to the TypeScript side. */

const ROOT = new URL("../../", import.meta.url)

function read(path: string): string {
  return readFileSync(new URL(path, ROOT), "utf8")
}

/** The value of `#define name 1000U`. */
function inC(file: string, name: string): number {
  const value = new RegExp(`^#define ${name} (\\d+)U$`, "m").exec(read(`firmware-bridge/src/${file}`))?.[1]
  if (value === undefined) throw new Error(`expected a number ${name} in ${file}`)
  return Number(value)
}

/** The value of `const name = 1_000`, which need not be exported. */
function inTypeScript(file: string, name: string): number {
  const value = new RegExp(`^(?:export )?const ${name} = ([\\d_]+)$`, "m").exec(read(`src/${file}`))?.[1]
  if (value === undefined) throw new Error(`expected a number ${name} in ${file}`)
  return Number(value.replaceAll("_", ""))
}

test.each([
  ["fm_greeting.c", "KERNEL_ABI", "device/greeting.ts", "KERNEL_ABI"],
  ["fm_greeting.c", "JITTER_MS", "device/greeting.ts", "JITTER_MS"],
  ["fm_greeting.c", "UNHEARD_MS", "device/greeting.ts", "UNHEARD_MS"],
  ["fm_upload.c", "FIRST_RESEND_MS", "device/upload.ts", "FIRST_RESEND_MS"],
  ["fm_upload.c", "MOST_RESEND_MS", "device/upload.ts", "MOST_RESEND_MS"],
  ["fm_pull.c", "CHUNK_MS", "device/model-pull.ts", "CHUNK_TIMEOUT_MS"],
  ["fm_leave.c", "LEAVE_MS", "device/device.ts", "GONE_TIMEOUT_MS"],
  ["fm_session.c", "STABLE_MS", "net/mqtt.ts", "STABLE_MS"],
] as const)("%s: %s is %s's %s", (file, name, otherFile, otherName) => {
  expect(inC(file, name)).toBe(inTypeScript(otherFile, otherName))
})

test("limbs of sums and bins of scores are those of the evaluation's vector", () => {
  expect(inC("fm_sum.h", "FM_LIMBS")).toBe(LIMBS)
  expect(inC("fm_loss.h", "FM_SCORE_BINS")).toBe(SCORE_BINS)
})

test("topics are those of topics.ts, each and no more", () => {
  const [fleet, device] = ["motes", "mote-7"] as const
  const { hello, ready, gone, task, receipt, round, update, model, manifest, module } = topics(fleet)
  const expected: Record<string, readonly [topic: string, ...numbers: number[]]> = {
    HELLO: [hello(device)],
    READY: [ready(device)],
    GONE: [gone(device)],
    TASK: [task(device)],
    RECEIPT: [receipt(device)],
    ROUND: [round],
    UPDATE: [update(device, 4), shardOf(device, 4)],
    MODEL: [model(12, undefined, 1024, 3), 12, 11, 1024, 3],
    CHANGE: [model(12, 11, 1024, 3), 12, 11, 1024, 3],
    // The slot has the name of the device here.
    MANIFEST: [manifest(device, 4), 4],
    MODULE: [module(device, 4, 3), 4, 3],
    OF_MODULE: [module(device, 4, 3).slice(0, -1), 4],
  }
  const forms = [...read("firmware-bridge/src/fm_topic.h").matchAll(/^#define FM_TOPIC_(\w+) "(.+)"$/gm)]
  expect(forms.map(([, name]) => name).toSorted()).toEqual(Object.keys(expected).toSorted())
  for (const [, name, form] of forms) {
    const [topic, ...numbers] = expected[name!]!
    const filled = form!.replaceAll(/[INO]/g, (part) => {
      if (part === "I") return device
      const number = String(numbers.shift())
      return part === "N" ? number : ""
    })
    expect(`${TOPIC_PREFIX}/${fleet}${filled}`, name).toBe(topic)
    expect(numbers, name).toEqual([])
  }
})

test("sizes in the header for modules are those of a manifest", () => {
  const header = "../include/fedmote_module.h"
  expect(inC(header, "FM_ENVELOPE_BYTES")).toBe(MANIFEST_BOUNDS.envelope.max)
  expect(inC(header, "FM_MODULE_TAGS")).toBe(MANIFEST_BOUNDS.tagList.max)
  expect(inC(header, "FM_PUBLIC_KEY_BYTES")).toBe(KEY_BYTES)
  const { max } = BOUNDS.uint32
  const longest = topics("f".repeat(NAME_LENGTHS.fleet)).module(
    "s".repeat(NAME_LENGTHS.slot),
    max,
    BOUNDS.chunkIndex.max,
  )
  expect(inC(header, "FM_MODULE_TOPIC_BYTES")).toBeGreaterThan(longest.length)
})

test("the longest topic of a change is as long as it is reckoned", () => {
  const [, longest] = /FM_TOPIC_PREFIX "(\/\/model\/[^"]+)"/.exec(read("firmware-bridge/src/fm_device.c"))!
  const { max } = BOUNDS.uint32
  const topic = topics("motes").model(max, max, BOUNDS.chunkClass.max, BOUNDS.chunkIndex.max)
  expect(`${TOPIC_PREFIX}${longest!.replace("//", "/motes/")}`).toBe(topic)
})
