import { expect, test } from "vitest"
import { fnv1a, shardOf } from "../../src/wire/shard.ts"

test("FNV-1a, 32 bits: values of RFC 9923's reference tests (test_fnv.c)", () => {
  const published = {
    "": 0x811c9dc5,
    a: 0xe40c292c,
    b: 0xe70c2de5,
    c: 0xe60c2c52,
    d: 0xe10c2473,
    e: 0xe00c22e0,
    f: 0xe30c2799,
    fo: 0x6222e842,
    foo: 0xa9f37ed7,
    foob: 0x3f5076ef,
    fooba: 0x39aaa18a,
    foobar: 0xbf9cf968,
  }
  for (const [text, hash] of Object.entries(published)) expect(fnv1a(text)).toBe(hash)
})

test("a device's shard", () => {
  expect(shardOf("foobar", 1)).toBe(0)
  expect(shardOf("foobar", 16)).toBe(8)
  expect(shardOf("foobar", 65535)).toBe(0xbf9cf968 % 65535)
})
