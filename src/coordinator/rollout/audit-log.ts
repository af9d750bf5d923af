import { closeSync, fsyncSync, ftruncateSync, openSync, readFileSync, truncateSync, writeSync } from "node:fs"
import { FedmoteError } from "../../core/error.ts"
import { hex, sha256 } from "../../net/digest.ts"

/**
 * Who signed what, and when it went where: one JSON object a line, never changed, each with the hash of the one before (`previous`) and its own (`hash`:
 * SHA-256 of the line without it, in hexadecimal). Whoever changes a line, takes one out or puts one in has to write all that follow anew, and the
 * coordinator's journal knows the last hash.
 */

/** A line, but for its place in the chain. */
export interface AuditFacts {
  /** What happened. */
  readonly event: string
  readonly [name: string]: unknown
}

export interface AuditEntry extends AuditFacts {
  /** From 1. */
  readonly number: number
  /** ISO 8601. */
  readonly time: string
  readonly previous: string
  readonly hash: string
}

/** What the first line follows. */
export const NO_HASH = "0".repeat(64)

export class AuditLog {
  readonly #file: string
  readonly #now: () => Date
  #number: number
  #last: string
  /** What it has when its last line is whole. */
  #bytes: number

  /**
   * Opens the log, or begins one. A last line that was cut off by a power failure is taken away; it was of something that had not been done yet. Throws
   * `FedmoteError` ("audit") where the chain is broken, or does not have the line with the hash `known`.
   */
  constructor(file: string, known: string, now: () => Date = () => new Date()) {
    this.#file = file
    this.#now = now
    const { entries, wholeBytes, bytes } = readAudit(file)
    if (known !== NO_HASH && !entries.some(({ hash }) => hash === known))
      throw new FedmoteError(
        "audit",
        `${file}: expected a line with the hash ${known}, as the journal says, got ${entries.length} lines without it`,
      )
    if (wholeBytes < bytes) truncateSync(file, wholeBytes)
    this.#number = entries.length
    this.#last = entries.at(-1)?.hash ?? NO_HASH
    this.#bytes = wholeBytes
  }

  /** Hash of the last line. */
  get last(): string {
    return this.#last
  }

  /** A line for each; durable when it returns. Throws `FedmoteError` ("audit") where the disk does not take them. */
  append(...facts: readonly AuditFacts[]): void {
    let number = this.#number
    let last = this.#last
    let text = ""
    for (const each of facts) {
      const line = { number: ++number, time: this.#now().toISOString(), ...each, previous: last }
      last = hashOf(line)
      text += `${JSON.stringify({ ...line, hash: last })}\n`
    }
    this.#write(Buffer.from(text))
    this.#number = number
    this.#last = last
  }

  #write(text: Buffer): void {
    try {
      const descriptor = openSync(this.#file, "a", 0o600)
      try {
        for (let done = 0; done < text.length;) done += writeSync(descriptor, text, done)
        fsyncSync(descriptor)
        this.#bytes += text.length
      } catch (error) {
        // Of lines that a full disk has cut off nothing stays: others may follow.
        ftruncateSync(descriptor, this.#bytes)
        throw error
      } finally {
        closeSync(descriptor)
      }
    } catch (cause) {
      throw new FedmoteError("audit", `cannot write to ${this.#file}: ${(cause as Error).message}`, { cause })
    }
  }
}

/** All lines, verified. Throws `FedmoteError` ("audit") naming the first that is not as it was written. */
export function verifyAudit(file: string): AuditEntry[] {
  const { entries, wholeBytes, bytes } = readAudit(file)
  if (wholeBytes < bytes)
    throw new FedmoteError(
      "audit",
      `${file}: line ${entries.length + 1} is cut off: the coordinator mends that when it starts`,
    )
  return entries
}

function readAudit(file: string): {
  readonly entries: AuditEntry[]
  /** As far as the last line end. */
  readonly wholeBytes: number
  readonly bytes: number
} {
  const raw = contentsOf(file)
  const wholeBytes = raw.lastIndexOf("\n") + 1
  const entries: AuditEntry[] = []
  let previous = NO_HASH
  for (const [i, text] of raw.subarray(0, wholeBytes).toString("utf8").split("\n").slice(0, -1).entries()) {
    const entry = parsed(text)
    const flaw = entry === undefined ? "is no JSON object" : flawOf(entry, text, i + 1, previous)
    if (flaw !== undefined)
      throw new FedmoteError("audit", `${file}: line ${i + 1} ${flaw}: it was changed, or lines before it were`)
    entries.push(entry!)
    previous = entry!.hash
  }
  return { entries, wholeBytes, bytes: raw.length }
}

function flawOf(entry: AuditEntry, text: string, number: number, previous: string): string | undefined {
  const { hash, ...line } = entry
  if (JSON.stringify({ ...line, hash }) !== text) return "is not written as the coordinator writes"
  if (entry.number !== number) return `says that it is number ${String(entry.number)}`
  if (entry.previous !== previous) return "does not follow the line before"
  return hashOf(line) === hash ? undefined : "does not have the hash that it says"
}

function hashOf(line: object): string {
  return hex(sha256(JSON.stringify(line)))
}

function parsed(text: string): AuditEntry | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as AuditEntry) : undefined
  } catch {
    return undefined
  }
}

function contentsOf(file: string): Buffer {
  try {
    return readFileSync(file)
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return Buffer.alloc(0)
    throw new FedmoteError("audit", `cannot read ${file}: ${(cause as Error).message}`, { cause })
  }
}
