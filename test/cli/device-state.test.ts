import { mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { fileMemory } from "../../src/cli/device-state.ts"

describe("a device's state in a file", () => {
  let folder = ""
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "fedmote-state-"))
  })
  afterEach(() => rm(folder, { recursive: true, force: true }))

  it("is what was saved last, in one piece, and for its owner alone", async () => {
    const file = join(folder, "mote.state")
    const memory = fileMemory(file)
    expect(memory.load()).toBeUndefined()
    memory.save(Uint8Array.of(1, 2, 3, 4, 5))
    memory.save(Uint8Array.of(6, 7))
    expect([...memory.load()!]).toEqual([6, 7])
    expect([...(await readFile(file))]).toEqual([6, 7])
    expect(await readdir(folder)).toEqual(["mote.state"])
  })

  it("stays as it was where it cannot be written", async () => {
    const memory = fileMemory(join(folder, "none", "mote.state"))
    expect(memory.load()).toBeUndefined()
    expect(() => memory.save(Uint8Array.of(1))).toThrow(expect.objectContaining({ code: "output" }))
    expect(() => memory.save(Uint8Array.of(1))).toThrow("mote.state")
  })

  it("says so where it cannot be read", async () => {
    await writeFile(join(folder, "file"), "")
    expect(() => fileMemory(folder).load()).toThrow(expect.objectContaining({ code: "state" }))
    expect(() => fileMemory(join(folder, "file", "below")).load()).toThrow("cannot read")
  })
})
