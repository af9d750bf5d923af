import { existsSync } from "node:fs"
import { join } from "node:path"
import { Command } from "commander"
import { NO_HASH, verifyAudit } from "../coordinator/rollout/audit-log.ts"
import type { AuditEntry } from "../coordinator/rollout/audit-log.ts"
import { FileModuleStore } from "../coordinator/rollout/module-store.ts"
import { AUDIT_FILE, MODULES_FOLDER } from "../coordinator/rollout/modules.ts"
import { knownHash } from "../coordinator/rollout/rollout-book.ts"
import { FedmoteError } from "../core/error.ts"
import { writeJson } from "./output.ts"

/** What `fedmote module audit --json` writes. */
const SCHEMA = "fedmote-audit/1"

export function moduleAuditCommand(): Command {
  return new Command("audit")
    .description("verify a coordinator's audit log, and print who ordered what, and when it went where")
    .argument("<folder>", "the coordinator's --data-dir")
    .option("--json <file>", "write its lines as fedmote-audit/1; - is standard output")
    .action(async (folder: string, { json }: { readonly json?: string }) => {
      const entries = auditOf(folder)
      if (json !== "-") process.stdout.write(formatAudit(entries))
      if (json !== undefined) await writeJson({ schema: SCHEMA, entries }, json)
    })
}

/** All lines, and none is missing at the end that the coordinator knows of. Throws `FedmoteError` ("audit", "module-store"). */
function auditOf(folder: string): readonly AuditEntry[] {
  const file = join(folder, AUDIT_FILE)
  if (!existsSync(file)) throw new FedmoteError("audit", `${file}: there is no audit log`)
  // Before the log, which may grow meanwhile.
  const kept = join(folder, MODULES_FOLDER)
  const known = existsSync(kept) ? knownHash(new FileModuleStore(kept).load()) : NO_HASH
  const entries = verifyAudit(file)
  if (known !== NO_HASH && !entries.some(({ hash }) => hash === known))
    throw new FedmoteError(
      "audit",
      `${file}: expected a line with the hash ${known}, as ${kept} says: lines are missing`,
    )
  return entries
}

/** One line each, without the chain: that it holds has been verified. */
export function formatAudit(entries: readonly AuditEntry[]): string {
  const digits = String(entries.length).length
  const longest = Math.max(0, ...entries.map(({ event }) => event.length))
  const lines = entries.map((entry) => {
    const { number, time, event } = entry
    return `${String(number).padStart(digits)}  ${time}  ${event.padEnd(longest)}  ${factsOf(entry)}\n`
  })
  return `${lines.join("")}${entries.length} lines, unbroken\n`
}

const COMMON = ["number", "time", "event", "previous", "hash"]

function factsOf(entry: AuditEntry): string {
  return Object.entries(entry)
    .filter(([name]) => !COMMON.includes(name))
    .map(([name, value]) => `${name}=${typeof value === "string" ? value : JSON.stringify(value)}`)
    .join(" ")
}
