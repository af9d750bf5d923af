import { spawn } from "node:child_process"
import type { ChildProcess } from "node:child_process"
import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import { Coordinator, Device, openClient } from "../../src/index.ts"
import type { Plan } from "../../src/index.ts"
import type { Network } from "../../src/net/link.ts"
import { watchLog } from "../process-log.ts"
import { Dice } from "../wire/random.ts"

/** A device's samples, as a CSV file. `label` gives a row's label from its features. */
export async function writeSamples(
  folder: string,
  name: string,
  seed: number,
  features: number,
  rows: number,
  label: (x: readonly number[]) => number,
): Promise<string> {
  const dice = new Dice(seed)
  const lines = [`${Array.from({ length: features }, (_, j) => `f${j}`).join()},label`]
  for (let i = 0; i < rows; i++) {
    const x = Array.from({ length: features }, () => (dice.below(2_000_001) - 1_000_000) / 400_000)
    lines.push(`${x.join()},${label(x)}`)
  }
  const path = join(folder, `${name}.csv`)
  await writeFile(path, `${lines.join("\n")}\n`)
  return path
}

export interface Member {
  readonly id: string
  readonly data: string
  /** A process of this program instead of a device of Node; or one that is started some other way. */
  readonly program?: string
  /** More of the program's options; the last of each counts. */
  readonly options?: readonly string[]
  readonly start?: (fleet: string, broker: string) => CDevice
  readonly packetBytes?: number
  /** Bytes of memory for models, for the program. */
  readonly memoryBytes?: number
}

/** A `fedmote-c-device` process. */
export interface CDevice {
  readonly child: ChildProcess
  /** What it has said so far. */
  log(): string
  /** Resolves as soon as a whole line of its log says something like this; rejects when it ends without. */
  saw(pattern: RegExp): Promise<RegExpExecArray>
  readonly ended: Promise<number | null>
}

export function startCDevice(member: Member, fleet: string, broker: string): CDevice {
  const { id, data, program, options = [], packetBytes = 512, memoryBytes = 1 << 20 } = member
  const where = ["--broker", broker, "--fleet", fleet, "--id", id, "--data", data, "--label", "label"]
  const limits = ["--packet", String(packetBytes), "--memory", String(memoryBytes)]
  return watch(id, spawn(program!, [...where, ...limits, "--log-level", "debug", ...options]))
}

/** A process whose log is its stderr. */
export function watch(id: string, child: ChildProcess): CDevice {
  const ended = new Promise<number | null>((resolve) => child.once("close", (code) => resolve(code)))
  const { text, saw } = watchLog(id, child.stderr!, ended)
  return { child, ended, log: text, saw }
}

export interface Outcome {
  readonly digest: string
  readonly parameters: Float32Array
  readonly rounds: readonly { readonly folded: number }[]
  /** Every message that each device sent in its updates, in hexadecimal. */
  readonly updates: ReadonlyMap<string, readonly string[]>
  /** What the C devices said of the released model, and of everything. */
  readonly digests: readonly string[]
  readonly logs: readonly string[]
}

/** One federation over `network`, whose broker is at `url`, from its start to the release. */
export async function federate(
  plan: Plan,
  members: readonly Member[],
  network: Network,
  url: string,
): Promise<Outcome> {
  const updates = new Map<string, string[]>()
  const tap = await network.connect({ clientId: "tap" })
  await tap.subscribe(`fm1/${plan.fleet}/up/+/+`, (topic, payload) => {
    const device = topic.slice(topic.lastIndexOf("/") + 1)
    updates.set(device, [...(updates.get(device) ?? []), Buffer.from(payload).toString("hex")])
  })
  const coordinator = new Coordinator({ plan, network, clients: members.length })
  const programs: CDevice[] = []
  try {
    const outcome = coordinator.run()
    const devices = members.map(async (member) => {
      if (member.program !== undefined || member.start !== undefined) {
        const device = member.start?.(plan.fleet, url) ?? startCDevice(member, plan.fleet, url)
        programs.push(device)
        const [, digest] = await device.saw(/has the released model .*digest=(\w+)/)
        if ((await device.ended) !== 0) throw new Error(device.log())
        return digest
      }
      const { train, test } = await openClient(member.data, { label: "label" })
      const { id, packetBytes } = member
      const options = packetBytes === undefined ? {} : { maxPacketBytes: packetBytes }
      await new Device({ network, fleet: plan.fleet, id, data: { train, test }, ...options }).run()
      return undefined
    })
    const [{ parameters, report }, digests] = await Promise.all([outcome, Promise.all(devices)])
    return {
      digest: report.model.digest,
      parameters,
      rounds: report.rounds,
      updates,
      digests: digests.filter((digest) => digest !== undefined),
      logs: programs.map((program) => program.log()),
    }
  } finally {
    for (const { child } of programs) child.kill("SIGKILL")
    await coordinator.close()
    await tap.close()
  }
}
