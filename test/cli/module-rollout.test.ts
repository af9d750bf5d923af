import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest"
import { stagesOf } from "../../src/cli/module-publish.ts"
import { TrustedKeys, signerOf } from "../../src/net/signature.ts"
import { decodeManifest } from "../../src/wire/manifest.ts"
import { fedmote, start } from "../e2e/fedmote.ts"
import { ownModule } from "../kernel/foreign-modules.ts"
import { PlayedCoordinator, SEED, rolloutOf } from "./played-coordinator.ts"

const MODULE = ownModule("scalar")
const CHUNKS = Math.ceil(MODULE.length / 4096)

let folder = ""
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "fedmote-rollout-"))
  await writeFile(join(folder, "operator.key"), `fedmote-private-key-1:${Buffer.from(SEED).toString("hex")}\n`)
  await writeFile(join(folder, "module.wasm"), MODULE)
})
afterAll(() => rm(folder, { recursive: true, force: true }))

let played: PlayedCoordinator
beforeEach(async () => {
  played = await PlayedCoordinator.start()
})
afterEach(() => played.close())

const at = (): string[] => ["--broker", played.broker.url, "--fleet", "lab"]
const signing = ["--key", "operator.key"]

function run(command: string, ...args: readonly string[]): ReturnType<typeof fedmote> {
  return fedmote(["module", command, ...at(), ...args], { cwd: folder })
}

function publish(...args: readonly string[]): ReturnType<typeof fedmote> {
  return run("publish", "module.wasm", "--to", "all", ...signing, ...args)
}

describe("publish", () => {
  test("retains the module, and orders it with the next sequence", async () => {
    await played.say({ highest: 3 })
    played.answer = () => ({ rollout: rolloutOf() })
    const { code, stdout, stderr } = await publish("--canary", "34%", "--then", "100", "--failures", "5%")
    expect(code, stderr).toBe(0)
    expect(stdout).toMatch(/1 +34 % +1 +d-2 *\n 2 +100 % +2 +d-1, d-3\s/)
    expect(played.orders).toHaveLength(1)
    expect(played.orders[0]).toEqual({
      action: "start",
      slot: "train",
      sequence: 4,
      stages: [34, 100],
      failures: 5,
      nonce: expect.any(Number) as number,
      issued: expect.any(Number) as number,
    })
    expect(Math.abs(played.orders[0]!.issued - Date.now() / 1000)).toBeLessThan(60)
    expect(played.retained.size).toBe(CHUNKS + 1)
    const envelope = played.retained.get("fm1/lab/module/train/4/manifest")!
    const manifest = decodeManifest(new TrustedKeys([signerOf(SEED).publicKey]).open(envelope))
    expect(manifest).toMatchObject({ sequence: 4, slot: "train", tags: [], sizeBytes: MODULE.length, chunkBytes: 4096 })
  })

  test("to a tag, with what it expects of the devices", async () => {
    await played.say({ highest: 3 })
    played.answer = () => ({ rollout: rolloutOf({ to: "edge" }) })
    const options = ["--sequence", "9", "--to", "edge", "--enough", "80%", "--tolerance", "150%", "--expires", "30d"]
    const { code, stdout, stderr } = await publish(...options, "--chunk", "1024", "--memory", "2048", "--json", "-")
    expect(code, stderr).toBe(0)
    expect(played.orders).toMatchObject([{ sequence: 9, tag: "edge", stages: [100], enough: 80, tolerance: 150 }])
    const expires = Math.floor(Date.now() / 1000) + 30 * 86_400
    const said = JSON.parse(stdout) as { expires: number; manifestBytes: number }
    expect(said).toMatchObject({
      schema: "fedmote-publish/1",
      dryRun: false,
      sequence: 9,
      tags: ["edge"],
      slot: "train",
    })
    expect(said).toMatchObject({ chunkBytes: 1024, memoryKiB: 2048, begun: { to: "edge" } })
    expect(Math.abs(said.expires - expires)).toBeLessThan(60)
    expect(said.manifestBytes).toBeLessThanOrEqual(300)
  })

  test("as a dry run publishes nothing", async () => {
    await played.say({ highest: 3 })
    played.answer = () => ({ rollout: rolloutOf() })
    const { code, stdout, stderr } = await publish("--canary", "34%", "--then", "100%", "--dry-run", "--json", "-")
    expect(code, stderr).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ dryRun: true, sequence: 4, begun: { stages: [{ ids: ["d-2"] }, {}] } })
    expect(played.orders).toMatchObject([{ action: "plan", stages: [34, 100] }])
    expect(played.retained.size).toBe(0)
  })

  test("says why it was refused, and takes the module back", async () => {
    await played.say({ highest: 3 })
    played.answer = () => ({ accepted: false, reason: "rollout: module 3 is being rolled out" })
    const { code, stdout, stderr } = await publish()
    expect([code, stdout]).toEqual([1, ""])
    expect(stderr).toMatch(
      /^fedmote: the coordinator refused to start module 4: rollout: module 3 is being rolled out$/m,
    )
    await vi.waitFor(() => expect(played.retained.size).toBe(0))
  })

  test("says that no coordinator is there, or that none answers", async () => {
    const nobody = await publish("--timeout", "1")
    expect([nobody.code, nobody.stdout]).toEqual([1, ""])
    expect(nobody.stderr).toMatch(
      /^fedmote: nothing came on fm1\/lab\/module\/train\/rollout in 1 s: expected a coordinator of fleet lab at this broker, with --trust, --data-dir, and slot train$/m,
    )
    await played.say({ highest: 3 })
    const silent = await publish("--timeout", "1")
    expect(silent.code).toBe(1)
    expect(silent.stderr).toMatch(/nothing came on fm1\/lab\/module\/train\/answer in 1 s/)
  })

  test("does not begin with a sequence that was used, or a module that is none", async () => {
    await played.say({ highest: 3 })
    const used = await publish("--sequence", "3")
    expect(used.code).toBe(1)
    expect(used.stderr).toMatch(/--sequence: expected more than 3, the highest that slot train has had, got 3$/m)
    await writeFile(join(folder, "none.wasm"), "\0asm")
    const none = await run("publish", "none.wasm", "--to", "all", ...signing)
    expect(none.code).toBe(1)
    expect(none.stderr).toMatch(/^fedmote: expected a WebAssembly module .*, got 4 bytes/m)
    expect(played.orders).toEqual([])
    expect(played.retained.size).toBe(0)
  })

  test.each([
    ["complete", 0, /^settled on module 4;/m],
    ["halted", 1, /^fedmote: module 4 to all is halted \(stage 1: it traps\)/m],
    ["aborted", 1, /^fedmote: module 4 to all is aborted/m],
  ] as const)("waits until it is %s", async (phase, exit, pattern) => {
    await played.say({ highest: 3, rollout: rolloutOf({ sequence: 3, phase: "halted" }) })
    played.answer = () => ({ rollout: rolloutOf() })
    const waiting = start(["module", "publish", "module.wasm", "--to", "all", ...at(), ...signing, "--wait"], {
      cwd: folder,
    })
    await waiting.saw(/the coordinator has begun/)
    await played.say({ highest: 4, rollout: rolloutOf() })
    await waiting.saw(/module 4 to all is running in stage 1 of 2/)
    const reason = phase === "halted" ? { reason: "stage 1: it traps" } : {}
    await played.say({ highest: 4, settled: 4, rollout: rolloutOf({ phase, stage: 1, ...reason }) })
    const { code, stdout, stderr } = await waiting.ended
    expect([code, stdout + stderr]).toEqual([exit, expect.stringMatching(pattern)])
  })

  test("stages rise to all devices", () => {
    expect(stagesOf(undefined)).toEqual([100])
    expect(stagesOf(5, [25, 100])).toEqual([5, 25, 100])
    expect(stagesOf(undefined, [50, 100])).toEqual([50, 100])
    expect(stagesOf(5)).toEqual([5, 100])
    for (const more of [[25], [50, 100], [100, 100]] as const)
      expect(() => stagesOf(50, more)).toThrow(
        `--canary and --then: expected at most 16 rising percentages, got 50%, ${more.map((each) => `${each}%`).join(", ")}`,
      )
  })
})

