import { readFileSync } from "node:fs"
import { expect, test } from "vitest"
import { WireError } from "../../src/wire/error.ts"
import { MANIFEST_KEYS, decodeManifest, encodeEnvelope } from "../../src/wire/manifest.ts"
import { ORDER_ACTIONS, ORDER_BOUNDS, ORDER_KEYS, decodeOrder, encodeOrder } from "../../src/wire/order.ts"
import type { Order } from "../../src/wire/order.ts"
import { readGrammar } from "./cddl.ts"
import { Dice, SEED } from "./random.ts"
import { fromHex, toHex } from "./vectors.ts"

interface Vectors {
  readonly valid: readonly { readonly order: Order; readonly payload: string }[]
  readonly invalid: readonly { readonly what: string; readonly payload: string; readonly code: string }[]
}

const { valid, invalid } = JSON.parse(
  readFileSync(new URL("../vectors/module/order.json", import.meta.url), "utf8"),
) as Vectors

const wireError = (code?: string): unknown =>
  expect.objectContaining({ name: "WireError", ...(code === undefined ? {} : { code }) })

test("order.cddl and order.ts say the same", () => {
  const grammar = readGrammar("order.cddl")
  const [version, ...fields] = grammar.maps.get("order")!
  expect(version).toMatchObject({ key: 0, type: "1" })
  expect(Object.fromEntries(fields.map(({ field, key }) => [field, key]))).toEqual(ORDER_KEYS)
  expect(Object.fromEntries(grammar.choices)).toEqual({ "order-action": ORDER_ACTIONS })
  const { ranges, sizes } = grammar
  const { issued, percent, tolerance, stageList } = ORDER_BOUNDS
  expect(Object.fromEntries(ranges)).toEqual({
    sequence: [1, 0xffffffff],
    issued: [issued.min, issued.max],
    uint32: [0, 0xffffffff],
    percent: [percent.min, percent.max],
    tolerance: [tolerance.min, tolerance.max],
  })
  expect(sizes.get("stage-list")).toEqual({ of: "bstr", ...stageList })
  expect(sizes.get("name")).toEqual({ of: "tstr", min: 1, max: 32 })
})

test.each(valid)("$order.action of $order.slot $order.sequence has the bytes of the vectors", ({ order, payload }) => {
  expect(toHex(encodeOrder(order))).toBe(payload)
  expect(decodeOrder(fromHex(payload))).toEqual(order)
  for (let end = 0; end < payload.length / 2; end++)
    expect(() => decodeOrder(fromHex(payload).subarray(0, end))).toThrow(wireError())
})

test.each(invalid)("no order: $what", ({ payload, code }) => {
  expect(() => decodeOrder(fromHex(payload))).toThrow(wireError(code))
})

test("the largest order fits into its envelope", () => {
  const largest = valid.toSorted((a, b) => b.payload.length - a.payload.length)[0]!
  const parts = { keyId: new Uint8Array(8), payload: fromHex(largest.payload), signature: new Uint8Array(64) }
  expect(encodeEnvelope(parts).length).toBeLessThanOrEqual(300)
})

test("an order is never a manifest, nor a manifest an order", () => {
  const keys = Object.values(ORDER_KEYS)
  expect(Object.values(MANIFEST_KEYS).filter((key) => keys.includes(key as never))).toEqual([])
  for (const { payload } of valid) expect(() => decodeManifest(fromHex(payload))).toThrow(wireError())
  const manifests = JSON.parse(readFileSync(new URL("../vectors/module/manifest.json", import.meta.url), "utf8")) as {
    readonly valid: readonly { readonly payload: string }[]
  }
  for (const { payload } of manifests.valid) expect(() => decodeOrder(fromHex(payload))).toThrow(wireError())
})

test("what is decoded is encoded to the same bytes, whatever has been done to it", () => {
  const dice = new Dice(SEED)
  let taken = 0
  for (let i = 0; i < 20_000; i++) {
    const bytes = fromHex(dice.pick(valid).payload)
    for (let changes = dice.between(1, 3); changes > 0; changes--) bytes[dice.below(bytes.length)] = dice.below(256)
    let order
    try {
      order = decodeOrder(bytes)
    } catch (error) {
      expect(error).toBeInstanceOf(WireError)
      continue
    }
    taken++
    expect(toHex(encodeOrder(order))).toBe(toHex(bytes))
  }
  expect(taken).toBeGreaterThan(100)
})
