import { Command } from "commander"
import { openClient } from "../data/open.ts"
import { FedmoteError } from "../core/error.ts"
import { Device } from "../device/device.ts"
import { ModuleProgram } from "../device/module-program.ts"
import { optOut } from "../device/opt-out.ts"
import { digestOf } from "../sim/model-file.ts"
import { networkAt } from "./brokers.ts"
import { untilInterrupted, withContext } from "./context.ts"
import { addDataOptions, dataOptions } from "./data-options.ts"
import type { DataFlags } from "./data-options.ts"
import { fileMemory } from "./device-state.ts"
import { readModule } from "./module-file.ts"
import { addModuleSlotOptions, moduleSlot } from "./module-slot.ts"
import type { ModuleSlotFlags } from "./module-slot.ts"
import { whole } from "./parse.ts"
import { willingFile } from "./willing-file.ts"

interface Flags extends DataFlags, ModuleSlotFlags {
  readonly broker: string
  readonly fleet: string
  readonly id: string
  readonly data?: string
  readonly state?: string
  readonly willingFile?: string
  readonly module?: string
  readonly ram?: number
  readonly optOut?: true
}

export function deviceCommand(): Command {
  const described = addModuleSlotOptions(
    new Command("device")
      .description("join a fleet with one client's data, which stay here")
      .requiredOption("--broker <url>", "mqtt:// or mqtts:// URL, with user and password where the broker wants them")
      .requiredOption("--fleet <name>", "name of the fleet")
      .requiredOption("--id <id>", "id of this device: 1 to 64 of a-z, 0-9 and -")
      .option("--data <source>", "SOURCE#CLIENT (telosb#single-hop-mote1), or a CSV file of this client")
      .option("--state <file>", "keeps private layers and codec errors over a restart; stays here, too")
      .option("--willing-file <file>", "take part only while this file exists")
      .option(
        "--module <file>",
        "train with this WebAssembly module, in a thread of its own, instead of the built-in kernels",
      )
      .option("--ram <kib>", "RAM for training: a model that needs more is refused", whole(1))
      .option("--opt-out", "delete what the broker retains of this device, and do nothing else"),
  )
  return addDataOptions(described).action((flags: Flags, command: Command) =>
    withContext(command, async (context) => {
      const { log, signal } = context
      const network = networkAt(flags.broker, context)
      if (flags.optOut) {
        await optOut(network, flags.fleet, flags.id, signal)
        return log.info({ fleet: flags.fleet, device: flags.id }, "has opted out")
      }
      if (flags.data === undefined) throw new FedmoteError("usage", "expected --data SOURCE, or --opt-out")
      const { train, test } = await openClient(flags.data, dataOptions(flags))
      const willing = flags.willingFile === undefined ? undefined : willingFile(flags.willingFile)
      const program = flags.module === undefined ? undefined : new ModuleProgram(await readModule(flags.module))
      const modules = await moduleSlot(flags)
      const device = new Device({
        network,
        fleet: flags.fleet,
        id: flags.id,
        data: { train, test },
        ...(flags.state === undefined ? {} : { memory: fileMemory(flags.state) }),
        ...(program && { trainer: program }),
        ...(modules && { modules }),
        ...(willing && { eligible: () => ({ optedIn: willing.optedIn() }) }),
        ...(flags.ram === undefined ? {} : { ramKiB: flags.ram }),
        log,
        onEvent: ({ type, ...fields }) => log.debug(fields, type),
      })
      const run = async (): Promise<void> => {
        const model = await device.run(signal).catch((error: unknown) => {
          if (!(error instanceof FedmoteError) || error.code !== "state") throw error
          const where = [flags.state, flags.modules].filter((each) => each !== undefined).join(" or ")
          throw new FedmoteError("state", `${where}: ${error.message}`, { cause: error })
        })
        const { version, parameters } = model
        log.info({ version, parameters: parameters.length, digest: digestOf(parameters) }, "has the released model")
      }
      willing?.watch(() => device.reconsider())
      try {
        await untilInterrupted(signal, run())
      } finally {
        willing?.close()
        await program?.close()
        if (modules !== undefined) await device.close()
      }
    }),
  )
}
