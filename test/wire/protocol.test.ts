import { describe, expect, test } from "vitest"
import { decode, encode } from "../../src/wire/codec.ts"
import { BOUNDS, CHOICES, HIGHEST_KEY, KEYS, PAYLOAD_KEY, STRUCTURE, TYPES } from "../../src/wire/keys.ts"
import type { Item } from "./cbor.ts"
import { cbor } from "./cbor.ts"
import { readGrammar } from "./cddl.ts"
import { Dice, SEED } from "./random.ts"
import { toHex } from "./vectors.ts"

const grammar = readGrammar()
const kebab = (name: string): string => name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
const LAYERS = ["dense", "conv1d", "pool"]
/** Other maps inside messages, and the field that holds one. */
const INSIDE: Readonly<Record<string, string>> = {
  committed: "notice.committed",
  deltas: "notice.deltas",
  needs: "notice.module",
  schedule: "training.schedule",
  clipping: "training.clipping",
  range: "training.trained",
}

describe("protocol.cddl and keys.ts say the same", () => {
  test("messages, their types and their keys", () => {
    expect(grammar.alternatives.get("message")!.toSorted()).toEqual(Object.keys(TYPES).toSorted())
    for (const [name, number] of Object.entries(TYPES)) {
      const [protocol, type, ...fields] = grammar.maps.get(name)!
      expect(protocol).toEqual({ key: 0, type: "1", optional: false, field: "protocol" })
      expect(type).toEqual({ key: 1, type: String(number), optional: false, field: "type" })
      expect(Object.fromEntries(fields.map(({ field, key }) => [field, key]))).toEqual(KEYS[name as keyof typeof TYPES])
    }
  })

  test("maps inside messages", () => {
    const inside = [...grammar.maps.keys()].filter((name) => !(name in TYPES))
    expect(inside.toSorted()).toEqual(["training", ...Object.keys(INSIDE), ...LAYERS].toSorted())
    for (const name of inside)
      expect(Object.fromEntries(grammar.maps.get(name)!.map(({ field, key }) => [field, key]))).toEqual(
        KEYS[name as keyof typeof KEYS],
      )
    expect(Object.keys(KEYS).toSorted()).toEqual([...grammar.maps.keys()].toSorted())
    expect(grammar.alternatives.get("layer")).toEqual(LAYERS)
  })

  test("choices", () => {
    const { layerKind, ...choices } = CHOICES
    expect(Object.fromEntries(grammar.choices)).toEqual(
      Object.fromEntries(Object.entries(choices).map(([name, numbers]) => [kebab(name), numbers])),
    )
    for (const [name, number] of Object.entries(layerKind))
      expect(grammar.maps.get(name)![0]!.type).toBe(String(number))
  })

  test("bounds", () => {
    const bounds: Record<string, { min: number; max: number }> = {}
    for (const [name, [min, max]] of grammar.ranges) bounds[name] = { min, max }
    for (const [name, { min, max }] of [...grammar.sizes, ...grammar.lists]) bounds[name] = { min, max }
    for (const name of ["not-negative", "fraction", "positive"]) {
      expect(bounds[name]).toEqual({ min: 4, max: 4 })
      delete bounds[name]
    }
    // In bytes there, in numbers of 4 bytes here.
    for (const name of ["class-list", "metric-list", "loss-list"]) {
      const { min, max } = bounds[name]!
      bounds[name] = { min: min / 4, max: max / 4 }
    }
    expect(bounds).toEqual(Object.fromEntries(Object.entries(BOUNDS).map(([name, bound]) => [kebab(name), bound])))
  })

  test("keys ascend, fit, and the payload is last", () => {
    for (const entries of grammar.maps.values()) {
      const keys = entries.map(({ key }) => key)
      expect(keys).toEqual([...new Set(keys)].toSorted((a, b) => a - b))
      expect(Math.max(...keys)).toBeLessThanOrEqual(HIGHEST_KEY)
      expect(entries.filter(({ field }) => field === "payload").every(({ key }) => key === PAYLOAD_KEY)).toBe(true)
    }
  })
})

