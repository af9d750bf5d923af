import type { Command } from "commander"
import { FedmoteError } from "../core/error.ts"
import { FileSlotStore } from "../device/flash/file-slot-store.ts"
import type { ModulesOptions } from "../device/flash/modules.ts"
import { addTrustOption, trustedKeys } from "./trust.ts"
import type { TrustFlags } from "./trust.ts"

export interface ModuleSlotFlags extends TrustFlags {
  readonly modules?: string
  readonly slot?: string
  readonly tag?: readonly string[]
  readonly module?: string
}

/** For a device that takes signed modules over the air. */
export function addModuleSlotOptions(command: Command): Command {
  return addTrustOption(
    command.option("--modules <folder>", "take signed training modules over the air, and keep them here"),
  )
    .option("--slot <name>", "which modules these are (default: train)")
    .option("--tag <tag...>", "what this device is, for modules that are for certain devices")
}

/** Undefined where the device takes no modules. Throws `FedmoteError` ("usage", "key", "store"). */
export async function moduleSlot(flags: ModuleSlotFlags): Promise<ModulesOptions | undefined> {
  const { modules, slot, tag } = flags
  const trusted = await trustedKeys(flags)
  if (modules === undefined) {
    if ((trusted ?? slot ?? tag) === undefined) return undefined
    throw new FedmoteError("usage", "expected --modules FOLDER with --trust, --slot and --tag")
  }
  if (trusted === undefined)
    throw new FedmoteError("usage", "expected --trust KEY with --modules: without one no module would be taken")
  if (flags.module !== undefined)
    throw new FedmoteError("usage", "expected --module or --modules, got both: what would train?")
  return { store: new FileSlotStore(modules), trusted, ...(slot && { slot }), ...(tag && { tags: tag }) }
}
