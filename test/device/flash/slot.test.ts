import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { FileSlotStore } from "../../../src/device/flash/file-slot-store.ts"
import { MemorySlotStore } from "../../../src/device/flash/slot-store.ts"
import type { SlotStore } from "../../../src/device/flash/slot-store.ts"
import { Slot } from "../../../src/device/flash/slot.ts"
import { TrustedKeys } from "../../../src/net/signature.ts"
import { moduleWith } from "../../kernel/foreign-modules.ts"
import { PowerFiles } from "./power-files.ts"
import type { Survives } from "./power-files.ts"
import { OPERATOR, STRANGER, signed } from "./signed.ts"
import type { Signed } from "./signed.ts"

const MODULES = [1, 2, 3].map((sequence) =>
  signed(moduleWith({}, `(func (drop (i32.const ${sequence})))`), { sequence, chunkBytes: 64 }),
)
const [ONE, TWO, THREE] = MODULES as [Signed, Signed, Signed]
const TRUSTED = new TrustedKeys([OPERATOR.publicKey])
const SILENT = { warn: () => undefined }

function open(store: SlotStore, trusted = TRUSTED): Slot {
  return new Slot("train", store, trusted, SILENT)
}

function download(slot: Slot, { envelope, manifest, bytes }: Signed): void {
  for (const index of slot.begin(envelope, manifest))
    slot.put(index, bytes.subarray(index * manifest.chunkBytes, (index + 1) * manifest.chunkBytes), manifest)
}

function install(slot: Slot, module: Signed): void {
  download(slot, module)
  slot.switch({ manifest: module.manifest, bytes: slot.arrived(module.manifest) })
  slot.tried(1)
}

function confirmed(slot: Slot, module: Signed): void {
  install(slot, module)
  slot.confirm([1, 2, 3, 4])
}

const ROLLED_BACK = { target: 3, state: "rolledBack", reason: "trap: x", losses: [] } as const

describe.each(["memory", "files"])("a slot in %s", (kind) => {
  let folder = ""
  let store: SlotStore
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "fedmote-slot-"))
    store = kind === "memory" ? new MemorySlotStore() : new FileSlotStore(join(folder, "modules"))
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  test("begins with the built-in kernels", () => {
    const slot = open(store)
    expect([slot.active, slot.running]).toEqual([0, undefined])
    expect(slot.state.report).toEqual({ target: 0, state: "idle", reason: "", losses: [] })
  })

  test("keeps what runs and what was reported over a restart", () => {
    confirmed(open(store), ONE)
    const slot = open(store)
    expect(slot.running).toEqual({ manifest: ONE.manifest, bytes: ONE.bytes })
    expect(slot.state).toMatchObject({ highest: 1, active: { confirmed: true }, previous: "built-in" })
    expect(slot.state.report).toEqual({ target: 1, state: "confirmed", reason: "", losses: [1, 2, 3, 4] })
  })

  test("goes on with a download after a restart, and begins another from the start", () => {
    const { envelope, manifest, bytes } = ONE
    const slot = open(store)
    const chunks = slot.begin(envelope, manifest)
    expect(chunks).toEqual(Array.from({ length: Math.ceil(bytes.length / 64) }, (_, i) => i))
    for (const index of [3, 1]) slot.put(index, bytes.subarray(64 * index, 64 * index + 64), manifest)
    expect(open(store).begin(envelope, manifest)).toEqual(chunks.filter((index) => index !== 3 && index !== 1))
    expect(open(store).begin(TWO.envelope, TWO.manifest)).toHaveLength(chunks.length)
    download(open(store), ONE)
    expect(open(store).arrived(manifest)).toEqual(bytes)
  })

  test("a shorter module leaves nothing of a longer one", () => {
    const long = signed(moduleWith({}, `(func ${"(drop (i32.const 1))".repeat(99)})`), { sequence: 1, chunkBytes: 64 })
    const slot = open(store)
    download(slot, long)
    slot.drop({ target: 1, state: "reverted", reason: "told: x", losses: [] })
    download(slot, TWO)
    expect(slot.arrived(TWO.manifest)).toEqual(TWO.bytes)
  })

  test("goes back to what ran before, which the next download takes the place of", () => {
    const slot = open(store)
    confirmed(slot, ONE)
    confirmed(slot, TWO)
    install(slot, THREE)
    expect(slot.before()?.bytes).toEqual(TWO.bytes)
    slot.back(ROLLED_BACK)
    expect(slot.running?.bytes).toEqual(TWO.bytes)
    const again = open(store)
    expect(again.running?.bytes).toEqual(TWO.bytes)
    expect(again.state).toMatchObject({ highest: 3, active: { confirmed: true }, report: ROLLED_BACK })
    expect(again.before()).toBeUndefined()
  })

  test("a key that is not trusted any more takes its modules with it", () => {
    confirmed(open(store), ONE)
    const slot = open(store, new TrustedKeys([STRANGER.publicKey]))
    expect(slot.active).toBe(0)
    expect(slot.state.report).toMatchObject({ state: "idle", reason: expect.stringMatching(/^unknown-key: module 1/) })
  })

  test("another slot's store is refused", () => {
    confirmed(open(store), ONE)
    expect(() => new Slot("score", store, TRUSTED, SILENT)).toThrow(
      /expected the modules of slot score, got those of train/,
    )
  })
})

