import { expect, it } from "vitest"
import { summarize, sweepCsv } from "../../src/report/sweep-csv.ts"
import { exampleResult } from "./example.ts"

const spread = { mean: 0.9, deviation: 0.1, quantiles: Array.from({ length: 11 }, () => 0.9) }
const CLIENTS = {
  count: 8,
  metrics: { loss: { ...spread, worstDecile: 3 }, accuracy: { ...spread, worstDecile: 0.75 } },
}

it("is one line a run, with what needs quotes in quotes", () => {
  const result = { ...exampleResult(), stopped: 'it said "enough", twice', clients: CLIENTS }
  const run = summarize("0123456789abcdef", { "model.hidden": [64, 32], mode: "sync", seed: 7 }, result)
  const [head, line, ...rest] = sweepCsv(["model.hidden", "mode", "seed"], [run]).split("\n")
  expect(rest).toEqual([""])
  expect(head).toBe(
    "run,model.hidden,mode,seed,committed,updates,samples,uplinkBytes,downlinkBytes,simulatedSeconds,computeJoules,radioJoules,trainLoss,accuracy,f1,averagePrecision,rmse,mae,loss,worstDecile,parameters,digest,stopped",
  )
  // 30 rounds of 8 updates, one of them of 7; 18000 samples, 8 x 1340 bytes and 0, 40 or 80 more.
  expect(line).toMatch(/^0123456789abcdef,"\[64,32\]",sync,7,30,239,540000,322800,530400,,,,0\.08/)
  expect(line).toMatch(/,,,0\.0884[0-9]*,0\.75,449,(3f){32},"it said ""enough"", twice"$/)
})
