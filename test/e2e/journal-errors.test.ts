import { mkdtemp, readFile, rm, truncate, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { afterEach, beforeEach, expect, test } from "vitest"
import { startMosquitto } from "../net/mosquitto.ts"
import { MAIN, fedmote, start } from "./fedmote.ts"
import type { Ended, Running } from "./fedmote.ts"

let folder = ""
let running: Running[] = []
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "fedmote-journal-errors-"))
  running = []
  await writeFile(join(folder, "plan.yaml"), PLAN)
})
afterEach(async () => {
  await Promise.all(running.map((each) => each.stop()))
  await rm(folder, { recursive: true, force: true })
})

const PLAN = `
fleet: motes
rounds: 3
cohort: 1
model: { features: 8, labels: [normal, introduced event], hidden: [64, 64] }
train: { epochs: 1, learningRate: 0.01 }
selection: { overSelect: 1, settleSeconds: 0 }
`

const COORDINATOR = ["coordinator", "--plan", "plan.yaml", "--data-dir", "journal"]

function begin(...args: readonly string[]): Running {
  const each = start(args, { cwd: folder })
  running.push(each)
  return each
}

function expectOneLine({ code, stderr }: Ended, exit: number, pattern: RegExp): void {
  const lines = stderr.split("\n").filter((line) => line.startsWith("fedmote: "))
  expect(lines).toEqual([expect.stringMatching(pattern)])
  expect(code).toBe(exit)
}

test("a journal is of one coordinator, one plan, and whole", async () => {
  const first = begin(...COORDINATOR, "--listen", "127.0.0.1:0")
  await first.saw(/coordinator is up/)
  const runs = await fedmote(["runs", "--data-dir", "journal"], { cwd: folder })
  expect(runs.stdout).toMatch(/ 1 +motes +running +0 of 3 +none yet/)
  const again = (...more: string[]): Promise<Ended> =>
    fedmote([...COORDINATOR, "--listen", "127.0.0.1:0", ...more], { cwd: folder })
  expectOneLine(await again(), 1, /another coordinator is working with journal$/)
  expectOneLine(await again("--fresh", "--yes"), 1, /another coordinator is working with journal$/)
  first.child.kill("SIGINT")
  expect((await first.ended).code).toBe(130)

  expectOneLine(await again("--rounds", "4"), 2, /is of another plan: rounds is 3 there, and 4 here\. .*--fresh$/)
  expectOneLine(await again("--record-cohorts"), 2, /is of another plan: recording of cohorts is false there/)
  expectOneLine(await again("--fresh"), 2, /--fresh would discard run 1 of fleet motes, 0 of 3 rounds .* --yes/)

  const file = join(folder, "journal", "journal.sqlite")
  const { length } = await readFile(file)
  await truncate(file, length / 2)
  const damaged = await readFile(file)
  expectOneLine(
    await again(),
    2,
    /journal\.sqlite cannot be used: .* Put back a copy that is whole, or begin anew with --fresh/,
  )
  expectOneLine(await fedmote(["runs", "--data-dir", "journal"], { cwd: folder }), 2, /journal\.sqlite cannot be used/)
  expect((await readFile(file)).equals(damaged)).toBe(true)

  const fresh = begin(...COORDINATOR, "--listen", "127.0.0.1:0", "--fresh", "--yes")
  await fresh.saw(/the damaged journal is now journal\/journal\.damaged-1\.sqlite/)
  await fresh.saw(/coordinator is up/)
  expect((await readFile(join(folder, "journal", "journal.damaged-1.sqlite"))).equals(damaged)).toBe(true)
})

test("on the same fleet with another folder, the newer coordinator has it", async () => {
  const { url, stop } = await startMosquitto()
  try {
    const first = begin(...COORDINATOR, "--broker", url)
    await first.saw(/coordinator is up/)
    const second = begin("coordinator", "--plan", "plan.yaml", "--data-dir", "other", "--broker", url)
    await second.saw(/coordinator is up/)
    expectOneLine(await first.ended, 1, /another coordinator has fleet motes/)
    // Started again it has seen more epochs than its journal knows of: it takes the fleet back, and says whose model that ends.
    const third = begin(...COORDINATOR, "--broker", url)
    await third.saw(/another coordinator has had this fleet/)
    expectOneLine(await second.ended, 1, /another coordinator has fleet motes/)
  } finally {
    await stop()
  }
})

test("a disk that is full ends the coordinator cleanly; with room again the same command goes on", async () => {
  const { url, stop } = await startMosquitto()
  try {
    const device = begin(
      "device",
      "--broker",
      url,
      "--fleet",
      "motes",
      "--id",
      "a",
      "--data",
      "telosb#single-hop-mote1",
    )
    // No file may grow beyond: the second model of 4,801 parameters (12 bytes each) does not fit.
    const command = [...COORDINATOR, "--broker", url, "--json", "live.json"]
    const limited = spawn("sh", ["-c", 'ulimit -f 200; exec "$0" "$@"', process.execPath, MAIN, ...command], {
      cwd: folder,
      stdio: ["ignore", "ignore", "pipe"],
    })
    let stderr = ""
    limited.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text))
    const [code] = (await once(limited, "close")) as [number | null]
    expectOneLine(
      { code, stdout: "", stderr },
      1,
      /cannot write to journal\/journal\.sqlite: .* What was committed before is safe/,
    )
    const before = await fedmote(["runs", "--data-dir", "journal", "--json", "-"], { cwd: folder })
    const { runs } = JSON.parse(before.stdout) as { readonly runs: readonly { readonly rounds: number }[] }
    expect(runs[0]).toMatchObject({ state: "interrupted", rounds: expect.any(Number) })
    expect(runs[0]!.rounds).toBeLessThan(3)

    const next = await fedmote(command, { cwd: folder })
    expect(next.code, next.stderr).toBe(0)
    expect(next.stderr).toMatch(new RegExp(`goes on from the journal .*rounds=${runs[0]!.rounds} `))
    const result = JSON.parse(await readFile(join(folder, "live.json"), "utf8")) as {
      readonly rounds: readonly unknown[]
    }
    expect(result.rounds).toHaveLength(3)
    expect((await device.ended).code).toBe(0)
  } finally {
    await stop()
  }
})

test("options that need each other, and a journal that is not there", async () => {
  const none = ["coordinator", "--plan", "plan.yaml", "--listen", "127.0.0.1:0"]
  expectOneLine(
    await fedmote([...none, "--fresh"], { cwd: folder }),
    2,
    /--fresh discards what a journal has.*--data-dir/,
  )
  expectOneLine(await fedmote([...COORDINATOR, "--yes"], { cwd: folder }), 2, /--yes answers what --fresh asks/)
  expectOneLine(await fedmote(["runs", "--data-dir", "nowhere"], { cwd: folder }), 2, /there is no journal in nowhere/)
  expectOneLine(await fedmote([...none, "--data-dir", "plan.yaml"], { cwd: folder }), 2, /cannot use plan\.yaml/)
})
