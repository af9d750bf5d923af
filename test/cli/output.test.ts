import { mkdtemp, readFile, readdir, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Writable } from "node:stream"
import { afterEach, describe, expect, it } from "vitest"
import { writeJson } from "../../src/cli/output.ts"

const sink = (fail?: NodeJS.ErrnoException): { stream: Writable; text: () => string } => {
  let text = ""
  const stream = new Writable({
    highWaterMark: 4,
    write(chunk, _encoding, done) {
      text += String(chunk)
      setImmediate(() => done(fail))
    },
  })
  return { stream, text: () => text }
}

describe("JSON output", () => {
  let folder = ""
  afterEach(() => rm(folder, { recursive: true, force: true }))

  it("goes whole into a file, over an older one", async () => {
    folder = await mkdtemp(join(tmpdir(), "fedmote-output-"))
    const file = join(folder, "a.json")
    await writeJson({ old: "x".repeat(1000) }, file)
    await writeJson({ a: [1] }, file)
    expect(await readFile(file, "utf8")).toBe('{\n  "a": [\n    1\n  ]\n}\n')
    expect(await readdir(folder)).toEqual(["a.json"])
  })

  it("says what is wrong with the file, and leaves nothing behind", async () => {
    folder = await mkdtemp(join(tmpdir(), "fedmote-output-"))
    const missing = join(folder, "no", "a.json")
    await expect(writeJson({}, missing)).rejects.toThrow(`cannot write ${missing}: its folder does not exist`)
    await expect(writeJson({}, folder)).rejects.toThrow(`cannot write ${folder}: it is a folder`)
    expect(await readdir(folder)).toEqual([])
    expect((await readdir(join(folder, ".."))).filter((name) => name.endsWith(`${process.pid}.tmp`))).toEqual([])
  })

  it("goes to standard output for -", async () => {
    const { stream, text } = sink()
    await writeJson({ a: 1 }, "-", stream)
    expect(text()).toBe('{\n  "a": 1\n}\n')
    expect(stream.listenerCount("error")).toBe(0)
  })

  it("does not mind a reader that went away, but other errors", async () => {
    await writeJson({}, "-", sink(Object.assign(new Error("write EPIPE"), { code: "EPIPE" })).stream)
    const full = Object.assign(new Error("ENOSPC: no space left"), { code: "ENOSPC" })
    await expect(writeJson({}, "-", sink(full).stream)).rejects.toThrow("cannot write to standard output: ENOSPC")
  })
})
