import { createHmac } from "node:crypto"
import { describe, expect, test } from "vitest"
import { coordinatorToken, deviceToken, fleetAccess } from "../../src/net/broker/access.ts"
import type { Identity } from "../../src/net/broker/access.ts"

const secret = "a secret of some length"
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const open = fleetAccess({ secret, devices: "open" })
const closed = fleetAccess({ secret, devices: "token" })

function device(id: string): Identity {
  const identity = closed.admit(id, undefined, bytes(deviceToken(secret, id)))
  if (identity === undefined) throw new Error("not admitted")
  return identity
}

describe("who is admitted", () => {
  test("the coordinator with its password, under any client id", () => {
    expect(open.admit("any id", "coordinator", bytes(coordinatorToken(secret)))?.trusted).toBe(true)
    expect(open.admit("any id", "coordinator", bytes("guess"))).toBeUndefined()
    expect(open.admit("any id", "coordinator", undefined)).toBeUndefined()
    expect(open.admit("any id", "coordinator", bytes(deviceToken(secret, "d1")))).toBeUndefined()
  })

  test("a device with its own token, and with no other", () => {
    expect(closed.admit("d1", undefined, bytes(deviceToken(secret, "d1")))?.trusted).toBe(false)
    expect(closed.admit("d1", "d1", bytes(deviceToken(secret, "d1")))?.trusted).toBe(false)
    expect(closed.admit("d1", undefined, bytes(deviceToken(secret, "d2")))).toBeUndefined()
    expect(closed.admit("d1", undefined, bytes(coordinatorToken(secret)))).toBeUndefined()
    expect(closed.admit("d1", undefined, undefined)).toBeUndefined()
    expect(open.admit("d1", undefined, undefined)?.trusted).toBe(false)
  })

  test.each(["", "D1", "d.1", "d/1", "+", "#", "d1\0", "d".repeat(65)])("not as a device: %j", (id) => {
    expect(open.admit(id, undefined, undefined)).toBeUndefined()
  })

  test("tokens are HMAC-SHA256 of the secret", () => {
    expect(deviceToken(secret, "d1")).toBe(
      createHmac("sha256", secret).update("fedmote broker 1:device:d1").digest("base64url"),
    )
  })

  test("a short secret is refused", () => {
    expect(() => fleetAccess({ secret: "too short", devices: "open" })).toThrow(/at least 16 characters, got 9/)
  })
})

describe("what a device may do", () => {
  const mayPublish = [
    "fm1/f/dev/d1/hello",
    "fm1/f/dev/d1/ready",
    "fm1/f/dev/d1/gone",
    "fm1/f/dev/d1/flashed",
    "fm1/other-fleet/up/0/d1",
    "fm1/f/up/12/d1",
  ]
  const mayNotPublish = [
    "fm1/f/round",
    "fm1/f/model/1/full/1024/0",
    "fm1/f/dev/d1/task",
    "fm1/f/dev/d1/receipt",
    "fm1/f/dev/d1/flash",
    "fm1/f/dev/d2/flashed",
    "fm1/f/module/train/1/manifest",
    "fm1/f/module/train/1/0",
    "fm1/f/module/train/order",
    "fm1/f/module/train/answer",
    "fm1/f/module/train/rollout",
    "fm1/f/dev/d2/hello",
    "fm1/f/up/0/d2",
    "fm1/f/up/x/d1",
    "fm1/f/up/0/d1/x",
    "fm1/f/dev/d1/hello/x",
    "x/fm1/f/dev/d1/hello",
    "$SYS/x",
    "",
    "fm1//dev/d1/hello",
    "fm1/f/g/dev/d1/hello",
  ]
  test.each(mayPublish)("publish to %s", (topic) => expect(device("d1").mayPublish(topic, false)).toBe(true))
  test.each(mayNotPublish)("not publish to %j", (topic) => expect(device("d1").mayPublish(topic, false)).toBe(false))
  test("retain its hello and its flashed alone", () => {
    expect(mayPublish.filter((topic) => device("d1").mayPublish(topic, true))).toEqual([
      "fm1/f/dev/d1/hello",
      "fm1/f/dev/d1/flashed",
    ])
  })

  const maySubscribe = [
    "fm1/f/round",
    "fm1/f/model/3/from-2/1024/0",
    "fm1/f/dev/d1/task",
    "fm1/f/dev/d1/receipt",
    "fm1/f/dev/d1/flash",
    "fm1/f/module/train/1/manifest",
    "fm1/f/module/train/1/0",
  ]
  const mayNotSubscribe = [
    "#",
    "+",
    "fm1/#",
    "fm1/f/#",
    "fm1/+/round",
    "fm1/f/up/0/d1",
    "fm1/f/up/+/+",
    "fm1/f/dev/+/task",
    "fm1/f/dev/d2/receipt",
    "fm1/f/dev/d2/flash",
    "fm1/f/dev/d1/flashed",
    "fm1/f/module/train/order",
    "fm1/f/module/train/rollout",
    "fm1/f/module/+/1/manifest",
    "fm1/f/model/#",
    "fm1/f/dev/d2/hello",
    "$SYS/#",
    "$share/g/fm1/f/round",
  ]
  test.each(maySubscribe)("subscribe to %s", (filter) => expect(device("d1").maySubscribe(filter)).toBe(true))
  test.each(mayNotSubscribe)("not subscribe to %s", (filter) => expect(device("d1").maySubscribe(filter)).toBe(false))
})

test("the coordinator may do everything but publish under $", () => {
  const coordinator = open.admit("c", "coordinator", bytes(coordinatorToken(secret)))!
  expect(coordinator.mayPublish("fm1/f/round", true)).toBe(true)
  expect(coordinator.maySubscribe("fm1/#")).toBe(true)
  expect(coordinator.mayPublish("$SYS/x", false)).toBe(false)
})
