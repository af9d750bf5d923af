import { JournalError } from "./journal.ts"
import type { RunIdentity } from "./journal.ts"

/** Throws `JournalError` ("journal-plan"), naming the first difference, where a journaled run is not the one that is wanted. */
export function checkSame(journaled: RunIdentity, wanted: RunIdentity, where: string): void {
  const difference =
    differenceOf(journaled.plan, wanted.plan, "") ??
    differenceOf(journaled.initial ?? "the plan's own", wanted.initial ?? "the plan's own", "the initial model") ??
    differenceOf(journaled.recordCohorts, wanted.recordCohorts, "recording of cohorts")
  if (difference === undefined) return
  const { path, was, now } = difference
  throw new JournalError(
    "journal-plan",
    `${where} is of another plan: ${path} is ${brief(was)} there, and ${brief(now)} here. ` +
      "Take the plan and options that the run was begun with, or another --data-dir, or discard the run with --fresh",
  )
}

interface Difference {
  readonly path: string
  readonly was: unknown
  readonly now: unknown
}

/** The first place where two trees of plain data differ, in the order of their keys. */
function differenceOf(was: unknown, now: unknown, path: string): Difference | undefined {
  if (!isTree(was) || !isTree(now)) return Object.is(was, now) ? undefined : { path, was, now }
  for (const key of new Set([...Object.keys(was), ...Object.keys(now)])) {
    const difference = differenceOf(was[key], now[key], path === "" ? key : `${path}.${key}`)
    if (difference !== undefined) return difference
  }
  return undefined
}

function isTree(value: unknown): value is { readonly [key: string]: unknown } {
  return typeof value === "object" && value !== null
}

function brief(value: unknown): string {
  if (value === undefined) return "absent"
  const text = typeof value === "string" ? value : JSON.stringify(value)
  return text.length > 60 ? `${text.slice(0, 57)}...` : text
}
