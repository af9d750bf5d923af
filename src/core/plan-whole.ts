import { CODECS } from "./codec.ts"
import { METRIC_NAMES, higherIsBetter } from "./metrics.ts"
import { refuse } from "./plan-error.ts"
import { checkSize } from "./plan-model.ts"
import type { Plan } from "./plan.ts"

/** What no single field of a plan can say. `value`: as it was written. Throws `PlanError`. */
export function checkWhole(plan: Plan, value: unknown): void {
  const { model, codecs, report, selection, cohort, stop, tags } = plan
  if (model.hidden !== undefined && model.layers !== undefined)
    refuse("model.layers", "either hidden or layers", "both", value)
  const { labels } = model
  if (labels?.length === 1) refuse("model.labels", "two labels or more, or none for regression", "one", value)
  const twice = labels?.find((label, i) => labels.indexOf(label) !== i)
  if (twice !== undefined) refuse("model.labels", "different labels", `"${twice}" twice`, value)
  if ((model.loss === "custom") !== (model.parameters !== undefined))
    refuse(
      "model.parameters",
      "the number of parameters exactly when loss is custom",
      `loss ${model.loss ?? "by labels"}`,
      value,
    )
  const odd = codecs.find((codec) => CODECS[codec].unbiased !== CODECS[codecs[0]!].unbiased)
  if (odd !== undefined)
    refuse("codecs", "all biased or all unbiased, since they would be averaged", `${codecs[0]} with ${odd}`, value)
  if (report.finishSeconds >= report.timeoutSeconds)
    refuse(
      "report.finishSeconds",
      `less than timeoutSeconds (${report.timeoutSeconds})`,
      `${report.finishSeconds}`,
      value,
    )
  if (selection.rate !== undefined && selection.sampling !== "poisson")
    refuse("selection.rate", "sampling: poisson where there is a rate", selection.sampling, value)
  checkMode(plan, value)
  const unknown = selection.tags?.find((tag) => tags?.[tag] === undefined)
  if (unknown !== undefined)
    refuse(
      `selection.tags.${selection.tags!.indexOf(unknown)}`,
      tags === undefined ? "a tag that the plan gives to devices under tags" : `one of ${Object.keys(tags).join(", ")}`,
      `"${unknown}"`,
      value,
    )
  // Adaptive over-selection may ask no more than the cohort.
  const factor = selection.overSelect === "adaptive" ? 1 : selection.overSelect
  const asked = cohort === "all" ? Infinity : Math.ceil(cohort * factor - 1e-9)
  if (report.minimumToCommit > asked)
    refuse(
      "report.minimumToCommit",
      `no more than the ${asked} devices of a cohort`,
      `${report.minimumToCommit}`,
      value,
    )
  if (stop !== undefined) checkStop(stop, value)
  checkSize(plan)
}

function checkMode({ mode, late, cohort, selection, model, upload }: Plan, value: unknown): void {
  if (mode === "async" && cohort === "all")
    refuse("cohort", "a number of updates to a commit in async mode", "all", value)
  if (mode === "async" && selection.sampling === "poisson")
    refuse("selection.sampling", "uniform or weighted in async mode", "poisson", value)
  if (mode === "async" && selection.overSelect === "adaptive")
    refuse("selection.overSelect", "a number in async mode: devices at work for each update wanted", "adaptive", value)
  const takesLate = mode === "async" || late.policy === "buffer"
  const path = mode === "async" ? "mode" : "late.policy"
  // What a device keeps is of one round after the other.
  const keeps = model.private !== undefined ? "private layers" : upload.errorFeedback ? "errorFeedback" : undefined
  if (takesLate && keeps !== undefined)
    refuse(path, `no late updates where devices have ${keeps}`, mode === "async" ? mode : late.policy, value)
}

function checkStop(stop: NonNullable<Plan["stop"]>, value: unknown): void {
  const { metric, atLeast, atMost, noProgress } = stop
  if (atLeast === undefined && atMost === undefined && noProgress === undefined)
    refuse("stop", "atLeast, atMost or noProgress", "none of them", value)
  if (metric === undefined && (atLeast !== undefined || atMost !== undefined))
    refuse("stop.metric", `one of ${METRIC_NAMES.join(", ")}`, "nothing", value)
  const wrong = higherIsBetter(metric ?? "loss") ? "atMost" : "atLeast"
  if (stop[wrong] !== undefined)
    refuse(`stop.${wrong}`, `${wrong === "atMost" ? "atLeast" : "atMost"} for ${metric}`, wrong, value)
}
