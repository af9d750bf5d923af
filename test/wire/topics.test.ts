import { describe, expect, test } from "vitest"
import type { Topic } from "../../src/wire/topics.ts"
import { checkDevice, checkFleet, parseTopic, topics } from "../../src/wire/topics.ts"

const motes = topics("motes")
const topicError: unknown = expect.objectContaining({ name: "WireError", code: "topic" })

// design.md, "The protocol, version 1": the table of topics.
const TABLE: readonly (readonly [string, string, Topic])[] = [
  [motes.hello("mote-1"), "fm1/motes/dev/mote-1/hello", { fleet: "motes", kind: "hello", device: "mote-1" }],
  [motes.ready("mote-1"), "fm1/motes/dev/mote-1/ready", { fleet: "motes", kind: "ready", device: "mote-1" }],
  [motes.gone("mote-1"), "fm1/motes/dev/mote-1/gone", { fleet: "motes", kind: "gone", device: "mote-1" }],
  [motes.task("mote-1"), "fm1/motes/dev/mote-1/task", { fleet: "motes", kind: "task", device: "mote-1" }],
  [motes.receipt("mote-1"), "fm1/motes/dev/mote-1/receipt", { fleet: "motes", kind: "receipt", device: "mote-1" }],
  [motes.round, "fm1/motes/round", { fleet: "motes", kind: "round" }],
  [
    motes.model(12, undefined, 1024, 0),
    "fm1/motes/model/12/full/1024/0",
    { fleet: "motes", kind: "model", version: 12, size: 1024, chunk: 0 },
  ],
  [
    motes.model(12, 11, 65536, 3),
    "fm1/motes/model/12/from-11/65536/3",
    { fleet: "motes", kind: "model", version: 12, base: 11, size: 65536, chunk: 3 },
  ],
  // FNV-1a of "foobar" is bf9cf968.
  [motes.update("foobar", 16), "fm1/motes/up/8/foobar", { fleet: "motes", kind: "update", shard: 8, device: "foobar" }],
  [
    motes.manifest("trainer", 7),
    "fm1/motes/module/trainer/7/manifest",
    { fleet: "motes", kind: "manifest", slot: "trainer", sequence: 7 },
  ],
  [
    motes.module("trainer", 7, 2),
    "fm1/motes/module/trainer/7/2",
    { fleet: "motes", kind: "module", slot: "trainer", sequence: 7, chunk: 2 },
  ],
  [motes.flash("mote-1"), "fm1/motes/dev/mote-1/flash", { fleet: "motes", kind: "flash", device: "mote-1" }],
  [motes.flashed("mote-1"), "fm1/motes/dev/mote-1/flashed", { fleet: "motes", kind: "flashed", device: "mote-1" }],
  [motes.order("trainer"), "fm1/motes/module/trainer/order", { fleet: "motes", kind: "order", slot: "trainer" }],
  [motes.answer("trainer"), "fm1/motes/module/trainer/answer", { fleet: "motes", kind: "answer", slot: "trainer" }],
  [motes.rollout("trainer"), "fm1/motes/module/trainer/rollout", { fleet: "motes", kind: "rollout", slot: "trainer" }],
]

describe("topics of the table", () => {
  test.each(TABLE)("%s", (built, expected, parsed) => {
    expect(built).toBe(expected)
    expect(parseTopic(expected)).toEqual(parsed)
    expect(expected.split("/").length).toBeLessThanOrEqual(8)
  })

  test("the filters take their topics and no others", () => {
    const { filters } = motes
    const taken = (filter: string): string[] =>
      TABLE.map(([, topic]) => topic).filter((topic) => matches(filter, topic))
    expect(taken(filters.everything)).toEqual(TABLE.map(([, topic]) => topic))
    expect(taken(filters.hellos)).toEqual(["fm1/motes/dev/mote-1/hello"])
    expect(taken(filters.readies)).toEqual(["fm1/motes/dev/mote-1/ready"])
    expect(taken(filters.gones)).toEqual(["fm1/motes/dev/mote-1/gone"])
    expect(taken(filters.flasheds)).toEqual(["fm1/motes/dev/mote-1/flashed"])
    expect(taken(filters.orders)).toEqual(["fm1/motes/module/trainer/order"])
    expect(taken(filters.updates)).toEqual(["fm1/motes/up/8/foobar"])
    expect(taken(filters.shard(8))).toEqual(["fm1/motes/up/8/foobar"])
    expect(taken(filters.shard(7))).toEqual([])
    expect(taken(filters.models)).toEqual(["fm1/motes/model/12/full/1024/0", "fm1/motes/model/12/from-11/65536/3"])
  })
})