describe("status", () => {
  const rollout = rolloutOf({ stage: 1, phase: "paused" })

  test("in tables, and as the coordinator says it", async () => {
    await played.say({ settled: 3, highest: 4, rounds: 3, rollout, versions: { 0: 1, 3: 20 }, failures: { trap: 2 } })
    const { code, stdout, stderr } = await run("status")
    expect(code, stderr).toBe(0)
    expect(stdout).toContain(
      "slot train: module 4 to all is paused in stage 2 of 2, ordered with key 00112233445566ff\n",
    )
    expect(stdout).toMatch(/ 2 +100 % +2 +0 +0 +2/)
    expect(stdout).toContain("settled on module 3; rounds take devices with module 3\n")
    expect(stdout).toMatch(/the built-in kernels +1\s+module 3 +20\s/)
    expect(stdout).toMatch(/trap +2\s/)
    const json = await run("status", "--json", "-")
    expect(JSON.parse(json.stdout)).toMatchObject({ schema: "fedmote-rollout/1", slot: "train", settled: 3, rollout })
  })

  test("where there was no rollout yet", async () => {
    await played.say({})
    expect((await run("status")).stdout).toBe(
      "slot train: no rollout yet\nsettled on the built-in kernels; rounds take devices with the built-in kernels\n",
    )
  })
})

test("pause, resume and abort are signed orders about the latest rollout", async () => {
  await played.say({ highest: 4, rollout: rolloutOf() })
  played.answer = () => ({})
  for (const action of ["pause", "resume", "abort"] as const) {
    const { code, stdout, stderr } = await run(action, ...signing)
    expect(code, stderr).toBe(0)
    expect(stdout).toBe(`slot train: the coordinator has taken the order to ${action} module 4\n`)
    expect(played.orders.at(-1)).toMatchObject({ action, slot: "train", sequence: 4 })
  }
  const refused = "rollout: expected one that is running, it is aborted"
  played.answer = () => ({ accepted: false, reason: refused })
  const again = await run("pause", ...signing, "--json", "-")
  expect([again.code, again.stdout]).toEqual([1, ""])
  expect(again.stderr).toContain(`fedmote: the coordinator refused to pause module 4: ${refused}\n`)
})

test("nothing can be paused before there is anything", async () => {
  await played.say({})
  const { code, stderr } = await run("pause", ...signing)
  expect([code, stderr]).toEqual([1, "fedmote: slot train: expected a rollout to pause, there was none yet\n"])
})
