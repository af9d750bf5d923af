import { classCount } from "../core/model.ts"
import { featureCount, lossOf, modelSpec } from "../core/plan-model.ts"
import type { Plan } from "../core/plan.ts"
import type { Result } from "../core/result.ts"
import type { RoundState } from "../core/round.ts"

type Ready = RoundState["ready"] extends Map<string, infer Device> ? Device : never

/** Counts the devices that were ready at some time, and the samples they said they have: all that a live coordinator knows of the data. */
export class Census {
  readonly #devices = new Map<string, Ready>()

  take(ready: ReadonlyMap<string, Ready>): void {
    for (const [id, device] of ready) this.#devices.set(id, device)
  }

  facts(plan: Plan): Result["data"] {
    let trainSamples = 0
    let testSamples = 0
    for (const device of this.#devices.values()) {
      trainSamples += device.samples
      testSamples += device.testSamples
    }
    return {
      clients: this.#devices.size,
      trainSamples,
      testSamples,
      features: featureCount(plan) ?? 0,
      classes: lossOf(plan) === "custom" ? (plan.model.labels?.length ?? 0) : classCount(modelSpec(plan)),
    }
  }
}