test.each([
  "",
  "fm1",
  "fm1/motes",
  "fm2/motes/round",
  "fm1/Motes/round",
  "fm1//round",
  "fm1/motes/round/",
  "fm1/motes/round/1",
  "/fm1/motes/round",
  "fm1/motes/rounds",
  "fm1/motes/dev/mote-1",
  "fm1/motes/dev/mote-1/hellos",
  "fm1/motes/dev/mote-1/toString",
  "fm1/motes/dev/mote_1/hello",
  "fm1/motes/dev/mote.1/hello",
  "fm1/motes/dev/+/hello",
  "fm1/motes/dev/mote-1/hello/x",
  `fm1/motes/dev/${"x".repeat(65)}/hello`,
  `fm1/${"x".repeat(33)}/round`,
  "fm1/motes/up/8",
  "fm1/motes/up/08/foobar",
  "fm1/motes/up/-1/foobar",
  "fm1/motes/up/65535/foobar",
  "fm1/motes/up/8/foobar/0",
  "fm1/motes/model/12/full/1024",
  "fm1/motes/model/12/full/1024/0/0",
  "fm1/motes/model/012/full/1024/0",
  "fm1/motes/model/4294967296/full/1024/0",
  "fm1/motes/model/1e3/full/1024/0",
  "fm1/motes/model/12/from-/1024/0",
  "fm1/motes/model/12/from-x/1024/0",
  "fm1/motes/model/12/to-11/1024/0",
  "fm1/motes/model/12/full/63/0",
  "fm1/motes/model/12/full/1048577/0",
  "fm1/motes/model/12/full/1024/65535",
  "fm1/motes/module/trainer",
  "fm1/motes/module/trainer/manifest",
  "fm1/motes/module/trainer/7",
  "fm1/motes/module/trainer/0/manifest",
  "fm1/motes/module/trainer/7/manifests",
  "fm1/motes/module/trainer/7/order",
  "fm1/motes/module/trainer/7/2/1",
])("not of the protocol: %s", (topic) => {
  expect(parseTopic(topic)).toBeUndefined()
})

describe("names and numbers", () => {
  test("what may be a name", () => {
    for (const id of ["a", "0", "-", "mote-1", "x".repeat(64)]) expect(checkDevice(id)).toBe(id)
    expect(checkFleet("x".repeat(32))).toBe("x".repeat(32))
  })

  test.each(["", "Mote", "mote 1", "mote/1", "mote+", "#", "möte", "mote\n", "x".repeat(65)])(
    "no device id: %j",
    (id) => {
      expect(() => checkDevice(id)).toThrow(topicError)
      expect(() => motes.hello(id)).toThrow(topicError)
      expect(() => motes.update(id, 4)).toThrow(topicError)
    },
  )

  test("the error says what would do", () => {
    expect(() => checkDevice("Pump 7.b")).toThrow(
      'device id: expected 1 to 64 of a-z, 0-9 and "-", got "Pump 7.b"; "pump-7-b" would do',
    )
    expect(() => topics("x".repeat(33))).toThrow(`"${"x".repeat(32)}" would do`)
    expect(() => topics("")).toThrow(/got ""$/)
  })

  test("numbers that no topic has", () => {
    expect(() => motes.model(-1, undefined, 1024, 0)).toThrow(topicError)
    expect(() => motes.model(1, 0.5, 1024, 0)).toThrow(topicError)
    expect(() => motes.model(1, undefined, 32, 0)).toThrow(topicError)
    expect(() => motes.model(1, undefined, 1024, 65535)).toThrow(topicError)
    expect(() => motes.update("a", 0)).toThrow(topicError)
    expect(() => motes.filters.shard(65535)).toThrow(topicError)
  })
})

/** MQTT 3.1.1, section 4.7: `+` is one level, `#` all that follow. */
function matches(filter: string, topic: string): boolean {
  const pattern = filter.replaceAll("+", "[^/]*").replace("/#", "(/.*)?")
  return new RegExp(`^${pattern}$`).test(topic)
}
