import { featureCount, lossOf, parametersOf } from "../core/plan-model.ts"
import type { Plan } from "../core/plan.ts"
import { FedmoteError } from "../core/error.ts"
import { NO_DEVICE } from "../core/random.ts"
import { seedsOf } from "../core/seeds.ts"
import { customModel } from "../device/module-program.ts"
import { ModuleTrainer } from "../kernel/module-trainer.ts"
import { TrainingModule } from "../kernel/training-module.ts"
import { importModel } from "../sim/model-file.ts"
import { readModule } from "./module-file.ts"

/** The model that `--init` names: a model's file, or for a custom model the module that trains it, which knows what it begins with. */
export async function initialParameters(file: string, plan: Plan): Promise<Float32Array> {
  return lossOf(plan) === "custom"
    ? ofModule(await readModule(file), file, plan)
    : (await importModel(file, plan)).parameters
}

function ofModule(bytes: Uint8Array, file: string, plan: Plan): Float32Array {
  const trainer = new ModuleTrainer(new TrainingModule(bytes), customModel(featureCount(plan) ?? 1), {
    batch: 1,
    rows: 1,
  })
  const wanted = parametersOf(plan)
  if (trainer.parameters !== wanted)
    throw new FedmoteError(
      "module",
      `${file}: expected a module of ${wanted} parameters as model.parameters says, got one of ${trainer.parameters}`,
    )
  return trainer.init({ seed: seedsOf(plan).init, round: 0, device: NO_DEVICE }).slice()
}
