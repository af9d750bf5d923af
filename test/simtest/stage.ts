import type { Broker } from "./broker.ts"
import type { Commit } from "./commits.ts"
import type { Ledger } from "./ledger.ts"
import type { Referee } from "./referee.ts"
import type { Schedule } from "./schedule.ts"
import type { Scheduler } from "./scheduler.ts"

/** What all in one world share. */
export interface Stage {
  readonly schedule: Schedule
  readonly scheduler: Scheduler
  readonly broker: Broker
  readonly referee: Referee
  readonly ledger: Ledger
  /** How a round was committed; undefined also where that may be two ways. */
  readonly commitOf: (round: number) => Commit | undefined
  /** A line for a trace; it is only made where there is one. */
  readonly trace: (line: () => string) => void
}
