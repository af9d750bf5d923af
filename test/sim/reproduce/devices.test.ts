import { describe, expect, it } from "vitest"
import { cmapss } from "../../../src/sim/reproduce/cmapss.ts"
import { har } from "../../../src/sim/reproduce/har.ts"
import { reproduce } from "../../../src/sim/reproduce/reproduce.ts"
import { absence, dataError, sharedData, temporaryFolder } from "../../data/shared.ts"

const context = { data: sharedData("."), seed: 1, workers: 2 }

describe("har", () => {
  const { absent, note } = absence("uci-har-66")
  it.skipIf(absent)(`tuning a model by each person beats one for all${note}`, async () => {
    const { rows, claims } = await reproduce(har({ seeds: 1, rounds: 40 }), context)
    const accuracy = (method: string): number => rows.find((row) => row["method"] === method)!["accuracy"] as number
    expect(rows).toHaveLength(7)
    // The same protocol in numpy, after 100 rounds: .889 alone, .920 central, .889 FedAvg, .952 and .953 tuned.
    expect(Math.abs(accuracy("alone") - 0.889)).toBeLessThan(0.025)
    expect(Math.abs(accuracy("central") - 0.92)).toBeLessThan(0.025)
    expect(accuracy("fedavg")).toBeGreaterThan(0.82)
    expect(accuracy("finetune") - accuracy("fedavg")).toBeGreaterThan(0.05)
    expect(claims.map(({ holds }) => holds)).toEqual([true, true, true])
  })
})

describe("cmapss", () => {
  const { absent, note } = absence("cmapss")
  it.skipIf(absent)(`engines together know more than each alone${note}`, async () => {
    const { rows, claims } = await reproduce(cmapss({ rounds: 50, epochs: 10 }), context)
    const rmse = (label: string): number => rows.find((row) => row["label"] === label)!["rmse"] as number
    // The same settings in numpy, after 50 rounds: 22.4 and 20.4 in two runs; always the mean is 40.6.
    expect(rmse("FedAdam")).toBeLessThan(26)
    expect(rmse("FedAdam")).toBe(rows.find(({ label }) => label === "FedAdam")!["rmse50"])
    // With forty epochs: 14.2 to 14.9.
    expect(rmse("all in one place")).toBeLessThan(19)
    expect(rmse("each alone")).toBeGreaterThan(rmse("FedAdam"))
    expect(claims).toHaveLength(1)
  })
})

it("both say where their data come from", async () => {
  using empty = temporaryFolder()
  for (const experiment of [har(), cmapss()])
    expect(await dataError(experiment.run({ ...context, data: empty.path }))).toMatch(/get it from https:/)
})
