import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { PassThrough } from "node:stream"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { openFlaggedJournal } from "../../src/cli/journal-options.ts"
import { createLog } from "../../src/cli/log.ts"
import { formatRuns } from "../../src/cli/runs.ts"
import { createScreen } from "../../src/cli/screen.ts"
import { listRuns } from "../../src/coordinator/journal/list.ts"
import { openJournal } from "../../src/coordinator/journal/sqlite-journal.ts"
import { IDENTITY, federationLife } from "../coordinator/journal/federation-life.ts"

let folder = ""
let written: string[] = []

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "fedmote-flags-"))
  written = []
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const controller = new AbortController()
const context = {
  log: createLog({
    format: "text",
    level: "info",
    screen: createScreen({ write: (line: string) => void written.push(line) }, { NO_COLOR: "1" }),
  }),
  signal: controller.signal,
}

/** Someone who answers when asked, or a stream that is no terminal. */
function person(answer: string | undefined, isTTY = true) {
  const input = Object.assign(new PassThrough(), { isTTY })
  const output = new PassThrough()
  const questions: string[] = []
  if (answer === undefined) input.end()
  output.on("data", (question: Buffer) => {
    questions.push(String(question))
    if (answer !== undefined) input.write(`${answer}\n`)
  })
  return { input, output, questions }
}

function begun(): void {
  const journal = openJournal(folder, () => Date.UTC(2026, 0, 2, 3, 4, 5))
  const { first, commits } = federationLife()
  journal.begin(IDENTITY, first)
  for (const commit of commits.slice(0, 5)) journal.commit(commit)
  journal.close()
}

const flags = (rest: object = {}): object => ({ dataDir: folder, ...rest })

describe("--fresh", () => {
  test("asks before it discards, and names what", async () => {
    begun()
    const someone = person("y")
    const journal = await openFlaggedJournal(flags({ fresh: true }), context, someone)
    expect(someone.questions).toEqual(["Discard run 1 of fleet motes, 2 of 4 rounds committed? [y/N] "])
    expect(journal!.run()).toBeUndefined()
    journal!.close()
    expect(listRuns(folder)).toMatchObject([{ run: "1", state: "discarded", rounds: 2, of: 4 }])
  })

  test.each([["n"], [""], ["what?"], [undefined]])("does nothing where the answer is %j", async (answer) => {
    begun()
    const opened = openFlaggedJournal(flags({ fresh: true }), context, person(answer))
    await expect(opened).rejects.toMatchObject({
      code: "usage",
      message: expect.stringMatching(/nothing was discarded/),
    })
    // Nor does it keep the lock.
    const journal = openJournal(folder)
    expect(journal.run()!.snapshot.position.trained).toBe(2)
    journal.close()
  })

  test("asks nobody who cannot answer, unless told not to ask at all", async () => {
    begun()
    const opened = openFlaggedJournal(flags({ fresh: true }), context, person("y", false))
    await expect(opened).rejects.toMatchObject({
      code: "usage",
      message:
        "--fresh would discard run 1 of fleet motes, 2 of 4 rounds committed: add --yes to say so, there is no terminal to ask at",
    })
    const journal = await openFlaggedJournal(flags({ fresh: true, yes: true }), context, person("n", false))
    expect(journal!.run()).toBeUndefined()
    journal!.close()
  })

  test("asks nothing where there is nothing to discard", async () => {
    const journal = await openFlaggedJournal(flags({ fresh: true }), context, person("n", false))
    expect(journal!.run()).toBeUndefined()
    journal!.close()
  })

  test("sets a damaged journal aside", async () => {
    writeFileSync(join(folder, "journal.sqlite"), "no journal")
    const refused = openFlaggedJournal(flags({ fresh: true }), context, person("n"))
    await expect(refused).rejects.toMatchObject({ code: "usage" })
    await expect(openFlaggedJournal(flags(), context)).rejects.toMatchObject({ code: "journal-corrupt" })
    const journal = await openFlaggedJournal(flags({ fresh: true }), context, person("yes"))
    expect(journal!.run()).toBeUndefined()
    journal!.close()
    expect(readdirSync(folder)).toContain("journal.damaged-1.sqlite")
    expect(written.join("")).toMatch(/the damaged journal is now .*journal\.damaged-1\.sqlite/)
  })

  test("goes with --data-dir, and --yes with --fresh", async () => {
    expect(await openFlaggedJournal({}, context)).toBeUndefined()
    await expect(openFlaggedJournal({ fresh: true }, context)).rejects.toThrow(/--fresh discards .* --data-dir FOLDER/)
    await expect(openFlaggedJournal(flags({ yes: true }), context)).rejects.toThrow(/there is no --fresh/)
  })
})

test("the list of runs", () => {
  begun()
  let journal = openJournal(folder)
  // Somebody is at work.
  expect(listRuns(folder)).toMatchObject([{ run: "1", fleet: "motes", state: "running", rounds: 2, of: 4, devices: 2 }])
  journal.close()
  const [run] = listRuns(folder)
  expect(run).toMatchObject({
    state: "interrupted",
    began: "2026-01-02T03:04:05.000Z",
    committed: "2026-01-02T03:04:05.000Z",
  })
  expect(run!.plan).toMatch(/^[0-9a-f]{64}$/)
  journal = openJournal(folder)
  journal.discard()
  const { first, commits } = federationLife()
  journal.begin({ ...IDENTITY, plan: { ...IDENTITY.plan, seed: 2 } }, first)
  for (const commit of commits) journal.commit(commit)
  journal.close()
  const runs = listRuns(folder)
  expect(runs.map(({ run: name, state, rounds }) => [name, state, rounds])).toEqual([
    ["1", "discarded", 2],
    ["2", "released", 4],
  ])
  expect(runs[1]!.plan).not.toBe(runs[0]!.plan)
  expect(formatRuns(runs)).toMatch(/^ 2 +motes +released +4 of 4 +20\d\d-.*Z +2 +RMSE \d.* [0-9a-f]{12} *$/m)
  expect(formatRuns([])).toBe("no runs\n")
  expect(() => listRuns(join(folder, "nowhere"))).toThrow(/there is no journal in .*nowhere/)
})
