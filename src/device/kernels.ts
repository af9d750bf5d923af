import type { ModelSpec } from "../core/model.ts"
import type { KernelKind, Trainer } from "../kernel/types.ts"
export { createEncoder } from "../kernel/encoder.ts"
export function createTrainer(_spec: ModelSpec, _kind?: KernelKind): Trainer {
  throw new Error("kernels are not there yet")
}
