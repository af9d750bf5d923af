/**
 * The long form of `kills.test.ts`, in ten minutes: 50 coordinators killed at moments spread uniformly over a run's time, on Mosquitto and on a separate
 * embedded broker; ten brokers of each kind; ten coordinators with the broker inside. Prints which phases were hit. `npm run test:long`.
 */
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { parseArgs } from "node:util"
import { faultsOfRun } from "./kill-account.ts"
import { PHASES, countOf, killRun } from "./kill-run.ts"
import type { BrokerKind, KillRunOptions } from "./kill-run.ts"

const { values } = parseArgs({
  options: {
    kills: { type: "string", default: "50" },
    brokers: { type: "string", default: "10" },
    seed: { type: "string", default: "1" },
  },
})
const kills = Number(values.kills)
const brokerKills = Number(values.brokers)
const seed = Number(values.seed)

type Plan = Pick<KillRunOptions, "kills" | "lifeMs" | "eachPhase" | "brokerKills">
const COORDINATORS: Plan = { kills, lifeMs: 5000, eachPhase: Math.floor(kills / 10), brokerKills: 0 }
const BROKERS: Plan = { kills: 0, lifeMs: 0, eachPhase: 0, brokerKills }
const INSIDE: Plan = { kills: brokerKills, lifeMs: 4000, eachPhase: 0, brokerKills: 0 }

/** Whether all is well. */
async function run(broker: BrokerKind, plan: Plan): Promise<boolean> {
  const folder = await mkdtemp(join(tmpdir(), "fedmote-kills-"))
  const name = broker === "inside" ? "the broker inside" : broker === "broker" ? "fedmote broker" : "Mosquitto"
  const began = performance.now()
  try {
    // More rounds than there can be before the last kill; those after it go fast.
    const outcome = await killRun({ folder, broker, ...plan, rounds: 100, brokerLifeMs: 12_000, seed })
    const faults = await faultsOfRun(outcome, folder)
    if (outcome.kills.length < plan.kills || outcome.brokerKills < plan.brokerKills)
      faults.push("the federation came to its end before the last kill")
    const missed = PHASES.filter((phase) => countOf(outcome.kills, phase) < plan.eachPhase)
    if (missed.length > 0) faults.push(`hit less than ${plan.eachPhase} times: ${missed.join(", ")}`)
    const seconds = Math.round((performance.now() - began) / 1000)
    const what = [
      ...(plan.kills > 0 ? [`${outcome.kills.length} coordinators`] : []),
      ...(plan.brokerKills > 0 ? [`${outcome.brokerKills} brokers`] : []),
    ]
    console.log(`\n${name}: ${what.join(", ")} killed in ${seconds} s, ${outcome.result.rounds.length} rounds`)
    for (const phase of plan.kills > 0 ? [...PHASES, "released" as const] : []) {
      const count = countOf(outcome.kills, phase)
      console.log(`  ${phase.padEnd(10)} ${String(count).padStart(3)} ${"#".repeat(count)}`)
    }
    for (const fault of faults) console.log(`  FAULT ${fault}`)
    if (faults.length === 0)
      console.log(`  every update accounted for; the replay ends in ${outcome.result.model.digest}`)
    return faults.length === 0
  } catch (error) {
    console.log(`\n${name}: FAULT ${error instanceof Error ? error.message : String(error)}`)
    return false
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

const good: boolean[] = []
// Two at a time: they mostly wait.
for (const runs of [
  [run.bind(undefined, "mosquitto", COORDINATORS), run.bind(undefined, "broker", COORDINATORS)],
  [run.bind(undefined, "mosquitto", BROKERS), run.bind(undefined, "broker", BROKERS)],
  [run.bind(undefined, "inside", INSIDE)],
])
  good.push(...(await Promise.all(runs.map((each) => each()))))
console.log(`\n${good.filter(Boolean).length} runs passed, ${good.filter((each) => !each).length} failed`)
process.exitCode = good.every(Boolean) ? 0 : 1
