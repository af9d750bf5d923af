import type { Standing } from "../../core/rollout.ts"
import type { Flashed } from "../../wire/message.ts"

/** What of a device's report is kept: where it is with which module. */
export type ModuleReport = Pick<Flashed, "session" | "active" | "target" | "state">

export function sameReport(a: ModuleReport | undefined, b: ModuleReport): boolean {
  return a?.session === b.session && a.active === b.active && a.target === b.target && a.state === b.state
}

/** What a report says of the module with this sequence; undefined where it is about another. */
export function standingOf({ target, state, reason, losses }: Flashed, sequence: number): Standing | undefined {
  if (target !== sequence) return undefined
  switch (state) {
    case "idle":
      return undefined
    case "loading":
    case "installed":
      return { state }
    case "confirmed":
      return { state, losses: [...losses] }
    case "refused":
    case "rolledBack":
    case "reverted":
    case "failing":
      return { state: "failed", code: codeOf(reason) }
  }
}

/** A reason begins with its code; whatever else a device says is `other`. */
function codeOf(reason: string): string {
  return /^([a-z-]{1,32}): /.exec(reason)?.[1] ?? "other"
}
