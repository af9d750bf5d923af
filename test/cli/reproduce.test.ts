import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { formatFindings } from "../../src/cli/reproduce.ts"
import { EXPERIMENTS } from "../../src/sim/reproduce/registry.ts"
import type { Reproduced } from "../../src/sim/reproduce/reproduce.ts"
import { absence, sharedData, temporaryFolder } from "../data/shared.ts"
import { fedmote } from "../e2e/fedmote.ts"
import { smallDigits } from "../sim/reproduce/digits.ts"

const FOUND: Reproduced = {
  schema: "fedmote-reproduce/1",
  name: "example",
  seed: 1,
  settings: { clients: 100, rate: 0.1, hidden: [200, 200] },
  columns: [
    { title: "Codec", keys: ["codec"] },
    { title: "Unbiased", keys: ["unbiased"] },
    { title: "Rounds to 90 / 97 %", keys: ["rounds90", "rounds97"], digits: 1, missing: "> 150" },
    { title: "Bytes", keys: ["bytes"], digits: 0 },
  ],
  rows: [
    { codec: "f32", unbiased: true, rounds90: 2.94, rounds97: 42.68, bytes: 797503.2 },
    { codec: "topk", unbiased: false, rounds90: 10, rounds97: null, bytes: null },
    { codec: "none", unbiased: true, rounds90: null, rounds97: null, bytes: 12 },
  ],
  claims: [
    { text: "rounds, in those of f32", value: 1.02912, atMost: 1.1, holds: true },
    { text: "accuracy", value: null, atLeast: 0.8, holds: false },
  ],
  holds: false,
  seconds: 12.34,
  machine: { fedmote: "0", node: "24", platform: "p", cpu: "c", cores: 2, kernel: "simd" },
}

describe("findings as text", () => {
  it("are a table, the settings and the claims", () => {
    const lines = formatFindings(FOUND)
      .split("\n")
      .map((line) => line.trim().replace(/\s+/g, " "))
    expect(lines).toEqual([
      "",
      "Codec Unbiased Rounds to 90 / 97 % Bytes",
      "f32 yes 2.9 / 42.7 797,503",
      "topk no 10.0 / > 150",
      "none yes > 150 12",
      "",
      "example: clients 100, rate 0.1, hidden 200 200",
      "holds rounds, in those of f32: 1.029, expected at most 1.1",
      "BROKEN accuracy: none, expected at least 0.8",
      "12.3 s",
      "",
    ])
  })
})

describe("fedmote reproduce", () => {
  it("lists what there is", async () => {
    const { code, stdout } = await fedmote(["reproduce", "--list"])
    expect(code).toBe(0)
    for (const { name, about } of EXPERIMENTS)
      expect(stdout).toMatch(new RegExp(`^ ${name} +${about.slice(0, 12)}`, "m"))
  })

  it.each<[string, string[], RegExp]>([
    ["an unknown name finds the nearest", ["flute"], /^fedmote: no experiment "flute": there are codecs/],
    ["a name with a slip finds the nearest", ["fedavg-mnsit"], /^fedmote: .*did you mean fedavg-mnist\?\n$/],
    ["no name", [], /^fedmote: expected the name of an experiment; --list names them\n$/],
    ["a seed that is none", ["codecs", "--seed", "x"], /--seed.*whole number/],
  ])("%s", async (_, args, pattern) => {
    const { code, stdout, stderr } = await fedmote(["reproduce", ...args])
    expect(stderr).toMatch(pattern)
    expect(stdout).toBe("")
    expect(code).toBe(2)
  })

  it("a set that is missing is named, with where to get it", async () => {
    using empty = temporaryFolder()
    const { code, stdout, stderr } = await fedmote(["reproduce", "codecs", "--data", empty.path])
    expect(stderr).toMatch(
      /^fedmote: no data set mnist in \S+: expected .*; get it from https:\S+ and say .* --data FOLDER\n$/,
    )
    expect(stdout).toBe("")
    expect(code).toBe(2)
  })

  it("ends with 1 where a claim does not hold, and writes all the same", async () => {
    using noise = smallDigits({ train: 2500, brighter: 0 })
    const args = ["reproduce", "flute-lr-mnist", "--data", noise.path, "--seed", "5", "--json", "-"]
    const { code, stdout, stderr } = await fedmote(args)
    expect(stderr).toMatch(/^BROKEN accuracy after the last round: 0\.\d+, expected at least 0\.8$/m)
    expect(stderr).toMatch(/^fedmote: flute-lr-mnist: accuracy after the last round: .*\n$/m)
    expect(JSON.parse(stdout)).toMatchObject({ seed: 5, holds: false })
    expect(code).toBe(1)
  })

  const mnist = absence("mnist")
  it.skipIf(mnist.absent)(`writes its findings, and prints them where a person reads${mnist.note}`, async () => {
    using folder = temporaryFolder()
    const file = join(folder.path, "found.json")
    const args = ["reproduce", "flute-lr-mnist", "--data", sharedData("mnist"), "--workers", "2"]
    const { code, stdout, stderr } = await fedmote([...args, "--json", file])
    expect(code).toBe(0)
    expect(stderr).toMatch(/logistic regression: accuracy 0\.\d+ after 100 rounds, \d+\.\d rounds\/s/)
    expect(stdout).toMatch(/^ Fedmote +\d+\.\d\d +1 +0\.\d{3} *$/m)
    const found = JSON.parse(await readFile(file, "utf8")) as Reproduced
    expect(found).toMatchObject({ schema: "fedmote-reproduce/1", name: "flute-lr-mnist", seed: 1, holds: true })

    const piped = await fedmote([...args, "--json", "-"])
    expect(piped.code).toBe(0)
    const { rows, settings } = JSON.parse(piped.stdout) as Reproduced
    expect(rows[0]!["accuracy"]).toBe(found.rows[0]!["accuracy"])
    expect(settings["rounds"]).toBe(100)
  })
})
