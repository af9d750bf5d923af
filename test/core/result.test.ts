import { describe, expect, it } from "vitest"
import { aloneBaseline, parseResult, resultSchema } from "../../src/core/result.ts"
import { exampleResult } from "../report/example.ts"

describe("a result", () => {
  it("survives JSON", () => {
    const result = {
      ...exampleResult(),
      stopped: "f1 0.91 reached 0.9",
      statistics: { cohort: [{ device: "mote-1" }] },
    }
    expect(parseResult(JSON.parse(JSON.stringify(result)))).toEqual(result)
  })

  it("may have keys that a later version adds", () => {
    expect(parseResult({ ...exampleResult(), epsilon: 1 })).toEqual(exampleResult())
  })

  it.each([
    [{ schema: "fedmote-result/2" }, "result: schema: "],
    [{ model: { parameters: 1, bytes: 4, digest: "ABC" } }, "result: model.digest: "],
    [{ rounds: [{ round: 0 }] }, "result: rounds.0.round: "],
    [{ plan: { rounds: 0 } }, "plan: rounds: expected at least 1, got 0"],
  ])("that is wrong in %j is refused", (change, message) => {
    expect(() => parseResult({ ...exampleResult(), ...change })).toThrow(message)
  })

  it("that is no object is refused", () => {
    expect(() => parseResult("text")).toThrow("result: value: ")
  })

  // To bring the published file up to date: npx vitest run test/core/result.test.ts -u
  it("has the published JSON Schema", async () => {
    await expect(`${JSON.stringify(resultSchema(), null, 2)}\n`).toMatchFileSnapshot(
      "../../src/report/result.schema.json",
    )
  })
})

describe("clients that learn alone", () => {
  const clients = [
    { device: "a", metrics: { rmse: 3, mae: 1 } },
    { device: "b", metrics: { rmse: 1, mae: 2 } },
    { device: "c", metrics: { rmse: 2, mae: 3 } },
  ]

  it("are ranked by the first metric, the smaller error being the better one", () => {
    expect(aloneBaseline(clients, "rmse")).toEqual({
      metrics: { rmse: 2, mae: 2 },
      best: { rmse: 1, mae: 2 },
      worst: { rmse: 3, mae: 1 },
      clients,
    })
    expect(
      aloneBaseline(
        [
          { device: "a", metrics: { f1: 0.1 } },
          { device: "b", metrics: { f1: 0.7 } },
        ],
        "f1",
      ),
    ).toMatchObject({
      best: { f1: 0.7 },
      worst: { f1: 0.1 },
    })
  })

  it("without the metric come last", () => {
    expect(aloneBaseline([{ device: "a", metrics: {} }, ...clients], "rmse")?.worst).toEqual({})
  })

  it("are nothing when there are none", () => {
    expect(aloneBaseline([], "rmse")).toBeUndefined()
  })
})
