import { describe, expect, test } from "vitest"
import { openDataset } from "../../src/data/open.ts"
import { REFERENCE, absence, dataError, expectFacts, sharedData } from "./shared.ts"

const { absent, note } = absence("cmapss")
const CMAPSS = sharedData("cmapss")

describe.skipIf(absent)(`cmapss${note}`, () => {
  test("FD001: an engine's windows, and the last one of its test engine", async () => {
    const data = await openDataset(CMAPSS)
    expect([data.name, data.task, data.clients, data.classes]).toEqual(["cmapss-fd001", "regression", 100, []])
    expect([
      data.features.length,
      data.features[0],
      data.features[13],
      data.features[14],
      data.features.at(-1),
    ]).toEqual([420, "s2@-29", "s21@-29", "s2@-28", "s21@0"])
    for (const unit of ["1", "31", "100"]) {
      const c = Number(unit) - 1
      expect(data.id(c)).toBe(unit)
      expectFacts(data.train(c), REFERENCE.cmapss.FD001[unit].train)
      expectFacts(data.test(c), REFERENCE.cmapss.FD001[unit].test)
    }
    let rows = 0
    for (let c = 0; c < 100; c++) rows += data.trainRows(c)
    expect(rows).toBe(20631 - 100 * 29)
  })

  test("the first readings of train_FD001.txt and the first lives of RUL_FD001.txt, as NASA publishes them", async () => {
    const data = await openDataset(CMAPSS)
    const published = [
      641.82, 1589.7, 1400.6, 554.36, 2388.06, 9046.19, 47.47, 521.66, 2388.02, 8138.62, 8.4195, 392, 39.06, 23.419,
    ]
    const first = data.train(0)
    expect([...first.x.subarray(0, 14)]).toEqual([...Float32Array.from(published)])
    expect([first.y[0], first.y.at(-2), first.y.at(-1)]).toEqual([125, 1, 0])
    expect([0, 1, 2, 3, 4, 5].map((c) => data.test(c).y[0])).toEqual([112, 98, 69, 82, 91, 93])
  })

  test("FD003 and another window", async () => {
    const data = await openDataset(CMAPSS, { part: "FD003", window: 20 })
    expect([data.name, data.clients, data.features.length]).toEqual(["cmapss-fd003", 100, 280])
    expectFacts(data.train(1), REFERENCE.cmapss.FD003["2"].train)
    expectFacts(data.test(1), REFERENCE.cmapss.FD003["2"].test)
  })

  test("its windows can be dealt to fewer clients", async () => {
    const data = await openDataset(CMAPSS, { partition: "iid", clients: 7 })
    expect([data.trainRows(0), data.testRows(0) + data.testRows(6)]).toEqual([2533, 14 + 15])
    expect(await dataError(openDataset(CMAPSS, { partition: "shards:2", clients: 7 }))).toMatch(
      /is a regression: use iid$/,
    )
  })

  test("a part that is not there and windows that do not fit", async () => {
    expect(await dataError(openDataset(CMAPSS, { part: "FD002" }))).toBe(
      'cmapss: expected a part of "FD001", "FD003", got "FD002"',
    )
    expect(await dataError(openDataset(CMAPSS, { window: 0 }))).toBe(
      "cmapss: expected a window of at least 1 cycle, got 0",
    )
    expect(await dataError(openDataset(CMAPSS, { window: 32 }))).toMatch(
      /test\.x\.i16\.gz: engine 1 has 31 cycles, fewer than a window of 32$/,
    )
  })
})
