import { mostDevicesAsked } from "./over-selection.ts"
import type { Plan } from "./plan.ts"
import type { RoundSettings } from "./round-state.ts"
import { seedsOf } from "./seeds.ts"

/**
 * What the round machine needs. `clients`: the size of the fleet where it is known (demo, simulation); a cohort of "all" then means
 * that many, and otherwise whoever is ready, with 1 for a minimum that is a fraction of it.
 */
export function roundSettings(plan: Plan, clients?: number): RoundSettings {
  const { selection, report, evaluate, mode, late } = plan
  const all = plan.cohort === "all"
  const cohort = plan.cohort === "all" ? (clients ?? Infinity) : plan.cohort
  const least = (value: number): number =>
    value >= 1 ? value : Number.isFinite(cohort) ? Math.ceil(value * cohort) : 1
  const overSelect = all ? 1 : selection.overSelect
  return {
    seed: seedsOf(plan).sampling,
    cohort,
    overSelect,
    sampling: selection.sampling,
    mode,
    ...(takesLate(plan) ? { late: { maxStaleness: late.maxStaleness } } : {}),
    ...(selection.rate === undefined ? {} : { rate: selection.rate }),
    weightCap: plan.weightCap,
    minimumSamples: selection.minimumSamples,
    // Where the fleet is known, all of it stands ready.
    pool: clients === undefined ? Math.max(selection.pool, 5 * mostDevicesAsked({ cohort, overSelect })) : Infinity,
    minimumToStart: least(selection.minimumToStart),
    minimumToCommit: least(report.minimumToCommit),
    selectTimeoutMs: selection.timeoutSeconds * 1000,
    settleMs: selection.settleSeconds * 1000,
    reportTimeoutMs: report.timeoutSeconds * 1000,
    evaluateTimeoutMs: evaluate.timeoutSeconds * 1000,
    finishMs: report.finishSeconds * 1000,
    rounds: plan.rounds,
    statistics: plan.model.standardize && plan.model.loss !== "custom",
    evaluateEvery: evaluate.every,
  }
}

/** Whether updates of earlier training rounds are taken. */
export function takesLate({ mode, late }: Plan): boolean {
  return mode === "async" || late.policy === "buffer"
}
