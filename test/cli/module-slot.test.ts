import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { moduleSlot } from "../../src/cli/module-slot.ts"

const KEY = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"

let folder = ""
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "fedmote-slot-"))
})
afterEach(() => rm(folder, { recursive: true }))

describe("a device's options about modules", () => {
  test("none: it takes none", async () => expect(await moduleSlot({})).toBeUndefined())

  test("a folder, keys, a slot and tags", async () => {
    const modules = join(folder, "modules")
    const options = await moduleSlot({ modules, trust: [KEY], slot: "score", tag: ["fan", "hall-3"] })
    expect(options).toMatchObject({ slot: "score", tags: ["fan", "hall-3"] })
    expect(options!.trusted.map((key) => Buffer.from(key).toString("hex"))).toEqual([KEY])
    options!.store.save(Uint8Array.of(1, 2))
    expect((await moduleSlot({ modules, trust: [KEY] }))!.store.load()).toEqual(Uint8Array.of(1, 2))
  })

  test.each([
    [{ trust: [KEY] }, /expected --modules FOLDER/],
    [{ tag: ["fan"] }, /expected --modules FOLDER/],
    [{ slot: "score" }, /expected --modules FOLDER/],
    [{ modules: "x" }, /expected --trust KEY/],
    [{ modules: "x", trust: [KEY], module: "y.wasm" }, /got both/],
  ])("%j is refused", async (flags, message) => {
    await expect(moduleSlot(flags)).rejects.toMatchObject({
      code: "usage",
      message: expect.stringMatching(message) as string,
    })
  })
})
