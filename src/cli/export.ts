import { privateLayers } from "../core/plan-model.ts"
import { writeAtomically } from "../report/atomic-file.ts"
import { exportModel } from "../sim/model-file.ts"
import { modelHeader } from "../sim/model-header.ts"
import type { ModelFile, ModelToExport } from "../sim/model-file.ts"
import type { Context } from "./context.ts"

/** Writes a model's file, and says what it has not. */
export async function writeModel(file: string, model: ModelToExport, { log }: Pick<Context, "log">): Promise<void> {
  await exportModel(file, model)
  log.info(`model in ${file}`)
  sayPrivate(model, { log })
}

/** Writes a model as a C header. */
export async function writeHeader(file: string, model: ModelFile, { log }: Pick<Context, "log">): Promise<void> {
  await writeAtomically(file, modelHeader(model))
  log.info(`model as C in ${file}: compile what includes it with -ffp-contract=off`)
}

/** Says what of the model no file but a device has. */
export function sayPrivate(model: ModelToExport, { log }: Pick<Context, "log">): void {
  const own = privateLayers(model.plan)
  if (own.length === 0) return
  const which = own.length === 1 ? `layer ${own[0]} is` : `layers ${own.join(", ")} are`
  log.info(`${which} private: the file has what every device began with, and each device its own`)
}
