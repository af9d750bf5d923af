import { readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { parseResult } from "../../src/core/result.ts"
import type { Result } from "../../src/core/result.ts"
import { openClient } from "../../src/data/open.ts"
import { Device } from "../../src/device/device.ts"
import { mqttNetwork } from "../../src/net/mqtt.ts"
import { digestOf } from "../../src/sim/model-file.ts"
import { freePort } from "../net/mosquitto.ts"
import { start } from "./fedmote.ts"
import type { Running } from "./fedmote.ts"

/**
 * A federation whose coordinator is a process that is killed again and again, each time started anew with the same command. The devices live on, here, and come back at
 * once when they lose their connection: the command line's would be more and more patient with a broker that dies with the coordinator.
 */

/** When a coordinator is killed: as soon as its log says so, or so long after its start. */
export type Moment = { readonly seen: RegExp } | { readonly afterMs: number }

export interface KilledFleetOptions {
  readonly folder: string
  /** YAML; its fleet is "motes". */
  readonly plan: string
  /** Clients of telosb. */
  readonly devices: readonly string[]
  /** A broker of its own, or the one inside of the coordinator, which dies with it. */
  readonly broker: { readonly url: string } | "embedded"
  /** One kill each, in this order; a coordinator that comes to its end first is not killed. */
  readonly moments: readonly Moment[]
}

export interface Kill {
  /** What the coordinator was doing: the last thing that its log says. */
  readonly phase: string
  /** Milliseconds after its start. */
  readonly afterMs: number
}

export interface KilledFleetOutcome {
  readonly kills: readonly Kill[]
  readonly result: Result
  /** One for each coordinator; the last came to its end. */
  readonly coordinators: readonly LogLine[][]
  /** What each device did, and the digest of the model that it was left with. */
  readonly devices: ReadonlyMap<string, { readonly log: readonly LogLine[]; readonly digest: string }>
}

export interface LogLine {
  readonly msg: string
  readonly [field: string]: unknown
}

export async function runKilledFleet(options: KilledFleetOptions): Promise<KilledFleetOutcome> {
  const { folder, plan, broker, moments } = options
  const port = broker === "embedded" ? await freePort() : 0
  const url = broker === "embedded" ? `mqtt://127.0.0.1:${port}` : broker.url
  await writeFile(join(folder, "plan.yaml"), plan)
  const where = broker === "embedded" ? ["--listen", `127.0.0.1:${port}`] : ["--broker", url]
  const files = ["--data-dir", "journal", "--json", "live.json", "--record-cohorts"]
  const command = [...LOGS, "coordinator", "--plan", "plan.yaml", ...where, ...files]
  const fleet = new Map<string, FleetDevice>()
  let coordinator: Running | undefined
  try {
    for (const id of options.devices) fleet.set(id, await startDevice(url, id))
    const kills: Kill[] = []
    const coordinators: LogLine[][] = []
    for (;;) {
      const began = performance.now()
      coordinator = start(command, { cwd: folder })
      const moment = moments[kills.length]
      const due = moment !== undefined && (await reached(coordinator, moment, fleet.values()))
      const afterMs = performance.now() - began
      if (due) coordinator.child.kill("SIGKILL")
      const ended = await coordinator.ended
      const log = linesOf(ended.stderr)
      coordinators.push(log)
      if (coordinator.child.signalCode === "SIGKILL") kills.push({ phase: phaseOf(log), afterMs })
      else if (ended.code === 0) break
      else throw new Error(`a coordinator ended with ${ended.code}:\n${ended.stderr}`)
    }
    const result = parseResult(JSON.parse(await readFile(join(folder, "live.json"), "utf8")))
    const ends = [...fleet].map(async ([id, { log, digest }]) => [id, { log, digest: await digest }] as const)
    return { kills, result, coordinators, devices: new Map(await Promise.all(ends)) }
  } finally {
    await coordinator?.stop()
    await Promise.all([...fleet.values()].map(({ device }) => device.close()))
  }
}

/** How often each phase was hit. */
export function histogramOf(kills: readonly Kill[]): { [phase: string]: number } {
  const counts: { [phase: string]: number } = {}
  for (const { phase } of kills) counts[phase] = (counts[phase] ?? 0) + 1
  return counts
}

/**
 * What is wrong with a device's account, or undefined: each update that it sent must have ended, and of the rounds that were committed with it,
 * exactly the update of the committing epoch.
 */
export function faultInAccount(id: string, { coordinators, devices }: KilledFleetOutcome): string | undefined {
  // The last epoch in which a round began to commit is the one in which it did: a kill may have come before the disk had it.
  const epochs = new Map<number, number>()
  for (const log of coordinators)
    for (const { msg, round, epoch } of log) if (msg === "round commits") epochs.set(round as number, epoch as number)
  const { log } = devices.get(id)!
  const key = ({ round, epoch }: LogLine): string => `${String(round)}/${String(epoch)}`
  const of = (...types: string[]): Set<string> => new Set(log.filter(({ msg }) => types.includes(msg)).map(key))
  const ended = of("committed", "dropped", "late", "refused")
  for (const each of of("sent")) if (!ended.has(each)) return `the update of ${each} was sent, and never ended`
  const committed = [...of("committed")]
  const want = [...epochs].map(([round, epoch]) => `${round}/${epoch}`)
  const missing = want.find((each) => !committed.includes(each))
  if (missing !== undefined) return `${missing} was committed, the device has ${committed.join(" ")}`
  const more = committed.find((each) => !want.includes(each))
  return more === undefined ? undefined : `the device takes ${more} for committed, which was ${want.join(" ")}`
}

export const LOGS = ["--log", "json", "--log-level", "debug"]

export interface FleetDevice {
  readonly device: Device
  readonly log: LogLine[]
  /** Of the released model. */
  readonly digest: Promise<string>
}

export async function startDevice(url: string, id: string): Promise<FleetDevice> {
  const network = mqttNetwork(url, { retry: true, backoff: { firstMs: 100, maxMs: 500 }, onError: () => {} })
  const log: LogLine[] = []
  const { train, test } = await openClient(`telosb#${id}`, {})
  const onEvent = ({ type, ...fields }: { readonly type: string }): void => void log.push({ msg: type, ...fields })
  const device = new Device({ network, fleet: "motes", id, data: { train, test }, onEvent })
  const digest = device.run().then(({ parameters }) => digestOf(parameters))
  digest.catch(() => {})
  return { device, log, digest }
}

/** False where the coordinator came to its end before. Rejects where a device came to a bad end: nothing would be reached any more. */
async function reached(coordinator: Running, moment: Moment, fleet: Iterable<FleetDevice>): Promise<boolean> {
  const ended = coordinator.ended.then(() => false)
  const lost = [...fleet].map(({ digest }) => digest.then(() => new Promise<never>(() => {})))
  const due = "seen" in moment ? coordinator.saw(moment.seen) : sleep(moment.afterMs, undefined, { ref: false })
  return Promise.race([ended, ...lost, due.then(() => true).catch(() => false)])
}

/** The last line of a process that was killed may be cut. */
export function linesOf(stderr: string): LogLine[] {
  return stderr.split("\n").flatMap((line) => {
    try {
      return line.startsWith("{") ? [JSON.parse(line) as LogLine] : []
    } catch {
      return []
    }
  })
}

const PHASES: { readonly [message: string]: string } = {
  "coordinator is up": "selecting",
  "round begins": "working",
  "update folded": "folding",
  "round commits": "committing",
  "round is done": "selecting",
  "round abandoned": "selecting",
  "federation has ended": "released",
}

function phaseOf(log: readonly LogLine[]): string {
  for (const { msg, kind } of log.toReversed()) {
    const phase = PHASES[msg]
    if (phase !== undefined) return typeof kind === "string" ? `${phase} (${kind})` : phase
  }
  return "starting"
}
