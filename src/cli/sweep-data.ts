import type { Plan } from "../core/plan.ts"
import { seedsOf } from "../core/seeds.ts"
import type { SweptData } from "../core/sweep.ts"
import type { Dataset } from "../data/dataset.ts"
import { openDataset } from "../data/open.ts"
import { parsePartition } from "../data/partition.ts"
import { dataOptions } from "./data-options.ts"
import type { SimulateFlags } from "./simulate-flags.ts"

/** The data as it is dealt for a run. What was opened last stays open: neighbours often share it. */
export class SweepData {
  readonly #options: ReturnType<typeof dataOptions>
  readonly #source: string
  #open: { readonly key: string; readonly dataset: Dataset } | undefined

  constructor(flags: SimulateFlags) {
    this.#options = dataOptions(flags)
    this.#source = flags.data
  }

  /** The options that a run's data is opened with, its seed aside. Throws `DataError` for a partition that is none. */
  optionsFor(data: SweptData): ReturnType<typeof dataOptions> {
    if (data.partition !== undefined) parsePartition(data.partition)
    return { ...this.#options, ...data }
  }

  async dealtFor(plan: Pick<Plan, "seed" | "seeds">, data: SweptData): Promise<Dataset> {
    const options = this.optionsFor(data)
    const { partition: seed } = seedsOf(plan)
    // Clients of their own are the same with every seed.
    const key = JSON.stringify([options, options.clients === undefined ? undefined : seed])
    if (this.#open?.key === key) return this.#open.dataset
    this.#open = undefined
    const dataset = await openDataset(this.#source, { ...options, seed })
    this.#open = { key, dataset }
    return dataset
  }
}
