import type { RolloutFacts, RolloutStage, RolloutStatus } from "../coordinator/rollout/status.ts"
import { formatTable } from "./table.ts"

/** Ids that are named in a row of a plan, before it says how many more there are. */
const MOST_NAMED = 8

/** What a coordinator says of a slot, for a person. */
export function formatStatus(status: RolloutStatus): string {
  const { slot, rollout, settled, rounds } = status
  const parts = [`slot ${slot}: ${rollout === undefined ? "no rollout yet" : headline(rollout)}\n`]
  if (rollout !== undefined) parts.push(stageTable(rollout.stages))
  parts.push(`settled on ${trainer(settled)}; rounds take devices with ${trainer(rounds)}\n`)
  parts.push(counted(["Trains with", "Devices"], status.versions, (sequence) => trainer(Number(sequence))))
  parts.push(counted(["Failed for", "Devices"], status.failures, (code) => code))
  return parts.join("")
}

/** The devices of each stage. */
export function formatStages(stages: readonly RolloutStage[]): string {
  const rows = stages.map(({ percent, devices, ids = [] }, i) => [
    String(i + 1),
    `${percent} %`,
    String(devices),
    named(ids),
  ])
  return formatTable(["Stage", "Have it then", "Devices", "Which"], rows, { numbersFrom: Infinity })
}

/** One line about where a rollout is. */
export function headline({ sequence, to, phase, reason, stage, stages, keyId }: RolloutFacts): string {
  const where = phase === "running" || phase === "paused" ? ` in stage ${stage + 1} of ${stages.length}` : ""
  const why = reason === undefined ? "" : ` (${reason})`
  return `module ${sequence} to ${to} is ${phase}${where}${why}, ordered with key ${keyId}`
}

function stageTable(stages: readonly RolloutStage[]): string {
  const head = ["Stage", "Have it then", "Devices", "Confirmed", "Failed", "Waiting"]
  const rows = stages.map(({ percent, devices, confirmed, failed, waiting }, i) => [
    String(i + 1),
    `${percent} %`,
    ...[devices, confirmed, failed, waiting].map(String),
  ])
  return formatTable(head, rows)
}

function trainer(sequence: number): string {
  return sequence === 0 ? "the built-in kernels" : `module ${sequence}`
}

function counted(
  head: readonly string[],
  counts: Readonly<Record<string, number>>,
  name: (key: string) => string,
): string {
  const rows = Object.entries(counts).map(([key, count]) => [name(key), String(count)])
  return rows.length === 0 ? "" : formatTable(head, rows)
}

function named(devices: readonly string[]): string {
  const more = devices.length - MOST_NAMED
  return `${devices.slice(0, MOST_NAMED).join(", ")}${more > 0 ? ` and ${more} more` : ""}`
}
