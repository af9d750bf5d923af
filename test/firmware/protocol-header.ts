import { readFileSync, readdirSync, writeFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { CODECS } from "../../src/core/codec.ts"
import { MODEL_LIMITS } from "../../src/core/model.ts"
import { PURPOSE } from "../../src/core/random.ts"
import type { Bound } from "../../src/wire/keys.ts"
import {
  BOUNDS,
  CHOICES,
  KEYS,
  PAYLOAD_KEY,
  PROTOCOL_VERSION,
  TYPES,
  TYPE_KEY,
  VERSION_KEY,
} from "../../src/wire/keys.ts"
import { MANIFEST_BOUNDS, MANIFEST_KEYS, MODULE_FEATURES } from "../../src/wire/manifest.ts"
import { NAME_LENGTHS, TOPIC_PREFIX } from "../../src/wire/topics.ts"

/**
 * The C client's copy of the protocol's numbers, made from the TypeScript side; of those that it uses (MISRA C:2012, rule 2.5).
 * `node test/firmware/protocol-header.ts` writes it anew; a test says when that is due.
 */

const SOURCES = new URL("../../firmware-bridge/src/", import.meta.url)
const NAME = "fm_protocol.h"
const FILE = new URL(NAME, SOURCES)

/** What is committed. */
export function committedHeader(): string {
  return readFileSync(FILE, "utf8")
}

/** What it must be. */
export function protocolHeader(): string {
  const { hello, ready, gone, notice, task, update, receipt, model, flash, module, flashed, ...inside } = KEYS
  const used = usedNames()
  const section = (title: string, numbers: Readonly<Record<string, number>>): string => {
    const lines = Object.entries(numbers)
      .map(([name, value]) => ({ name: macro(name), value: literal(value) }))
      .filter(({ name }) => used.has(name))
      .map(({ name, value }) => `#define ${name} ${value}`)
    return lines.length === 0 ? "" : `\n/* ${title}. */\n${lines.join("\n")}`
  }
  return [
    "/**",
    " * The numbers of protocol 1. Generated from src/wire/keys.ts, src/wire/manifest.ts, src/wire/topics.ts",
    " * and src/core by test/firmware/protocol-header.ts: change them there.",
    " */",
    "#ifndef FM_PROTOCOL_H",
    "#define FM_PROTOCOL_H",
    section("Every message", {
      protocol: PROTOCOL_VERSION,
      "key version": VERSION_KEY,
      "key type": TYPE_KEY,
      "key payload": PAYLOAD_KEY,
    }),
    section("Message types", prefixed("type", TYPES)),
    ...Object.entries({ hello, ready, gone, notice, task, update, receipt, model, flash, module, flashed }).map(
      ([name, keys]) => section(`Keys of ${name}`, prefixed(`key ${name}`, withoutPayload(keys))),
    ),
    ...Object.entries(inside).map(([name, keys]) =>
      section(`Keys of ${name}, inside a notice`, prefixed(`key ${name}`, keys)),
    ),
    ...Object.entries(CHOICES).map(([name, numbers]) => section(`Values of ${name}`, prefixed(name, numbers))),
    section(
      "Codecs",
      prefixed("codec", Object.fromEntries(Object.entries(CODECS).map(([name, { id }]) => [name, id]))),
    ),
    section(
      "Purposes of random streams",
      prefixed("purpose", {
        shuffle: PURPOSE.shuffle,
        rotation: PURPOSE.rotation,
        rounding: PURPOSE.rounding,
        init: PURPOSE.init,
      }),
    ),
    section("Least and most of values; lengths of lists, strings and text", bounds("", BOUNDS)),
    section(
      "Longest names in topics",
      prefixed("most", {
        "fleet name": NAME_LENGTHS.fleet,
        "device id": NAME_LENGTHS.device,
      }),
    ),
    section("Keys of a manifest", prefixed("key manifest", MANIFEST_KEYS)),
    section("Values of moduleFeatures", prefixed("module features", MODULE_FEATURES)),
    section("Least and most of a manifest's values", bounds("manifest ", MANIFEST_BOUNDS)),
    section("Model", prefixed("most", { parameters: MODEL_LIMITS.parameters })),
    `\n/* First part of every topic. */\n#define FM_TOPIC_PREFIX ${JSON.stringify(TOPIC_PREFIX)}`,
    "\n#endif\n",
  ]
    .filter((text) => text !== "")
    .join("\n")
}

/** Every name of the client's own in its sources. */
function usedNames(): ReadonlySet<string> {
  const files = readdirSync(SOURCES).filter((name) => name !== NAME)
  const text = files.map((name) => readFileSync(new URL(name, SOURCES), "utf8")).join("")
  return new Set(text.match(/\bFM_\w+/g))
}

function prefixed(prefix: string, numbers: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(numbers).map(([name, value]) => [`${prefix} ${name}`, value]))
}

function withoutPayload(keys: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(keys).filter(([name]) => name !== "payload"))
}

function bounds(of: string, all: Readonly<Record<string, Bound>>): Record<string, number> {
  const out: Record<string, number> = {}
  for (const [name, { min, max }] of Object.entries(all)) {
    // 0 to 2^32 - 1 is what an unsigned number has anyway.
    if (min !== 0) out[`least ${of}${name}`] = min
    if (max !== 0xffffffff) out[`most ${of}${name}`] = max
  }
  return out
}

function macro(name: string): string {
  return `FM_${name.replaceAll(/([a-z])([A-Z][a-z])/g, "$1_$2").replaceAll(/[^A-Za-z0-9]/g, "_")}`.toUpperCase()
}

function literal(value: number): string {
  return value < 0 ? `(${value})` : `${value}U`
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(FILE, protocolHeader())
