import { Federation } from "../core/federation.ts"
import type { FederationOptions } from "../core/federation.ts"
import type { Plan } from "../core/plan.ts"
import { downlinkOf } from "../kernel/downlink.ts"
import { sha256 } from "../net/digest.ts"
import type { Topics } from "../wire/topics.ts"
import { EPOCHS, nextIncarnation } from "./incarnation.ts"
import type { Legacy } from "./incarnation.ts"
import { JournalError } from "./journal/journal.ts"
import type { Journal, JournaledRun, RunIdentity } from "./journal/journal.ts"
import { checkSame } from "./journal/match.ts"
import { topicsOf } from "./publisher.ts"
import type { Inherited } from "./publisher.ts"

/** What a coordinator is to run. */
export interface Undertaking {
  readonly plan: Plan
  /** Where it is not the plan's own initial model. */
  readonly init: ArrayLike<number> | undefined
  readonly recordCohorts: boolean
  /** Size of the fleet, where it is known. */
  readonly clients: number | undefined
}

/** The journal's run, if it has one. Throws `JournalError` ("journal-plan") where that is not this undertaking. */
export function journaledRun(undertaking: Undertaking, journal: Journal): JournaledRun | undefined {
  const run = journal.run()
  if (run !== undefined) checkSame(run, identityOf(undertaking), journal.where)
  return run
}

/** The epoch of a coordinator with another journal that has had the fleet since; undefined for none. */
export function strangerSince(journal: Journal, { notice }: Legacy): number | undefined {
  if (notice === undefined || journal.knows(notice.session)) return undefined
  return notice.epoch > journal.lastEpoch() ? notice.epoch : undefined
}

/**
 * The federation to run: the journal's where it has one, or a new one. Its epoch is above all that were used before, and reserved. `initial`:
 * the model that a new one begins with.
 */
export function takeUp(
  undertaking: Undertaking,
  journal: Journal,
  run: JournaledRun | undefined,
  { notice }: Legacy,
  session: number,
  initial: () => ArrayLike<number>,
): Federation {
  const { plan, clients } = undertaking
  if (run !== undefined && notice !== undefined) checkAge(run, journal, notice)
  const epoch = nextIncarnation(Math.max(notice?.epoch ?? 0, journal.lastEpoch()))
  const options: FederationOptions = {
    plan,
    init: run?.snapshot.model.exact ?? initial(),
    epoch,
    downlink: downlinkOf(plan),
    from: run?.snapshot,
    ...(clients === undefined ? {} : { clients }),
  }
  const federation = new Federation(options)
  if (run === undefined) journal.begin(identityOf(undertaking), federation.snapshot())
  journal.incarnate({ firstEpoch: epoch, lastEpoch: epoch + EPOCHS - 1, session })
  return federation
}

/** What is with the broker: `version` is the published one that the federation has now. */
export function inheritedFrom(journal: Journal, legacy: Legacy, topics: Topics, version: number): Inherited {
  const { current, stale } = journal.retained()
  const whole = current.filter(({ base }) => base === undefined)
  return {
    classes: whole.filter((each) => each.version === version).map(({ size }) => size),
    before: whole.filter((each) => each.version === version - 1),
    stale: new Set([...legacy.models, ...topicsOf([...current, ...stale], topics)]),
  }
}

// A coordinator writes first and speaks then: where its own Notice says more than the journal, the journal is an older one.
function checkAge({ snapshot }: JournaledRun, journal: Journal, notice: NonNullable<Legacy["notice"]>): void {
  const said = notice.committed?.round ?? -1
  const written = snapshot.position.committed?.round ?? -1
  if (!journal.knows(notice.session) || said <= written) return
  throw new JournalError(
    "journal-old",
    `${journal.where} ends with round ${written}, but this run has told its fleet of round ${said}: it is an older copy. ` +
      "Put back the newer one, or discard the run with --fresh",
  )
}

function identityOf({ plan, init, recordCohorts }: Undertaking): RunIdentity {
  const bytes = init === undefined ? undefined : new Uint8Array(Float64Array.from(init).buffer)
  const initial = bytes === undefined ? null : Buffer.from(sha256(bytes)).toString("hex")
  return { plan, initial, recordCohorts }
}