/** Makes items that the grammar allows; `fixed` gives the value of one field ("training.epochs") instead. */
class Generator {
  readonly #dice: Dice
  readonly #fixed: ReadonlyMap<string, Item>

  constructor(dice: Dice, fixed: ReadonlyMap<string, Item> = new Map()) {
    this.#dice = dice
    this.#fixed = fixed
  }

  map(name: string): Map<number, Item> {
    const out = new Map<number, Item>()
    for (const { key, type, optional, field } of grammar.maps.get(name)!) {
      const fixed = this.#fixed.get(`${name}.${field}`)
      if (fixed !== undefined) out.set(key, fixed)
      else if (!optional || this.#dice.below(2) === 0) out.set(key, this.#value(type))
    }
    return this.#betweenFields(name, out)
  }

  #value(type: string): Item {
    const dice = this.#dice
    if (/^\d+$/.test(type)) return Number(type)
    if (type === "bool") return dice.below(2) === 0
    if (grammar.maps.has(type)) return this.map(type)
    const range = grammar.ranges.get(type)
    if (range) return dice.between(...range)
    const choice = grammar.choices.get(type)
    if (choice) return dice.pick(Object.values(choice))
    const alternatives = grammar.alternatives.get(type)
    if (alternatives) return this.map(dice.pick(alternatives))
    const list = grammar.lists.get(type)
    if (list) return Array.from({ length: dice.between(list.min, list.max) }, () => this.#value(list.of))
    const size = grammar.sizes.get(type)!
    if (type === "slot-name") return dice.pick(["a", "train", "-", "x".repeat(32)])
    return size.of === "tstr" ? text(dice, size.max) : this.#bytes(type, size.min, size.max)
  }

  /** What comments of the grammar say about byte strings. */
  #bytes(type: string, min: number, max: number): Uint8Array {
    const dice = this.#dice
    if (type === "codec-list" || type === "abi-list")
      return Uint8Array.from(dice.shuffled(Array.from({ length: 256 }, (_, i) => i)).slice(0, dice.between(min, max)))
    if (type === "class-list") {
      const each = new Set(Array.from({ length: dice.between(min / 4, max / 4) }, () => dice.between(64, 1048576)))
      return words([...each].toSorted((a, b) => a - b))
    }
    if (type === "metric-list")
      return reals(Array.from({ length: dice.between(0, max / 4) }, () => dice.below(1000) / 7 - 70))
    if (type === "loss-list") return reals(dice.pick([[], [1.5, 2, 0.25, 2]]))
    if (type === "not-negative") return reals([dice.pick([0, 1e-30, 0.01, 1, 3e38])])
    if (type === "fraction") return reals([dice.pick([0, 0.5, 1])])
    if (type === "positive") return reals([dice.pick([2 ** -149, 1, 3e38])])
    return dice.bytes(dice.between(min, Math.min(max, 200)))
  }

