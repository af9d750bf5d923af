import { describe, expect, test } from "vitest"
import type { DataOptions } from "../../src/data/open.ts"
import { openClient, openDataset } from "../../src/data/open.ts"
import { dataError, temporaryFolder } from "./shared.ts"

const COLUMNS = { label: "state", client: "who" }

async function open(text: string, options: DataOptions = COLUMNS) {
  using folder = temporaryFolder()
  return await openDataset(folder.write("data.csv", text), options)
}

/** The error for a file with this text, without the folder's path. */
async function failure(text: string, options: DataOptions = COLUMNS): Promise<string> {
  using folder = temporaryFolder()
  return (await dataError(openDataset(folder.write("data.csv", text), options))).replace(`${folder.path}/`, "")
}

describe("reading", () => {
  test("features, labels and clients of a small file", async () => {
    const data = await open(
      '\ufeffwho,temp,state,"hum, %"\r\nB b,1.5,off,-2\r\n\r\na,3,on,4e1\r\nB b, .25 ,on,+6\r\na,7.,off,8\r\n',
    )
    expect([data.name, data.task, data.features, data.classes]).toEqual([
      "data",
      "binary",
      ["temp", "hum, %"],
      ["off", "on"],
    ])
    expect([data.clients, data.id(0), data.id(1)]).toEqual([2, "b-b", "a"])
    expect(data.train(0)).toEqual({
      rows: 2,
      features: 2,
      x: new Float32Array([1.5, -2, 0.25, 6]),
      y: new Float32Array([0, 1]),
    })
    expect(data.train(1)).toEqual({
      rows: 2,
      features: 2,
      x: new Float32Array([3, 40, 7, 8]),
      y: new Float32Array([1, 0]),
    })
    expect(data.test(0)).toEqual({ rows: 0, features: 2, x: new Float32Array(0), y: new Float32Array(0) })
  })

  test("every fifth row of each client and class is for testing", async () => {
    // Client 1 has classes a a a a a b a b b b b a a a: the 5th a, the 5th b; the 10th a never comes.
    const labels = [..."aaaaababbbbaaa"]
    const rows = labels.map((label, i) => `1,${i},${label}\n2,${100 + i},${i % 2 ? "a" : "b"}\n`)
    const data = await open(`who,v,state\n${rows.join("")}`)
    expect([...data.test(0).x]).toEqual([4, 10])
    expect(data.trainRows(0)).toBe(12)
    // Client 2: seven b at even places, seven a at odd ones; the fifth of each is 8 and 9.
    expect([...data.test(1).x]).toEqual([108, 109])
    expect([...data.test(1).y]).toEqual([1, 0])
  })

  test("of a regression, every fifth row of a client", async () => {
    const data = await open(`who,v,state\n${Array.from({ length: 25 }, (_, i) => `1,${i},${i / 4}\n`).join("")}`)
    expect([data.task, data.classes]).toEqual(["regression", []])
    expect([...data.test(0).x]).toEqual([4, 9, 14, 19, 24])
    expect([...data.test(0).y]).toEqual([1, 2.25, 3.5, 4.75, 6])
  })

  test("a split column decides instead", async () => {
    const options = { ...COLUMNS, splitColumn: "part" }
    const data = await open("who,part,v,state\n1,train,10,a\n1,test,11,a\n1,0,12,b\n1,1,13,b\n", options)
    expect(data.features).toEqual(["v"])
    expect([...data.train(0).x, -1, ...data.test(0).x]).toEqual([10, 12, -1, 11, 13])
    expect(await failure("who,part,v,state\n1,train,10,a\n1,TEST,11,b\n", options)).toBe(
      'data.csv line 3, column "part": expected train or test (or 0 or 1), got "TEST"',
    )
    expect(await failure("who,part,v,state\n1,test,10,a\n1,1,11,b\n", options)).toBe("data.csv: no row is for training")
  })

  test("clients come in the natural order of their names", async () => {
    const rows = ["10", "9", "10", "9", "1", "1"].map((who, i) => `${who},1,${i % 4 < 2 ? "a" : "b"}\n`)
    const data = await open(`who,v,state\n${rows.join("")}`)
    expect(Array.from({ length: 3 }, (_, c) => data.id(c))).toEqual(["1", "9", "10"])
  })

  test("a file larger than a stream's chunk, and fields across its borders", async () => {
    const rows = Array.from({ length: 20000 }, (_, i) => `mote-${i % 3},${i}.125,"${-i}",${i % 2 ? "odd" : "even"}\n`)
    const data = await open(`who,a,b,state\n${rows.join("")}`)
    let sum = 0
    for (let c = 0; c < 3; c++)
      for (const part of [data.train(c), data.test(c)]) sum += part.x.reduce((s, v) => s + v, 0)
    expect(sum).toBe(20000 * 0.125)
  })

  test("a partition makes the clients; the client column is no feature then", async () => {
    const text = `who,v,state\n${Array.from({ length: 100 }, (_, i) => `${i % 2},${i},${i % 4 < 2}\n`).join("")}`
    const data = await open(text, { ...COLUMNS, partition: "iid", clients: 4 })
    expect([data.clients, data.features]).toEqual([4, ["v"]])
    expect([0, 1, 2, 3].map((c) => [data.trainRows(c), data.testRows(c)])).toEqual(Array(4).fill([20, 5]))
    const named = await open(text, { label: "state", partition: "column:who" })
    expect([named.clients, named.id(0), named.features]).toEqual([2, "0", ["v"]])
  })
})

