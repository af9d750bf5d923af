import { execFileSync } from "node:child_process"
import { createHash } from "node:crypto"
import { appendFileSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { afterEach, beforeEach, expect, test } from "vitest"
import { AuditLog, NO_HASH, verifyAudit } from "../../../src/coordinator/rollout/audit-log.ts"

let folder = ""
let file = ""
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "fedmote-audit-"))
  file = join(folder, "audit.jsonl")
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const NOW = new Date(Date.UTC(2026, 0, 2, 3, 4, 5))
const auditError = (message: RegExp): unknown =>
  expect.objectContaining({ code: "audit", message: expect.stringMatching(message) as string })

/** A log of three lines. */
function written(): AuditLog {
  const log = new AuditLog(file, NO_HASH, () => NOW)
  log.append({ event: "order", sequence: 2, keyId: "00ff" })
  log.append({ event: "stage", sequence: 2, devices: ["a", "b"] }, { event: "complete", sequence: 2 })
  return log
}

test("each line has the SHA-256 of the one before, and its own", () => {
  const log = written()
  let previous = "0".repeat(64)
  for (const [i, text] of readFileSync(file, "utf8").trimEnd().split("\n").entries()) {
    const line = text.replace(/,"hash":"[0-9a-f]{64}"\}$/, "}")
    const hash = createHash("sha256").update(line).digest("hex")
    expect(JSON.parse(text)).toMatchObject({ number: i + 1, time: "2026-01-02T03:04:05.000Z", previous, hash })
    previous = hash
  }
  expect(log.last).toBe(previous)
  expect(verifyAudit(file).map(({ event }) => event)).toEqual(["order", "stage", "complete"])
})

test("it goes on where it was", () => {
  const { last } = written()
  const again = new AuditLog(file, last, () => NOW)
  again.append({ event: "halted" })
  expect(verifyAudit(file).at(-1)).toMatchObject({ number: 4, previous: last, event: "halted" })
})

test("a line that a full disk has cut off leaves nothing behind", () => {
  const script = fileURLToPath(new URL("full-disk.ts", import.meta.url))
  const limited = `trap "" XFSZ; ulimit -S -f 2; exec "$0" "$@"`
  const failed = execFileSync("sh", ["-c", limited, process.execPath, script, file], { encoding: "utf8" })
  expect(failed).toBe("audit")
  expect(verifyAudit(file).map(({ number, event }) => [number, event])).toEqual([
    [1, "order"],
    [2, "halted"],
  ])
})

test("a line that is there but the record does not know of is of a moment before a crash", () => {
  const first = new AuditLog(file, NO_HASH)
  first.append({ event: "order" })
  const known = first.last
  first.append({ event: "stage" })
  expect(new AuditLog(file, known).last).toBe(first.last)
})

test("no byte can be another", () => {
  written()
  const good = readFileSync(file)
  for (let at = 0; at < good.length; at++) {
    const bad = Buffer.from(good)
    bad[at]! ^= 1
    writeFileSync(file, bad)
    expect(() => verifyAudit(file), `byte ${at}`).toThrow(auditError(/audit\.jsonl: line [1-4] /))
  }
})

test("no line can be taken out, nor change places", () => {
  written()
  const lines = readFileSync(file, "utf8").trimEnd().split("\n")
  const [one, two, three] = lines as [string, string, string]
  for (const other of [
    [two, three],
    [one, three],
    [two, one, three],
    [one, one, two, three],
  ]) {
    writeFileSync(file, `${other.join("\n")}\n`)
    expect(() => verifyAudit(file)).toThrow(auditError(/line \d (says that it is number|does not follow)/))
  }
})

test("the end cannot be cut off: the record knows the last line", () => {
  const { last } = written()
  const [one, two] = readFileSync(file, "utf8").split("\n")
  writeFileSync(file, `${one}\n${two}\n`)
  expect(verifyAudit(file)).toHaveLength(2)
  expect(() => new AuditLog(file, last)).toThrow(auditError(/expected a line with the hash [0-9a-f]{64}.*got 2 lines/))
  rmSync(file)
  expect(() => new AuditLog(file, last)).toThrow(auditError(/got 0 lines/))
})

test("a line that a power failure cut off is mended, whole lines stay", () => {
  const { last } = written()
  const good = readFileSync(file)
  appendFileSync(file, good)
  for (let end = good.length + 1; end < good.indexOf("\n") + good.length; end += 17) {
    writeFileSync(file, Buffer.concat([good, good]))
    truncateSync(file, end)
    expect(() => verifyAudit(file)).toThrow(auditError(/line 4 is cut off/))
    new AuditLog(file, last)
    expect(readFileSync(file)).toEqual(good)
  }
})

test("a disk that does not take it: nothing has been written down", () => {
  const log = written()
  const { last } = log
  rmSync(folder, { recursive: true })
  expect(() => log.append({ event: "halted" })).toThrow(auditError(/cannot write to .*audit\.jsonl: ENOENT/))
  expect(log.last).toBe(last)
})
