import { fedmote } from "./fedmote.ts"
import type { LogLine } from "./killed-fleet.ts"
import type { KillRunOutcome } from "./kill-run.ts"

/**
 * What is wrong with the account of a run, in words; empty where every device's every update is accounted for. The coordinators' logs, the devices' own
 * and the result must tell the same story:
 * - no update is folded twice in a round and epoch;
 * - those folded in the epoch that a round was committed in are the round's cohort in the result;
 * - an update that a device sent has an end, and one end only: committed, late, refused, or dropped with its round;
 * - a device takes its update for committed exactly where the result has it.
 */
export function faultsOf({ result, coordinators, devices }: KillRunOutcome): string[] {
  const faults: string[] = []
  const commits = new Map<number, { readonly epoch: number; readonly kind: string }>()
  const folded = new Map<string, string[]>()
  for (const log of coordinators) {
    let current = ""
    for (const line of log) {
      const { msg, round, epoch, kind, device } = line
      if (msg === "round begins") current = nameOf(line)
      if (msg === "update folded") {
        const before = folded.get(current) ?? []
        if (before.includes(String(device))) faults.push(`${String(device)} was folded twice in ${current}`)
        folded.set(current, [...before, String(device)])
      }
      // A kill may have come before the disk had it: then the round is committed again, in a later epoch.
      if (msg === "round commits") commits.set(Number(round), { epoch: Number(epoch), kind: String(kind) })
    }
  }
  const training = [...commits].filter(([, { kind }]) => kind === "train").sort(([a], [b]) => a - b)
  if (training.length !== result.rounds.length)
    faults.push(`${training.length} training rounds were committed, the result has ${result.rounds.length}`)
  const expected = new Map<string, string[]>()
  for (const [i, [round, { epoch }]] of training.entries()) {
    const name = `${round}/${epoch}`
    const cohort = (result.rounds[i]?.cohort ?? []).map(({ device }) => device)
    const sum = [...(folded.get(name) ?? [])].sort()
    if (sum.join() !== [...cohort].sort().join())
      faults.push(`${name} was committed with ${sum.join(" ")}, the result says ${cohort.join(" ")}`)
    for (const device of cohort) expected.set(device, [...(expected.get(device) ?? []), name])
  }
  const inTraining = new Set(training.map(([round]) => round))
  for (const [id, { log, digest }] of devices) {
    if (digest !== result.model.digest) faults.push(`${id} has model ${digest}, the result ${result.model.digest}`)
    faults.push(...faultsOfDevice(id, log, expected.get(id) ?? [], inTraining))
  }
  for (const device of expected.keys())
    if (!devices.has(device)) faults.push(`${device} is in a cohort, and nobody knows it`)
  return faults
}

/** The same, and whether a replay of the recorded cohorts ends in the same model. `folder`: the run's. */
export async function faultsOfRun(outcome: KillRunOutcome, folder: string): Promise<string[]> {
  const command = ["simulate", "--data", "telosb", "--no-baselines", "--replay", "live.json"]
  const { code, stdout, stderr } = await fedmote(command, { cwd: folder })
  const same = code === 0 && stdout.includes(`model ${outcome.result.model.digest}`)
  return [...faultsOf(outcome), ...(same ? [] : [`the replay ended in another model: ${stderr.slice(-500)}`])]
}

const ENDS = ["committed", "dropped", "late", "refused"]

function faultsOfDevice(
  id: string,
  log: readonly LogLine[],
  expected: readonly string[],
  training: ReadonlySet<number>,
): string[] {
  const faults: string[] = []
  const ends = new Map<string, string[]>()
  for (const line of log)
    if (ENDS.includes(line.msg)) ends.set(nameOf(line), [...(ends.get(nameOf(line)) ?? []), line.msg])
  for (const line of log)
    if (line.msg === "sent" && !ends.has(nameOf(line)))
      faults.push(`${id} sent an update for ${nameOf(line)} that has no end`)
  for (const [name, all] of ends)
    if (all.length > 1) faults.push(`${id}'s update for ${name} ended as ${all.join(", ")}`)
  for (const name of expected)
    if (ends.get(name)?.[0] !== "committed")
      faults.push(
        `${id}'s update for ${name} is in the model, and for the device it was ${ends.get(name)?.[0] ?? "never sent"}`,
      )
  for (const [name, [end]] of ends)
    if (end === "committed" && training.has(Number(name.split("/")[0])) && !expected.includes(name))
      faults.push(`${id} takes its update for ${name} for committed, and it is in no model`)
  return faults
}

/** A round and its epoch. */
function nameOf({ round, epoch }: LogLine): string {
  return `${String(round)}/${String(epoch)}`
}
