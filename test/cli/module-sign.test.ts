import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { AuditLog } from "../../src/coordinator/rollout/audit-log.ts"
import { FileModuleStore } from "../../src/coordinator/rollout/module-store.ts"
import { TrustedKeys } from "../../src/net/signature.ts"
import { decodeManifest } from "../../src/wire/manifest.ts"
import { ROOT, fedmote } from "../e2e/fedmote.ts"

const MODULE = `${ROOT}dist/wasm/fedmote.scalar.wasm`
const { own } = JSON.parse(await readFile(`${ROOT}test/vectors/module/self-test.json`, "utf8")) as { own: string }
/** Seed, public key and key id of the golden manifests. */
const vectors = JSON.parse(await readFile(`${ROOT}test/vectors/module/manifest.json`, "utf8")) as {
  readonly secretKey: string
  readonly publicKey: string
  readonly keyId: string
}

let folder = ""
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "fedmote-sign-"))
  await writeFile(join(folder, "operator.key"), `fedmote-private-key-1:${vectors.secretKey}\n`)
})
afterAll(() => rm(folder, { recursive: true, force: true }))

describe("fedmote module sign", () => {
  const sign = (...args: readonly string[]): ReturnType<typeof fedmote> =>
    fedmote(["module", "sign", MODULE, "--key", "operator.key", "--out", "manifest", ...args], { cwd: folder })

  test("writes what a gateway that trusts the key reads", async () => {
    const { code, stdout, stderr } = await sign("--sequence", "7", "--slot", "anomalies", "--to", "edge")
    expect(code, stderr).toBe(0)
    const envelope = new Uint8Array(await readFile(join(folder, "manifest")))
    const { length } = await readFile(MODULE)
    expect(stdout).toBe(
      `manifest: module 7 of slot anomalies for devices with tag edge: ${length} bytes in ${Math.ceil(length / 4096)} chunks; the signed manifest has ${envelope.length} bytes\n`,
    )
    const key = new Uint8Array(Buffer.from(vectors.publicKey, "hex"))
    const { digest: _digest, selfTest, ...said } = decodeManifest(new TrustedKeys([key]).open(envelope))
    expect(Buffer.from(selfTest).toString("hex")).toBe(own)
    expect(said).toEqual({
      ...{ sequence: 7, slot: "anomalies", tags: ["edge"], abi: 1, features: "mvp" },
      ...{ memoryKiB: 65536, sizeBytes: length, chunkBytes: 4096 },
    })
  })

  test("says it as JSON, with when it expires", async () => {
    const { code, stdout, stderr } = await sign("--sequence", "7", "--expires", "30d", "--json", "-")
    expect(code, stderr).toBe(0)
    const said = JSON.parse(stdout) as { readonly expires: number }
    expect(said).toMatchObject({ schema: "fedmote-manifest/1", keyId: vectors.keyId, tags: [], slot: "train" })
    expect(Math.abs(said.expires - Date.now() / 1000 - 30 * 86_400)).toBeLessThan(60)
  })

  test.each([
    [["--sequence", "0"], /--sequence.*whole number from 1/],
    [["--sequence", "1", "--slot", "My Slot"], /--slot.*1 to 32 of a-z/],
    [["--sequence", "1", "--expires", "soon"], /--expires.*number of days/],
    [["--sequence", "1", "--chunk", "63"], /--chunk.*from 64 to 65536/],
    [[], /--sequence/],
  ])("refuses %j", async (args, pattern) => {
    const { code, stderr } = await sign(...args)
    expect([code, stderr]).toEqual([2, expect.stringMatching(pattern)])
  })
})

describe("fedmote module audit", () => {
  const audit = (...args: readonly string[]): ReturnType<typeof fedmote> =>
    fedmote(["module", "audit", "data", ...args], { cwd: folder })
  let file = ""
  let text = ""
  beforeAll(async () => {
    file = join(folder, "data", "audit.jsonl")
    const store = new FileModuleStore(join(folder, "data", "modules"))
    const log = new AuditLog(file, "0".repeat(64), () => new Date("2026-11-29T12:00:00Z"))
    log.append({ event: "order", action: "start", sequence: 2 }, { event: "stage", stage: 0, devices: ["a", "b"] })
    log.append({ event: "complete", sequence: 2 })
    store.save({ slot: "train", highest: 2, settled: 2, orders: [], undone: [], audit: log.last })
    text = await readFile(file, "utf8")
  })

  test("prints what happened, and that nothing was changed", async () => {
    const { code, stdout, stderr } = await audit()
    expect(code, stderr).toBe(0)
    expect(stdout).toBe(
      [
        "1  2026-11-29T12:00:00.000Z  order     action=start sequence=2",
        `2  2026-11-29T12:00:00.000Z  stage     stage=0 devices=["a","b"]`,
        "3  2026-11-29T12:00:00.000Z  complete  sequence=2",
        "3 lines, unbroken\n",
      ].join("\n"),
    )
    const { entries } = JSON.parse((await audit("--json", "-")).stdout) as { readonly entries: readonly object[] }
    expect(entries.map((entry) => JSON.stringify(entry))).toEqual(text.trim().split("\n"))
  })

  test("says where it was changed, and that lines are missing at its end", async () => {
    await writeFile(file, text.replace('"sequence":2', '"sequence":1'))
    const changed = await audit()
    expect([changed.code, changed.stdout]).toEqual([1, ""])
    expect(changed.stderr).toMatch(/audit\.jsonl: line 1 does not have the hash that it says/)
    await writeFile(file, text.slice(0, text.trimEnd().lastIndexOf("\n") + 1))
    const shorter = await audit()
    expect(shorter.code).toBe(1)
    expect(shorter.stderr).toMatch(/audit\.jsonl: expected a line with the hash [0-9a-f]{64}, .*: lines are missing/)
    await rm(file)
    expect((await audit()).stderr).toMatch(/audit\.jsonl: there is no audit log/)
  })
})