describe("damage", () => {
  let folder = ""
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "fedmote-slot-"))
    const slot = open(new FileSlotStore(folder))
    confirmed(slot, ONE)
    confirmed(slot, TWO)
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  test("of the module that runs: the one before runs, it is said, and it may be sent again", () => {
    truncateSync(join(folder, "b.wasm"), 100)
    const slot = open(new FileSlotStore(folder))
    expect(slot.running?.bytes).toEqual(ONE.bytes)
    expect(slot.state).toMatchObject({ highest: 1, report: { target: 0, state: "idle" } })
    expect(slot.state.report.reason).toMatch(
      /^size: module 2 cannot run any more: expected a module of \d+ bytes, got 100/,
    )
    confirmed(slot, TWO)
    expect(open(new FileSlotStore(folder)).running?.bytes).toEqual(TWO.bytes)
  })

  test("of both: the built-in kernels run", () => {
    for (const side of ["a", "b"]) writeFileSync(join(folder, `${side}.wasm`), ONE.bytes.slice(1))
    const slot = open(new FileSlotStore(folder))
    expect([slot.active, slot.running]).toEqual([0, undefined])
  })

  test("of the state is an error", () => {
    writeFileSync(join(folder, "state"), "fedmote-slot/1 0\n{}")
    expect(() => open(new FileSlotStore(folder))).toThrow(expect.objectContaining({ code: "state" }))
  })
})

/** All that may happen to a slot, by what was reached before: each step is repeated after a power cut until it is done. */
const STEPS: readonly ((slot: Slot) => void)[] = [
  (slot) => slot.active === 0 && install(slot, ONE),
  (slot) => slot.state.active!.confirmed || slot.confirm([]),
  (slot) => slot.active === 1 && install(slot, TWO),
  (slot) => slot.state.active!.confirmed || slot.confirm([]),
  (slot) => slot.state.highest === 2 && install(slot, THREE),
  (slot) => slot.active === 3 && slot.back(ROLLED_BACK),
]

/** Seeded, for a run that can be repeated: mulberry32. */
function randomFrom(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

describe("a power cut at every change of the file system", () => {
  const whole = new Map(MODULES.map(({ manifest, bytes }) => [manifest.sequence, bytes]))
  const uncut = new PowerFiles()
  const calm = open(new FileSlotStore("/slot", uncut.files))
  for (const step of STEPS) step(calm)

  test.each<Survives>(["nothing", "everything", "something"])("leaves a whole module where %s survives", (survives) => {
    expect(uncut.changes).toBeGreaterThan(100)
    for (let cutAt = 0; cutAt < uncut.changes; cutAt++) {
      const disk = new PowerFiles(cutAt, randomFrom(cutAt))
      let reached = 0
      try {
        const slot = open(new FileSlotStore("/slot", disk.files))
        for (; reached < STEPS.length; reached++) {
          STEPS[reached]!(slot)
          if (disk.isCut) break
        }
      } catch (error) {
        expect(error).toMatchObject({ code: "store" })
      }
      const after = open(new FileSlotStore("/slot", disk.restart(survives).files))
      const where = `cut ${cutAt}, step ${reached}`
      expect(after.running?.bytes, where).toEqual(after.active === 0 ? undefined : whole.get(after.active))
      // What was confirmed before is not lost: at the worst it is what ran before.
      expect(after.active, where).toBeGreaterThanOrEqual([0, 0, 1, 1, 2, 2][Math.min(reached, 5)]!)
      expect(after.state.report.reason, where).not.toMatch(/cannot run any more/)
      for (const step of STEPS) step(after)
      expect([after.active, after.state.highest, after.running?.bytes], where).toEqual([2, 3, TWO.bytes])
    }
  })
})
