import { mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { parsePlan } from "../../src/core/plan.ts"
import { settingsDigest } from "../../src/sim/run-settings.ts"
import { sourceDigest } from "../../src/sim/source-digest.ts"

let folder = ""
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "fedmote-settings-"))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

describe("the digest of a data source", () => {
  it("is of what it holds, not of where it lies", async () => {
    const file = join(folder, "a.csv")
    await writeFile(file, "x,y\n1,2\n")
    const before = await sourceDigest(file)
    // printf 'x,y\n1,2\n' | sha256sum | xxd -r -p | sha256sum
    expect(before).toBe("587aa8dfcfde5f186e58cd9b88000c718000e8ae1e7e69628df735af47c53b85")
    await rename(file, join(folder, "b.csv"))
    expect(await sourceDigest(join(folder, "b.csv"))).toBe(before)
    await writeFile(join(folder, "b.csv"), "x,y\n1,3\n")
    expect(await sourceDigest(join(folder, "b.csv"))).not.toBe(before)
  })

  it("is of a folder's names and files, also where its description is named", async () => {
    const data = join(folder, "set")
    await mkdir(join(data, "more"), { recursive: true })
    await writeFile(join(data, "meta.json"), "{}")
    await writeFile(join(data, "more", "rows.bin"), "1")
    const before = await sourceDigest(data)
    expect(await sourceDigest(join(data, "meta.json"))).toBe(before)
    await rename(join(data, "more", "rows.bin"), join(data, "more", "row.bin"))
    expect(await sourceDigest(data)).not.toBe(before)
  })

  it("is of the name of what is no file", async () => {
    expect(await sourceDigest("synthetic:1,1")).not.toBe(await sourceDigest("synthetic:0,0"))
    // printf telosb | sha256sum
    expect(await sourceDigest("telosb")).toBe("88eaee9f6e85f2ad0996b9c72b62cf3a4302539173f9df5e96c1d6143b753f70")
  })
})

describe("the digest of a run's settings", () => {
  const settings = (plan: object, more: object = {}) =>
    settingsDigest({
      plan: parsePlan(plan),
      data: { source: "ab", partition: "iid", clients: 3 },
      baselines: true,
      recordCohorts: false,
      ...more,
    })

  it("is the same for the same settings, however they were written", () => {
    expect(settings({ rounds: 3, train: { epochs: 5 } })).toBe(settings({ train: {}, rounds: 3 }))
    expect(settings({}, { data: { clients: 3, partition: "iid", source: "ab", seed: undefined } })).toBe(settings({}))
  })

  it("is another one for others", () => {
    const all = [
      settings({}),
      settings({ seed: 2 }),
      settings({ seeds: { partition: 1 } }),
      settings({ train: { epochs: 6 } }),
      settings({}, { baselines: false }),
      settings({}, { recordCohorts: true }),
      settings({}, { init: "cd" }),
      settings({}, { world: "cd" }),
      settings({}, { trace: "cd" }),
      settings({}, { data: { source: "ac", partition: "iid", clients: 3 } }),
      settings({}, { data: { source: "ab", partition: "iid", clients: 4 } }),
    ]
    expect(new Set(all).size).toBe(all.length)
  })
})
