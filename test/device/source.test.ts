import { describe, expect, test } from "vitest"
import { collectSamples, loadData } from "../../src/device/source.ts"

describe("a device's samples", () => {
  test("come from arrays, generators and streams, in order", async () => {
    const rows = [
      { features: [1, 2], label: 0 },
      { features: Float32Array.of(3, 4), label: 1 },
    ]
    async function* stream(): AsyncGenerator<(typeof rows)[number]> {
      yield* rows
    }
    const expected = { rows: 2, features: 2, x: Float32Array.of(1, 2, 3, 4), y: Float32Array.of(0, 1) }
    expect(await collectSamples(rows)).toEqual(expected)
    expect(await collectSamples(new Set(rows))).toEqual(expected)
    expect(await collectSamples(stream())).toEqual(expected)
    expect(await collectSamples(expected)).toEqual(expected)
  })

  test.each([
    ["another width", [1], 0, "sample 1: expected 2 features, got 1"],
    ["a feature that is no number", [1, NaN], 0, "sample 1, feature 1: expected a finite number, got NaN"],
    ["an infinite label", [1, 2], Infinity, "sample 1, label: expected a finite number, got Infinity"],
  ])("refuses %s, naming the sample", async (_, features, label, message) => {
    const first = { features: [1, 2], label: 0 }
    await expect(collectSamples([first, { features, label }])).rejects.toMatchObject({ code: "data", message })
  })

  test("may be for testing only; a part without samples has the other's width", async () => {
    const data = await loadData({ train: [], test: [{ features: [1, 2, 3], label: 0 }] })
    expect(data).toMatchObject({ features: 3, train: { rows: 0, features: 3 }, test: { rows: 1 } })
  })

  test("there must be one at least, and both parts of one width", async () => {
    await expect(loadData([])).rejects.toMatchObject({ code: "data" })
    const train = [{ features: [1, 2], label: 0 }]
    const test = [{ features: [1], label: 0 }]
    await expect(loadData({ train, test })).rejects.toMatchObject({ code: "data" })
  })
})
