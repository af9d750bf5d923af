import { describe, expect, test } from "vitest"
import { DEFAULT_BACKOFF, backoffMs } from "../../src/net/backoff.ts"
import { Permits } from "../../src/net/permits.ts"

test("the delay doubles up to the limit and is scaled by the random number", () => {
  const limits = { firstMs: 100, maxMs: 1000 }
  expect([0, 1, 2, 3, 4, 5, 1000].map((attempt) => backoffMs(limits, attempt, 1))).toEqual([
    100, 200, 400, 800, 1000, 1000, 1000,
  ])
  expect(backoffMs(limits, 2, 0.25)).toBe(100)
  expect(backoffMs(DEFAULT_BACKOFF, 0, 0)).toBe(0)
  expect(backoffMs(DEFAULT_BACKOFF, 50, 0.5)).toBe(30_000)
})

describe("Permits", () => {
  test("are given in order of asking", async () => {
    const permits = new Permits(1)
    const log: number[] = []
    await permits.acquire()
    const waiting = [1, 2, 3].map((i) => permits.acquire().then(() => log.push(i)))
    permits.release()
    await waiting[0]
    expect(log).toEqual([1])
    permits.release()
    permits.release()
    await Promise.all(waiting)
    expect(log).toEqual([1, 2, 3])
  })

  test("who gives up loses its place, and no permit", async () => {
    const permits = new Permits(1)
    await permits.acquire()
    const controller = new AbortController()
    const given = permits.acquire(controller.signal)
    const next = permits.acquire()
    controller.abort(new Error("enough"))
    await expect(given).rejects.toThrow("enough")
    permits.release()
    await next
    permits.release()
    await permits.acquire()
  })

  test("fail rejects all who wait", async () => {
    const permits = new Permits(0)
    const waiting = Promise.allSettled([permits.acquire(), permits.acquire()])
    permits.fail(new Error("down"))
    expect(await waiting).toMatchObject([{ status: "rejected" }, { status: "rejected" }])
  })
})
