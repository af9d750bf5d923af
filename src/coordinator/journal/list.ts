import { createHash } from "node:crypto"
import type { Metrics } from "../../core/metrics.ts"
import type { Plan } from "../../core/plan.ts"
import { journalError, lockFolder, openDatabase } from "./database.ts"
import { JournalError } from "./journal.ts"
import { openTables, runOf } from "./rows.ts"
import type { RunRow } from "./rows.ts"

/** What a journal knows of one run. */
export interface ListedRun {
  readonly run: string
  readonly fleet: string
  /** "interrupted": not at its end, and no coordinator is working on it. */
  readonly state: "running" | "interrupted" | "released" | "discarded"
  /** SHA-256 of the plan with its defaults, as JSON with keys in order; hexadecimal. */
  readonly plan: string
  /** ISO 8601. */
  readonly began: string
  readonly committed: string | undefined
  /** Training rounds that are committed, and those that the plan has. */
  readonly rounds: number
  readonly of: number
  /** Of the last evaluation. */
  readonly metrics: Metrics
  readonly stopped: string | undefined
  /** Devices that were ready at some time. */
  readonly devices: number
}

/** The runs of a folder's journal, oldest first. Takes no lock: a coordinator may be at work. Throws `JournalError`. */
export function listRuns(folder: string): ListedRun[] {
  const db = openDatabase(folder)
  if (db === undefined) throw new JournalError("journal-open", `there is no journal in ${folder}`)
  try {
    const rows = openTables(db).run.rows().map(runOf)
    const live = rows.some(({ state }) => state === "running") && isLocked(folder)
    return rows.map((row) => listed(row, live))
  } catch (error) {
    throw journalError(error, folder)
  } finally {
    db.close()
  }
}

function listed(row: RunRow, live: boolean): ListedRun {
  const { number, plan, state, beganAtMs, committedAtMs, position, metrics, stopped, fleet } = row
  return {
    run: String(number),
    fleet: plan.fleet,
    state: state === "running" && !live ? "interrupted" : state,
    plan: planDigest(plan),
    began: new Date(beganAtMs).toISOString(),
    committed: committedAtMs === undefined ? undefined : new Date(committedAtMs).toISOString(),
    rounds: position.trained,
    of: plan.rounds,
    metrics,
    stopped,
    devices: fleet.devices,
  }
}

function planDigest(plan: Plan): string {
  return createHash("sha256")
    .update(JSON.stringify(inOrder(plan)))
    .digest("hex")
}

function inOrder(value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value
  const entries = Object.entries(value).map(([key, part]) => [key, inOrder(part)] as const)
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)))
}

function isLocked(folder: string): boolean {
  try {
    lockFolder(folder).close()
    return false
  } catch (error) {
    if (error instanceof JournalError && error.code === "journal-locked") return true
    throw error
  }
}
