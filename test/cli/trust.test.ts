import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, expect, test } from "vitest"
import { trustedKeys } from "../../src/cli/trust.ts"

const [first, second, third] = ["1", "2", "a"].map((digit) => digit.repeat(64)) as [string, string, string]
const bytes = (byte: number): Uint8Array => new Uint8Array(32).fill(byte)

let folder = ""
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "fedmote-trust-"))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

async function file(name: string, text: string): Promise<string> {
  const path = join(folder, name)
  await writeFile(path, text)
  return path
}

test("keys come as such and from files, each once", async () => {
  expect(await trustedKeys({})).toBeUndefined()
  expect(await trustedKeys({ trust: [first, third.toUpperCase()] })).toEqual([bytes(0x11), bytes(0xaa)])
  const keys = await file("keys", `# the old one\n${first}\r\n\n# its successor\n  ${second}\n`)
  expect(await trustedKeys({ trust: [second, keys, third] })).toEqual([bytes(0x22), bytes(0x11), bytes(0xaa)])
})

test("what is no key is said, and where", async () => {
  const bad = await file("bad", `${first}\n${first.slice(1)}\n`)
  const empty = await file("empty", "# none yet\n")
  const hope = (text: string, message: string | RegExp): Promise<void> =>
    expect(trustedKeys({ trust: [text] })).rejects.toThrow(
      expect.objectContaining({ code: "key", message: expect.stringMatching(message) as string }),
    )
  await hope(bad, `bad, line 2: expected a public key in 64 hexadecimal digits, got 63 characters`)
  await hope(empty, "empty: expected a public key a line, got none")
  await hope(first.slice(2), "expected a public key in 64 hexadecimal digits, or a file of them; ENOENT")
  await hope(
    await file("private", `fedmote-private-key-1:${first}\n`),
    /private, line 1: expected a public key in 64 hexadecimal digits, got 86 characters$/,
  )
})
