import { readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { PURPOSE, RandomStream } from "../../src/core/random.ts"
import { parseResult } from "../../src/core/result.ts"
import type { Result } from "../../src/core/result.ts"
import { freePort, startMosquitto } from "../net/mosquitto.ts"
import { start } from "./fedmote.ts"
import type { Running } from "./fedmote.ts"
import { LOGS, linesOf, startDevice } from "./killed-fleet.ts"
import type { FleetDevice, LogLine } from "./killed-fleet.ts"
import { silentDevice } from "./silent-device.ts"
import { slowLink } from "./slow-link.ts"

/**
 * A live federation whose coordinator, or whose broker, is killed (`kill -9`) at moments spread uniformly over the run's time, whatever it is doing, and
 * started anew with the same command. So that every phase takes a good part of that time, one device in three is silent - rounds wait for it until their
 * deadline - and the coordinator's way to its broker is slow.
 */

export type BrokerKind = "mosquitto" | "broker" | "inside"

export interface KillRunOptions {
  /** Empty, for the run's files. */
  readonly folder: string
  /** Mosquitto; `fedmote broker`; or the one inside of the coordinator, which dies with it. */
  readonly broker: BrokerKind
  readonly rounds: number
  /** Coordinators to kill. */
  readonly kills: number
  /** How long one lives on average, in milliseconds: its lives are those between points that lie uniformly on the run's time. */
  readonly lifeMs: number
  /** Each phase is to be hit so often: where it was not, more are killed, half as many again at most. */
  readonly eachPhase: number
  /** Brokers to kill, one in each span of so many milliseconds. */
  readonly brokerKills: number
  readonly brokerLifeMs: number
  readonly seed: number
  readonly onKill?: (text: string) => void
}

export const PHASES = ["starting", "selecting", "working", "finishing", "committing"] as const
export type KilledPhase = (typeof PHASES)[number] | "released"

export interface KillRunOutcome {
  /** What each coordinator that was killed was doing. */
  readonly kills: readonly KilledPhase[]
  readonly brokerKills: number
  readonly result: Result
  /** One for each coordinator; the last came to its end. */
  readonly coordinators: readonly (readonly LogLine[])[]
  readonly devices: ReadonlyMap<string, { readonly log: readonly LogLine[]; readonly digest: string }>
}

const DEVICES = ["single-hop-mote4", "multi-hop-mote1"]
/** Takes the place of the silent one when all kills are done, so that the rest goes fast. */
const SPARE = "single-hop-mote2"
/** The exit code for it. */
const NO_CONNECTION = 3
const UP_BYTES = 20_000
const DOWN_BYTES = 60_000

// A model of 19 kB: a second on the slow link.
const PLAN = (rounds: number): string => `
fleet: motes
seed: 5
rounds: ${rounds}
cohort: 3
model: { features: 8, labels: [normal, introduced event], hidden: [64, 64], positiveWeight: 20 }
train: { epochs: 2, batch: 8, learningRate: 0.01 }
selection: { overSelect: 1.3, minimumToStart: 2, timeoutSeconds: 10, settleSeconds: 0.5 }
report: { timeoutSeconds: 3, finishSeconds: 1, minimumToCommit: 2 }
evaluate: { every: 0, timeoutSeconds: 1 }
upload: { chunkBytes: 1024 }
`

export async function killRun(options: KillRunOptions): Promise<KillRunOutcome> {
  const { folder, kills: planned, onKill = () => {} } = options
  await writeFile(join(folder, "plan.yaml"), PLAN(options.rounds))
  const broker = await startBroker(options.broker, folder)
  const slow = options.broker === "inside" ? undefined : await slowLink(broker.port, { up: UP_BYTES, down: DOWN_BYTES })
  const where = slow === undefined ? ["--listen", `127.0.0.1:${broker.port}`] : ["--broker", slow.url, "--no-probe"]
  const files = ["--data-dir", "journal", "--json", "live.json", "--record-cohorts"]
  const command = [...LOGS, "coordinator", "--plan", "plan.yaml", ...where, ...files]
  const url = `mqtt://127.0.0.1:${broker.port}`
  const fleet = new Map<string, FleetDevice>()
  const kills: KilledPhase[] = []
  const coordinators: LogLine[][] = []
  let coordinator: Running | undefined
  let brokerKills = 0
  const over = new AbortController()
  try {
    // With the broker inside, the first coordinator brings it.
    if (options.broker === "inside") coordinator = start(command, { cwd: folder })
    for (const id of DEVICES) fleet.set(id, await startDevice(url, id))
    const silent = await silentDevice(url, "motes", "silent")
    const lives = livesOf(planned, options)
    const enough = (): boolean =>
      kills.length >= planned &&
      (kills.length >= 1.5 * planned || PHASES.every((phase) => countOf(kills, phase) >= options.eachPhase))
    const killer = killBrokers(broker, options, over.signal, () => onKill(`broker ${++brokerKills}`))
    const settled = async (): Promise<void> => {
      await killer
      slow?.hurry()
      await silent.close()
      fleet.set(SPARE, await startDevice(url, SPARE))
    }
    let rest: Promise<void> | undefined
    for (;;) {
      const began = performance.now()
      coordinator ??= start(command, { cwd: folder })
      const done = enough()
      if (done) rest ??= settled()
      else {
        const lifeMs = lives[kills.length % lives.length]!
        await Promise.race([coordinator.ended, sleep(lifeMs - (performance.now() - began))])
        coordinator.child.kill("SIGKILL")
      }
      const ended = await coordinator.ended
      const log = linesOf(ended.stderr)
      const killed = coordinator.child.signalCode === "SIGKILL"
      coordinator = undefined
      coordinators.push(log)
      if (killed) {
        kills.push(phaseOf(log))
        onKill(`coordinator ${kills.length} ${kills.at(-1)!}`)
      } else if (ended.code === 0) break
      // No broker to begin with: whoever started it starts it again.
      else if (ended.code !== NO_CONNECTION || options.brokerKills === 0)
        throw new Error(`a coordinator ended with ${ended.code}:\n${ended.stderr.slice(-2000)}`)
    }
    await rest
    const result = parseResult(JSON.parse(await readFile(join(folder, "live.json"), "utf8")))
    const ends = [...fleet].map(async ([id, { log, digest }]) => [id, { log, digest: await digest }] as const)
    return { kills, brokerKills, result, coordinators, devices: new Map(await Promise.all(ends)) }
  } finally {
    over.abort()
    await coordinator?.stop()
    await Promise.all([...fleet.values()].map(({ device }) => device.close()))
    await slow?.close()
    await broker.kill()
  }
}

export function countOf(kills: readonly KilledPhase[], phase: KilledPhase): number {
  return kills.filter((each) => each === phase).length
}

/** The phase that the log was in at its end. */
export function phaseOf(log: readonly LogLine[]): KilledPhase {
  for (const { msg, phase } of log.toReversed()) {
    if (msg === "phase") return phase as KilledPhase
    if (msg === "coordinator is up") return "selecting"
  }
  return "starting"
}

/**
 * Lives of coordinators that end at points which lie uniformly on the time of the run: such spans are exponentially distributed. Quantiles in a random
 * order come nearer to that than as many random numbers.
 */
function livesOf(count: number, { lifeMs, seed }: KillRunOptions): number[] {
  const lives = Array.from({ length: count }, (_, i) => -lifeMs * Math.log(1 - (i + 0.5) / count))
  const random = new RandomStream({ seed, round: 0, device: [0, 0] }, PURPOSE.generator)
  for (let i = count - 1; i > 0; i--) {
    const j = random.below(i + 1)
    ;[lives[i], lives[j]] = [lives[j]!, lives[i]!]
  }
  return lives
}

interface Broker {
  readonly port: number
  kill(): Promise<void>
  again(): Promise<void>
}

async function startBroker(kind: BrokerKind, folder: string): Promise<Broker> {
  const port = await freePort()
  let stop: () => Promise<void> = () => Promise.resolve()
  const again = async (): Promise<void> => {
    if (kind === "mosquitto") stop = (await startMosquitto({ port })).stop
    if (kind !== "broker") return
    const broker = start(["broker", "--listen", `127.0.0.1:${port}`], { cwd: folder })
    stop = () => broker.stop()
    const listens = new Promise<void>((resolve) => broker.child.stdout!.once("data", () => resolve()))
    const early = broker.ended.then(({ stderr }) => {
      throw new Error(`the broker did not start: ${stderr}`)
    })
    await Promise.race([listens, early])
    early.catch(() => {})
  }
  await again()
  return { port, kill: () => stop(), again }
}

/** Kills the broker somewhere in each span of time, and starts it again. */
async function killBrokers(
  broker: Broker,
  { brokerKills, brokerLifeMs, seed }: KillRunOptions,
  over: AbortSignal,
  onKill: () => void,
): Promise<void> {
  const random = new RandomStream({ seed, round: 1, device: [0, 0] }, PURPOSE.generator)
  for (let i = 0; i < brokerKills && !over.aborted; i++) {
    const share = random.below(1000) / 1000
    await sleep(share * brokerLifeMs, undefined, { signal: over }).catch(() => {})
    if (over.aborted) return
    await broker.kill()
    onKill()
    await broker.again()
    await sleep((1 - share) * brokerLifeMs, undefined, { signal: over }).catch(() => {})
  }
}
