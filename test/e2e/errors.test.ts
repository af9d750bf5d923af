import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { freePort } from "../net/mosquitto.ts"
import { fedmote, start } from "./fedmote.ts"
import type { Ended } from "./fedmote.ts"

let folder = ""
let nobody = ""

const FILES: { readonly [name: string]: string } = {
  "missing-column.csv": "site,temp\na,1\n",
  "not-a-number.csv": "site,temp,state\na,1,on\na,2,off\na,warm,on\n",
  "one-row.csv": "site,temp,state\na,1,on\na,2,off\na,3,on\na,4,off\na,5,on\na,6,off\nb,7,on\n",
  "empty.csv": "",
  "two-features.csv": "x,y,state\n1,2,0\n2,1,1\n3,2,0\n4,1,1\n5,2,0\n6,3,1\n",
  "good.yaml": "fleet: motes\nrounds: 2\nmodel: { features: 8, labels: [normal, event], hidden: none }\n",
  "unknown-key.yaml": "rounds: 3\ntrain:\n  learningRat: 0.1\n",
  "negative-rate.yaml": "train:\n  learningRate: -0.1\n",
  "wide-layer.yaml": "model:\n  features: 8\n  labels: [a, b]\n  hidden: [1000000000]\n",
  "not-yaml.yaml": "rounds: [1\n",
  "not-json.json": "rounds",
  "no-module.wasm": "rounds",
  "operator.key": `fedmote-private-key-1:${"5".repeat(64)}\n`,
  "keys.txt": "# the operator's\nnone yet\n",
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "fedmote-errors-"))
  for (const [name, text] of Object.entries(FILES)) await writeFile(join(folder, name), text)
  nobody = `mqtt://127.0.0.1:${await freePort()}`
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const csv = (name: string): string[] => ["simulate", "--data", name, "--label", "state", "--client", "site"]

const coordinator = (...args: string[]): string[] => ["coordinator", "--plan", "good.yaml", "--broker", nobody, ...args]
const device = (): string[] => [
  "device",
  "--broker",
  nobody,
  "--fleet",
  "motes",
  "--id",
  "a",
  "--data",
  "telosb#single-hop-mote1",
]
const operator = (): string[] => ["--broker", nobody, "--fleet", "motes", "--key", "operator.key"]
const publish = (...args: string[]): string[] => [
  "module",
  "publish",
  "no-module.wasm",
  "--to",
  "all",
  ...operator(),
  ...args,
]

/** Standard error has one line that is an error, and nothing that looks like a stack. */
function expectOneLine({ code, stdout, stderr }: Ended, exit: number, pattern: RegExp): void {
  expect(stderr).toMatch(pattern)
  expect(stderr.split("\n").filter((line) => line.startsWith("fedmote: "))).toHaveLength(1)
  expect(stderr).not.toMatch(/^\s+at |internal error|Error:/m)
  expect(stdout).toBe("")
  expect(code).toBe(exit)
}

