import { AuditLog, NO_HASH } from "../../../src/coordinator/rollout/audit-log.ts"

/** Run where files may have 1 or 2 KiB: a line, one that does not fit, and another that does. Prints the code of the one that failed. */
const log = new AuditLog(process.argv[2]!, NO_HASH)
log.append({ event: "order" })
try {
  log.append({ event: "stage", devices: Array.from({ length: 500 }, (_, i) => `g-${i}`) })
} catch (error) {
  process.stdout.write((error as { code: string }).code)
}
log.append({ event: "halted" })