describe("bad files are refused in one line", () => {
  test.each([
    ["", "data.csv: expected a header line, got an empty file"],
    ["\n\n", "data.csv: expected a header line, got an empty file"],
    ["who,v,state\n", "data.csv: expected rows after the header, got none"],
    ["who,v\n1,2\n", 'data.csv: no column "state" for the label; the header names "who", "v"'],
    ["v,state\n1,2\n", 'data.csv: no column "who" for the client; the header names "v", "state"'],
    ["who,state\n1,2\n", 'data.csv: expected feature columns besides "state", "who", got none'],
    ["who,v,v,state\n1,2,3,4\n", 'data.csv line 1: the header names the column "v" twice'],
    ["who,,state\n1,2,3\n", "data.csv line 1: column 2 of the header has no name"],
    ["who,v,state\n1,2,a\n\n1,3\n", "data.csv line 4: expected 3 values, got 2"],
    ["who,v,state\n1,2,a,9\n", "data.csv line 2: expected 3 values, got 4"],
    ["who,v,state\n1,2,a\n1,n/a,b\n", 'data.csv line 3, column "v": expected a number, got "n/a"'],
    ["who,v,state\n1,,a\n", 'data.csv line 2, column "v": expected a number, got nothing'],
    ["who,v,state\n1,NaN,a\n", 'data.csv line 2, column "v": expected a number, got "NaN"'],
    ["who,v,state\n1,Infinity,a\n", 'data.csv line 2, column "v": expected a number, got "Infinity"'],
    ["who,v,state\n1,0x10,a\n", 'data.csv line 2, column "v": expected a number, got "0x10"'],
    ["who,v,state\n1,1-2,a\n", 'data.csv line 2, column "v": expected a number, got "1-2"'],
    ["who,v,state\n1,1e39,a\n", 'data.csv line 2, column "v": expected a number below 3.4e38, got "1e39"'],
    ["who,v,state\n,1,a\n", `data.csv line 2, column "who": expected the client's name, got nothing`],
    ["who,v,state\n1,1,a\n1,1,a\n", 'data.csv: expected at least two labels in column "state", got only "a"'],
    [
      "who,v,state\n1,1,a\n2,1,b\n1,1,b\n",
      'data.csv line 3: client "2" has one row; a client needs two at least: remove it, or check that this is the client column',
    ],
    [
      "who,v,state\n1,1,a\n2,1,b\n",
      'data.csv line 2: client "1" has one row (and 1 other client too); a client needs two at least: remove it, or check that this is the client column',
    ],
    [
      'who,v,state\n1,"2,a\n',
      "data.csv line 2: not CSV: Quote Not Closed: the parsing is finished with an opening quote at line 2",
    ],
    [
      "who,v,state\n1,\u001b[31m" + "x".repeat(100) + ",a\n",
      `data.csv line 2, column "v": expected a number, got "\\u001b[31m${"x".repeat(35)}..."`,
    ],
  ])("%j", async (text, message) => {
    expect(await failure(text)).toBe(message)
  })

  test("a folder's file that is not there, and options that are missing or foreign", async () => {
    expect(await dataError(openDataset("absent.csv", COLUMNS))).toMatch(
      /^no data source "absent.csv": expected telosb, a CSV file/,
    )
    expect(await failure("who,v,state\n", {})).toBe("data.csv: say which column holds the label (--label COL)")
    expect(await failure("who,v,state\n", { label: "state" })).toMatch(/^data.csv: say which column names the client/)
    expect(await failure("who,v,state\n", { ...COLUMNS, window: 3 })).toBe(
      "data.csv: the option window is for run-to-failure series (cmapss)",
    )
    expect(await failure("who,v,state\n1,1,a\n1,2,b\n", { ...COLUMNS, clients: 3 })).toMatch(
      /a number of clients goes with a partition/,
    )
    expect(await failure("who,v,state\n1,1,a\n1,2,b\n", { label: "state", partition: "iid" })).toMatch(
      /a partition needs a number of clients/,
    )
  })
})

describe("one device's file", () => {
  const one = async (text: string, options: DataOptions) => {
    using folder = temporaryFolder()
    return await openClient(folder.write("Mote 7.csv", text), options)
  }

  test("labels are class indices, or in the order that a plan dictates", async () => {
    const numbers = await one("v,state\n1,2\n2,0\n", { label: "state" })
    expect([numbers.id, numbers.classes, [...numbers.train.y], numbers.features]).toEqual([
      "mote-7",
      ["0", "1", "2"],
      [2, 0],
      ["v"],
    ])
    const names = await one("v,state\n1,on\n2,on\n", { label: "state", classes: ["on", "off", "idle"] })
    expect([names.task, [...names.train.y]]).toEqual(["multiclass", [0, 0]])
    expect(await dataError(one("v,state\n1,on\n2,of\n", { label: "state", classes: ["on", "off"] }))).toMatch(
      /line 3, column "state": expected one of "on", "off", got "of"$/,
    )
    expect(await dataError(one("v,state\n1,on\n2,off\n", { label: "state" }))).toMatch(
      /the label "on" in column "state" is no class index/,
    )
    expect(await dataError(one("v,state\n1,0\n", { label: "state" }))).toBe(
      "Mote 7.csv: expected two rows at least, got one",
    )
  })

  test("or one client of a file of many", async () => {
    using folder = temporaryFolder()
    const path = folder.write("all.csv", "who,v,state\nx y,1,a\nz,2,b\nx y,3,b\nz,4,b\n")
    const client = await openClient(`${path}#x-y`, COLUMNS)
    expect([client.id, [...client.train.x], client.classes]).toEqual(["x-y", [1, 3], ["a", "b"]])
    expect(await dataError(openClient(`${path}#y`, COLUMNS))).toMatch(/no client "y"; there are "x-y", "z"$/)
    expect(await dataError(openClient(path, COLUMNS))).toMatch(/has 2 clients: say which one/)
  })
})