describe("each a one-line error, no stack trace, and an exit code that says so", () => {
  test.each<[string, () => string[], number, RegExp]>([
    ["a CSV without the label's column", () => csv("missing-column.csv"), 2, /missing-column\.csv.*state/],
    ["a CSV with a non-number", () => csv("not-a-number.csv"), 2, /not-a-number\.csv line 4, column "temp".*"warm"/],
    ["a client with one row", () => csv("one-row.csv"), 2, /one-row\.csv.*b/],
    ["an empty CSV", () => csv("empty.csv"), 2, /empty\.csv/],
    ["no such data", () => ["simulate", "--data", "nowhere"], 2, /no data source "nowhere"/],
    ["an unknown key in a plan", () => ["plan", "check", "unknown-key.yaml"], 2, /unknown-key\.yaml:3.*learningRate/],
    ["a negative rate", () => ["plan", "check", "negative-rate.yaml"], 2, /negative-rate\.yaml:2.*-0\.1/],
    ["a layer of 1e9 units", () => ["plan", "check", "wide-layer.yaml"], 2, /wide-layer\.yaml:4.*1000000000/],
    [
      "the same where it would be run",
      () => ["simulate", "--data", "telosb", "--plan", "wide-layer.yaml"],
      2,
      /hidden/,
    ],
    ["a plan that is not YAML", () => ["plan", "check", "not-yaml.yaml"], 2, /not-yaml\.yaml:\d+:\d+: not YAML/],
    ["a plan that is not there", () => ["plan", "check", "none.yaml"], 2, /cannot read plan none\.yaml: no such file/],
    [
      "an unreachable broker (coordinator)",
      () => ["coordinator", "--plan", "good.yaml", "--broker", nobody],
      3,
      new RegExp("127\\.0\\.0\\.1"),
    ],
    [
      "an unreachable broker (device)",
      () => ["device", "--broker", nobody, "--fleet", "motes", "--id", "a", "--data", "telosb#single-hop-mote1"],
      3,
      new RegExp("127\\.0\\.0\\.1"),
    ],
    ["an unreachable broker (watch)", () => ["watch", "--broker", nobody, "--fleet", "motes"], 3, /127\.0\.0\.1/],
    ["a broker's URL that is none", () => ["watch", "--broker", "http://x", "--fleet", "motes"], 3, /mqtt/],
    ["a fleet's name that is none", () => ["watch", "--broker", nobody, "--fleet", "My Fleet"], 2, /fleet/],
    ["an unknown command", () => ["simulat"], 2, /unknown command 'simulat'.*simulate/],
    ["an unknown option", () => ["demo", "--round", "3"], 2, /unknown option '--round'.*--rounds/],
    ["an option without its value", () => ["demo", "--rounds", "many"], 2, /--rounds.*whole number/],
    ["a missing option", () => ["device", "--fleet", "motes"], 2, /--broker/],
    ["too much", () => ["demo", "telosb"], 2, /too many arguments|unknown command/],
    ["a replay of no result", () => ["simulate", "--data", "telosb", "--replay", "not-json.json"], 2, /not-json\.json/],
    [
      "a parent that is not there",
      () => ["simulate", "--data", "telosb", "--init", "none.safetensors"],
      2,
      /none\.saf/,
    ],
    ["a model to nowhere", () => ["model", "export", "--from", "result.json"], 2, /--c-header FILE/],
    [
      "a model that is a file already",
      () => ["model", "export", "m.safetensors", "--from", "n.safetensors"],
      2,
      /already: say --c-header/,
    ],
    ["a model from nowhere", () => ["model", "export", "m.safetensors"], 2, /--broker/],
    [
      "a client that is not there",
      () => ["device", "--broker", nobody, "--fleet", "f", "--id", "a", "--data", "telosb#x"],
      2,
      /no client "x"/,
    ],
    [
      "a key to trust that is none",
      () => ["coordinator", "--plan", "good.yaml", "--listen", "127.0.0.1:0", "--trust", "5"],
      2,
      /--trust: expected a public key in 64 hex/,
    ],
    [
      "a file of keys with something else",
      () => coordinator("--trust", "keys.txt"),
      2,
      /keys\.txt, line 2: expected a pub/,
    ],
    ["gateways without a folder", () => [...device(), "--trust", "5".repeat(64)], 2, /expected --modules FOLDER/],
    ["a module to no devices", () => ["module", "publish", "no-module.wasm", ...operator()], 2, /--to <tag>/],
    ["a module that is none", () => publish(), 1, /expected a WebAssembly module .*, got 6 bytes that are none/],
    [
      "a key to sign with that is none",
      () => publish("--key", "good.yaml"),
      2,
      /good\.yaml: expected fedmote-private-key/,
    ],
    ["a stage of no devices", () => publish("--canary", "0%"), 2, /--canary.*whole percentage from 1% to 100%/],
    [
      "stages that do not rise",
      () => publish("--canary", "50%", "--then", "25%"),
      2,
      /rising percentages, got 50%, 25%/,
    ],
    ["an order without a key", () => ["module", "abort", "--broker", nobody, "--fleet", "motes"], 2, /--key <file>/],
    [
      "an unreachable broker (operator)",
      () => ["module", "status", "--broker", nobody, "--fleet", "f"],
      3,
      /127\.0\.0\.1/,
    ],
    ["an audit log that is not there", () => ["module", "audit", "."], 1, /audit\.jsonl: there is no audit log/],
  ])("%s", async (_, args, exit, pattern) => {
    expectOneLine(await fedmote(args(), { cwd: folder }), exit, pattern)
  })

  test("a device with the wrong number of features", async () => {
    const coordinator = start(["coordinator", "--plan", "good.yaml", "--listen", "127.0.0.1:0"], { cwd: folder })
    try {
      const [, broker] = await coordinator.saw(/broker at (\S+)/)
      await coordinator.saw(/coordinator is up/)
      const data = ["--data", "two-features.csv", "--label", "state"]
      const device = await fedmote(["device", "--broker", broker!, "--fleet", "motes", "--id", "a", ...data], {
        cwd: folder,
      })
      expectOneLine(device, 2, /expected 8 features.*got 2/)
    } finally {
      await coordinator.stop()
    }
  })

  test("an older Node", async () => {
    // As such a Node would see itself.
    const fake = `Object.defineProperty(process.versions, "node", { value: "20.19.0" })`
    const { spawnSync } = await import("node:child_process")
    const { MAIN } = await import("./fedmote.ts")
    const preload = `data:text/javascript,${encodeURIComponent(fake)}`
    const { status, stderr } = spawnSync(process.execPath, ["--import", preload, MAIN, "demo"], { encoding: "utf8" })
    expect(stderr).toMatch(/^fedmote: expected Node 24 or later, this is 20\.19\.0[^\n]*\n$/)
    expect(status).toBe(1)
  })
})

test("Ctrl-C ends a coordinator that waits", async () => {
  const coordinator = start(["coordinator", "--plan", join(folder, "good.yaml"), "--listen", "127.0.0.1:0"])
  await coordinator.saw(/coordinator is up/)
  coordinator.child.kill("SIGINT")
  const { code, stderr } = await coordinator.ended
  expect(code).toBe(130)
  expect(stderr).toMatch(/fedmote: interrupted\n$/)
})
