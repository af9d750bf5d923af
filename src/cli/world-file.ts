import { readFile } from "node:fs/promises"
import type { Command } from "commander"
import { parse } from "yaml"
import { FedmoteError } from "../core/error.ts"
import type { Plan } from "../core/plan.ts"
import type { Result } from "../core/result.ts"
import { SimulatedWorld } from "../sim/world/simulated-world.ts"
import { parseWorld } from "../sim/world/spec.ts"
import { readTrace } from "../sim/world/trace.ts"
import { formatTable } from "./table.ts"

export interface WorldFlags {
  readonly world?: string
  readonly trace?: string
}

export function addWorldOptions(command: Command): Command {
  return command
    .option("--world <file>", "simulate device classes, links, hours, batteries and mishaps, in YAML")
    .option("--trace <file>", "with --world: who was there when (CSV: device,from,until,ready)")
}

/** The world that a simulation of `plan` is to have. Throws `FedmoteError` ("usage", "world"), `DataError`. */
export async function worldFor({ world, trace }: WorldFlags, plan: Plan): Promise<SimulatedWorld | undefined> {
  if (world === undefined) {
    if (trace !== undefined) throw new FedmoteError("usage", "--trace needs a world (--world FILE)")
    return undefined
  }
  const spec = await readWorld(world)
  return new SimulatedWorld(spec, plan, trace === undefined ? undefined : await readTrace(trace))
}

async function readWorld(file: string): Promise<ReturnType<typeof parseWorld>> {
  let value: unknown
  try {
    value = parse(await readFile(file, "utf8"))
  } catch (cause) {
    throw new FedmoteError("world", `cannot read the world ${file}: ${(cause as Error).message.split("\n")[0]}`, {
      cause,
    })
  }
  try {
    return parseWorld(value)
  } catch (error) {
    if (!(error instanceof FedmoteError)) throw error
    throw new FedmoteError(error.code, `${file}: ${error.message}`, { cause: error })
  }
}

/** What a simulated world spent, for people. */
export function formatWorld({ simulatedSeconds, energy, co2Grams, classes }: NonNullable<Result["world"]>): string {
  const joules = energy.computeJoules + energy.radioJoules
  const rows = Object.entries(classes).map(([name, each]) => [
    name,
    String(each.asked),
    String(each.folded),
    each.asked === 0 ? "" : (each.joules / each.asked).toPrecision(3),
  ])
  const line = `simulated ${formatDuration(simulatedSeconds)}, ${joules.toPrecision(3)} J (${energy.computeJoules.toPrecision(3)} computing, ${energy.radioJoules.toPrecision(3)} on the radio), ${co2Grams.toPrecision(3)} g CO2`
  return `${formatTable(["Class", "Tasks", "Folded", "Joules a task"], rows)}${line}\n`
}

function formatDuration(seconds: number): string {
  const units = [
    ["d", 86400],
    ["h", 3600],
    ["min", 60],
  ] as const
  const [unit, size] = units.find(([, each]) => seconds >= 2 * each) ?? ["s", 1]
  return `${(seconds / size).toPrecision(3)} ${unit}`
}