  /** What comments of the grammar say about fields beside each other; a fixed field keeps its value. */
  #betweenFields(name: string, map: Map<number, Item>): Map<number, Item> {
    const keys: Readonly<Record<string, number>> = KEYS[name as keyof typeof KEYS]
    const get = (field: string): number => map.get(keys[field]!) as number
    if (keys["index"] !== undefined && get("index") >= get("count"))
      if (this.#fixed.has(`${name}.count`)) map.set(keys["index"], get("count") - 1)
      else map.set(keys["count"]!, get("index") + 1)
    if (keys["base"] !== undefined && map.has(keys["base"]) && get("base") >= get("version"))
      if (this.#fixed.has(`${name}.base`)) map.set(keys["version"]!, get("base") + 1)
      else map.delete(keys["base"])
    if (name === "range" && get("from") >= get("to"))
      if (this.#fixed.has("range.from")) map.set(keys["to"]!, get("from") + 1)
      else map.set(keys["from"]!, get("to") - 1)
    if (name === "notice" && map.has(keys["deltas"]!)) {
      const base = (map.get(keys["deltas"]!) as Map<number, Item>).get(KEYS.deltas.base) as number
      if (base >= get("version"))
        if (this.#fixed.has("notice.version") || base === 0xffffffff) map.delete(keys["deltas"]!)
        else map.set(keys["version"]!, base + 1)
    }
    if (name === "needs" && get("least") > get("sequence"))
      if (this.#fixed.has("needs.least")) map.set(keys["sequence"]!, get("least"))
      else map.set(keys["least"]!, get("sequence"))
    if (name === "flashed" && (get("state") === 0) !== (get("target") === 0))
      if (this.#fixed.has("flashed.target")) map.set(keys["state"]!, get("target") === 0 ? 0 : 1)
      else map.set(keys["target"]!, get("state") === 0 ? 0 : 1)
    if (name === "training") {
      const custom = CHOICES.loss.custom
      if (get("loss") === custom) map.set(keys["layers"]!, [])
      else if ((map.get(keys["layers"]!) as Item[]).length === 0)
        if (this.#fixed.has("training.layers")) map.set(keys["loss"]!, custom)
        else map.set(keys["layers"]!, [this.map("dense")])
      this.#layerRanges(map)
    }
    return map
  }

  /** Ranges of layers lie within the model, the shared ones within the trained ones. */
  #layerRanges(map: Map<number, Item>): void {
    const { layers, trained, shared } = KEYS.training
    const count = (map.get(layers) as Item[]).length
    for (const key of [trained, shared])
      if (
        !this.#fixed.has("training.trained") &&
        map.has(key) &&
        ((map.get(key) as Map<number, Item>).get(KEYS.range.to) as number) > count
      )
        map.delete(key)
    if (map.has(trained) && map.has(shared)) map.set(shared, map.get(trained)!)
  }
}

describe("the codec takes what the grammar allows", () => {
  test.each(Object.keys(TYPES))(`%s (seed ${SEED})`, (name) => {
    const generator = new Generator(new Dice(SEED))
    for (let i = 0; i < 500; i++) {
      const bytes = cbor(generator.map(name))
      const message = decode(bytes)
      expect(message.type).toBe(name)
      if (Buffer.compare(encode(message), bytes) !== 0)
        throw new Error(`${toHex(bytes)} came back as ${toHex(encode(message))}`)
    }
  })

  test(`no message has more items or depth than the structure allows (seed ${SEED})`, () => {
    const clipping = new Map(["clipping.step", "clipping.example"].map((name) => [name, reals([1])] as const))
    const largest = new Map<string, Item>([
      ["training.layers", Array.from({ length: 15 }, () => new Generator(new Dice(SEED)).map("conv1d"))],
      ["training.loss", 0],
      ...Object.entries(INSIDE).map(
        ([map, holder]) => [holder, new Generator(new Dice(SEED), clipping).map(map)] as const,
      ),
      ["training.errorFeedback", true],
      ["training.maxStaleness", 1],
      [
        "training.trained",
        new Map([
          [0, 0],
          [1, 15],
        ]),
      ],
      [
        "training.shared",
        new Map([
          [0, 0],
          [1, 15],
        ]),
      ],
      [
        "notice.deltas",
        new Map([
          [0, 0],
          [1, 255],
        ]),
      ],
      ["notice.version", 1],
    ])
    const notice = new Generator(new Dice(SEED), largest).map("notice")
    expect(items(notice)).toBe(306)
    expect(items(notice)).toBeLessThanOrEqual(STRUCTURE.items)
    expect(depth(notice)).toBe(STRUCTURE.depth)
    expect(decode(cbor(notice)).type).toBe("notice")
  })
})

describe("the codec holds every field to its bound", () => {
  const fields = [...grammar.maps].flatMap(([map, entries]) =>
    entries.filter(({ key, field }) => field !== "kind" || key > 1).map((entry) => ({ map, ...entry })),
  )
  // A field of a map inside is tested through the message that holds it; the Notice holds them all.
  const messageOf = (map: string): string => (map in TYPES ? map : "notice")

  const numeric = fields.flatMap(({ map, field, type }) => {
    const choice = grammar.choices.get(type)
    const range = grammar.ranges.get(type) ?? (choice && ([0, Object.keys(choice).length - 1] as const))
    return range ? [{ name: `${map}.${field}`, map, min: range[0], max: range[1] }] : []
  })

  test.each(numeric)("$name: $min to $max", ({ name, map, min, max }) => {
    const make = (value: number): Uint8Array => build(messageOf(map), map, new Map([[name, value]]))
    expect(decode(make(min)).type).toBe(messageOf(map))
    // A version cannot come after the largest base, nor a count after the largest index: their own bounds end one before.
    expect(decode(make(name === "model.base" || name === "deltas.base" ? max - 1 : max)).type).toBe(messageOf(map))
    for (const beyond of [min - 1, max + 1])
      expect(() => decode(make(beyond))).toThrow(expect.objectContaining({ name: "WireError" }))
  })

  const sized = fields.flatMap(({ map, field, type }) => {
    const size = grammar.sizes.get(type)
    return size ? [{ name: `${map}.${field}`, map, type, ...size }] : []
  })

  test.each(sized)("$name: $min to $max bytes", ({ name, map, type, of, min, max }) => {
    const make = (length: number): Uint8Array => {
      const value = of === "tstr" ? "x".repeat(length) : filled(type, length)
      return build(messageOf(map), map, new Map<string, Item>([[name, value]]))
    }
    expect(decode(make(min)).type).toBe(messageOf(map))
    expect(decode(make(max)).type).toBe(messageOf(map))
    const step = ["class-list", "metric-list", "loss-list"].includes(type) ? 4 : 1
    for (const beyond of [min - step, max + step])
      if (beyond >= 0) expect(() => decode(make(beyond))).toThrow(expect.objectContaining({ name: "WireError" }))
  })

  function build(message: string, map: string, fixed: Map<string, Item>): Uint8Array {
    if (LAYERS.includes(map)) {
      fixed.set("training.layers", [new Generator(new Dice(SEED), fixed).map(map)])
      fixed.set("training.loss", 0)
    }
    const holder = INSIDE[map]
    if (map === "needs" && !fixed.has("needs.sequence")) fixed.set("needs.sequence", 0xffffffff)
    if (map === "deltas" && !fixed.has("deltas.base")) fixed.set("deltas.base", 0)
    if (holder !== undefined) {
      fixed.set(holder, new Generator(new Dice(SEED), fixed).map(map))
      if (map === "range") {
        fixed.set(
          "training.layers",
          Array.from({ length: 15 }, () => new Generator(new Dice(SEED)).map("dense")),
        )
        fixed.set("training.loss", 0)
      }
    }
    return cbor(new Generator(new Dice(SEED), fixed).map(message))
  }
})

/** A byte string of this length that keeps to its type's comment. */
function filled(type: string, length: number): Uint8Array {
  if (type === "class-list") return words(Array.from({ length: length / 4 }, (_, i) => 64 + i))
  if (type === "codec-list" || type === "abi-list") return Uint8Array.from({ length }, (_, i) => i)
  // Every float32 made of these bytes is a number from 0 to 1.
  return new Uint8Array(length).fill(0x3c)
}

function text(dice: Dice, max: number): string {
  const length = dice.between(0, max)
  let out = ""
  while (Buffer.byteLength(out) < length) out += dice.pick(["a", "z", " ", "ü", "€", "🔋"])
  return Buffer.byteLength(out) > max ? out.slice(0, max / 4) : out
}

function words(values: readonly number[]): Uint8Array {
  const out = new DataView(new ArrayBuffer(values.length * 4))
  values.forEach((value, i) => out.setUint32(i * 4, value, true))
  return new Uint8Array(out.buffer)
}

function reals(values: readonly number[]): Uint8Array {
  const out = new DataView(new ArrayBuffer(values.length * 4))
  values.forEach((value, i) => out.setFloat32(i * 4, value, true))
  return new Uint8Array(out.buffer)
}

function items(item: Item): number {
  if (item instanceof Map) return [...item.values()].reduce<number>((sum, value) => sum + 1 + items(value), 1)
  return Array.isArray(item) ? (item as Item[]).reduce<number>((sum, each) => sum + items(each), 1) : 1
}

function depth(item: Item): number {
  const inside = item instanceof Map ? [...item.values()] : Array.isArray(item) ? (item as Item[]) : undefined
  return inside ? 1 + Math.max(0, ...inside.map(depth)) : 0
}
