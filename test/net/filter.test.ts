import { describe, expect, test } from "vitest"
import { PURPOSE, RandomStream } from "../../src/core/random.ts"
import { matches } from "../../src/net/filter.ts"
import { RetainedMessages } from "../../src/net/retained.ts"
import { TopicTree } from "../../src/net/topic-tree.ts"

// MQTT 3.1.1, sections 4.7.1 and 4.7.2: the examples of the specification, and their limits.
const cases: readonly [filter: string, matching: readonly string[], others: readonly string[]][] = [
  [
    "sport/tennis/player1/#",
    ["sport/tennis/player1", "sport/tennis/player1/ranking", "sport/tennis/player1/score/wimbledon"],
    ["sport/tennis", "sport/tennis/player10"],
  ],
  ["sport/#", ["sport", "sport/", "sport/a/b"], ["sports", "/sport"]],
  ["#", ["a", "/", "a/b/c", "/a"], ["$SYS", "$SYS/a"]],
  ["sport/tennis/+", ["sport/tennis/player1", "sport/tennis/"], ["sport/tennis/player1/ranking", "sport/tennis"]],
  ["sport/+", ["sport/", "sport/a"], ["sport", "sport/a/"]],
  ["+", ["finance", "x"], ["/finance", "a/b", "$SYS"]],
  ["+/+", ["/finance", "a/b", "/"], ["finance", "a/b/c", "$SYS/a"]],
  ["/+", ["/finance", "/"], ["finance", "//"]],
  ["+/tennis/#", ["sport/tennis", "/tennis", "a/tennis/b/c"], ["tennis", "a/b/tennis"]],
  ["+/monitor/Clients", ["a/monitor/Clients"], ["$SYS/monitor/Clients"]],
  ["$SYS/#", ["$SYS", "$SYS/a", "$SYS/a/b"], ["SYS", "$SYSTEM"]],
  ["$SYS/monitor/+", ["$SYS/monitor/Clients"], ["$SYS/monitor", "a/monitor/Clients"]],
  ["a/+/c/#", ["a/b/c", "a//c", "a/b/c/d/e"], ["a/b/d", "a/c"]],
  ["ACCOUNTS", ["ACCOUNTS"], ["Accounts"]],
  ["a//b", ["a//b"], ["a/b", "a/x/b"]],
]

describe.each(cases)("%s", (filter, matching, others) => {
  test.each(matching)("matches %s", (topic) => {
    expect(matches(filter, topic)).toBe(true)
    expect(tree([filter]).match(topic)).toEqual([filter])
  })
  test.each(others)("does not match %s", (topic) => {
    expect(matches(filter, topic)).toBe(false)
    expect(tree([filter]).match(topic)).toEqual([])
  })
})

function tree(filters: Iterable<string>): TopicTree<string> {
  const tree = new TopicTree<string>()
  for (const filter of filters) tree.add(filter, filter)
  return tree
}

/** Section 4.7 as a regular expression. */
function asRegExp(filter: string): RegExp {
  const levels = filter.split("/").map((level, i) => {
    if (level === "#") return i === 0 ? "(?!\\$).*" : "(/.*)?"
    const slash = i === 0 ? "" : "/"
    return level === "+" ? `${slash}${i === 0 ? "(?!\\$)" : ""}[^/]*` : slash + level.replace("$", "\\$")
  })
  return new RegExp(`^${levels.join("")}$`)
}

test("random filters and topics: the function, the tree and the retained messages agree with regular expressions", () => {
  const seed = 20
  const random = new RandomStream({ seed, round: 0, device: [0, 0] }, PURPOSE.generator)
  const pick = (choices: readonly string[]): string => choices[random.below(choices.length)]!
  const levels = (choices: readonly string[]): string[] =>
    Array.from({ length: 1 + random.below(4) }, () => pick(choices))
  const filters = new Set<string>()
  const topics = new Set<string>()
  for (let i = 0; i < 400; i++) {
    const filter = levels(["a", "b", "", "+", "$s"])
    if (random.below(4) === 0) filter.push("#")
    filters.add(filter.join("/"))
    topics.add(levels(["a", "b", "", "$s"]).join("/"))
  }
  const all = tree(filters)
  const retained = new RetainedMessages<{ topic: string; payload: Uint8Array }>()
  for (const topic of topics) retained.store({ topic, payload: new Uint8Array(1) })
  for (const topic of topics) {
    const expected = [...filters].filter((filter) => asRegExp(filter).test(topic))
    expect(
      [...filters].filter((filter) => matches(filter, topic)),
      `seed ${seed}, ${topic}`,
    ).toEqual(expected)
    expect(new Set(all.match(topic)), `seed ${seed}, ${topic}`).toEqual(new Set(expected))
  }
  for (const filter of filters) {
    const expected = [...topics].filter((topic) => asRegExp(filter).test(topic))
    expect(
      retained.matching(filter).map(({ topic }) => topic),
      `seed ${seed}, ${filter}`,
    ).toEqual(expected)
  }
  for (const filter of filters) expect(all.delete(filter, filter)).toBe(true)
  for (const topic of topics) expect(all.match(topic)).toEqual([])
})

test("a value with two matching filters is found once; deleting one of them leaves the other", () => {
  const tree = new TopicTree<string>()
  tree.add("a/+", "x")
  tree.add("a/b", "x")
  tree.add("a/b", "y")
  expect(tree.match("a/b")).toEqual(["x", "y"])
  expect(tree.delete("a/b", "x")).toBe(true)
  expect(tree.delete("a/b", "x")).toBe(false)
  expect(tree.match("a/b").sort()).toEqual(["x", "y"])
  expect(tree.delete("a/+", "x")).toBe(true)
  expect(tree.match("a/b")).toEqual(["y"])
})

test("retained messages: the last one counts, an empty one clears, the bytes add up", () => {
  const retained = new RetainedMessages<{ topic: string; payload: Uint8Array }>()
  retained.store({ topic: "a", payload: new Uint8Array(10) })
  retained.store({ topic: "b", payload: new Uint8Array(5) })
  retained.store({ topic: "a", payload: new Uint8Array(3) })
  expect([retained.count, retained.bytes]).toEqual([2, 8])
  expect(retained.matching("#").map(({ topic }) => topic)).toEqual(["b", "a"])
  retained.store({ topic: "b", payload: new Uint8Array(0) })
  expect([retained.count, retained.bytes]).toEqual([1, 3])
})
