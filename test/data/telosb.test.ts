import { createHash } from "node:crypto"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { describe, expect, test } from "vitest"
import { openClient, openDataset } from "../../src/data/open.ts"
import { TELOSB_FEATURES, telosbFeatures } from "../../src/data/telosb.ts"
import { REFERENCE, absence, dataError, expectFacts, sharedData } from "./shared.ts"

const FOLDER = fileURLToPath(new URL("../../src/data/telosb", import.meta.url))

describe("the built-in telosb set", () => {
  test("one mote has seen an event, three others have one to come", async () => {
    const data = await openDataset("telosb")
    expect(data.task).toBe("binary")
    expect(data.classes).toEqual(["normal", "introduced event"])
    expect(data.features).toEqual(TELOSB_FEATURES)
    const events = Array.from({ length: data.clients }, (_, c) => {
      const sum = (y: Float32Array) => y.reduce((total, label) => total + label, 0)
      return [data.id(c), sum(data.train(c).y), sum(data.test(c).y)]
    })
    expect(events).toEqual([
      ["single-hop-mote1", 0, 117],
      ["single-hop-mote2", 0, 0],
      ["single-hop-mote3", 0, 0],
      ["single-hop-mote4", 32, 0],
      ["multi-hop-mote1", 0, 58],
      ["multi-hop-mote2", 0, 0],
      ["multi-hop-mote3", 0, 100],
      ["multi-hop-mote4", 0, 0],
    ])
  })

  test("rows and features are those that numpy computes", async () => {
    const data = await openDataset("telosb")
    for (let c = 0; c < data.clients; c++) {
      expectFacts(data.train(c), REFERENCE.telosb[data.id(c)].train)
      expectFacts(data.test(c), REFERENCE.telosb[data.id(c)].test)
      expect([data.trainRows(c), data.testRows(c)]).toEqual([data.train(c).rows, data.test(c).rows])
    }
  })

  test("features of a window worked out by hand", () => {
    // Humidity 50.00 % but for one reading of 51.00 and the newest, 50.50; temperature falls by 0.05 a reading, from 20.00 to 19.45.
    const humidity = [5000, 5000, 5000, 5000, 5000, 5100, 5000, 5000, 5000, 5000, 5000, 5050]
    const readings = [-1, -1, ...humidity.flatMap((value, i) => [value, 2000 - 5 * i])]
    const out = new Float64Array(10)
    telosbFeatures(readings, 1, out, 1)
    // Steps: 100 + 100 + 50 = 250 against 275; 11 x 5 = 55 against 55.
    expect([...out]).toEqual([0, 50.5, 50 / 150, 50 / 150, 250 / 525, 19.45, 0, 55 / 75, 0.5, 0])
  })

  test("the files are those that meta.json describes, and licence and citation are with them", () => {
    const meta = JSON.parse(readFileSync(join(FOLDER, "meta.json"), "utf8"))
    for (const { path, sha256 } of [meta.files.x, meta.files.y])
      expect(
        createHash("sha256")
          .update(readFileSync(join(FOLDER, path)))
          .digest("hex"),
      ).toBe(sha256)
    expect(readFileSync(join(FOLDER, "LICENSE.txt"), "utf8")).toMatch(/ODC BY 1\.0[^]*CC BY 4\.0[^]*Suthaharan/)
  })

  const { absent, note } = absence("wsn-telosb")
  test.skipIf(absent)(`the files equal the shared ones${note}`, () => {
    for (const name of ["x.i16.gz", "y.u8.gz", "meta.json"])
      expect(readFileSync(join(FOLDER, name)).equals(readFileSync(join(sharedData("wsn-telosb"), name)))).toBe(true)
  })

  test("one mote alone, by id or by number", async () => {
    const client = await openClient("telosb#single-hop-mote4")
    expect([client.id, client.task, client.train.rows, client.test.rows]).toEqual([
      "single-hop-mote4",
      "binary",
      2509,
      2510,
    ])
    expect(await openClient("telosb:mote-4")).toEqual(client)
    expect(await dataError(openClient("telosb:mote-9"))).toMatch(/no client "mote-9"; there are "single-hop-mote1", /)
    expect(await dataError(openClient("telosb"))).toMatch(
      /telosb has 8 clients: say which one \(telosb#single-hop-mote1\)/,
    )
  })
})
