import type { Plan } from "./plan.ts"

/** What has a seed of its own. */
export interface Seeds {
  /** Which rows each client has, in a simulation. */
  readonly partition: number
  /** The model that training begins with. */
  readonly init: number
  /** Who takes part. */
  readonly sampling: number
  /** The order of samples, and the rounding of what is sent. */
  readonly training: number
}

/** The plan's seeds: each its own, or else the plan's one. */
export function seedsOf({ seed, seeds }: Pick<Plan, "seed" | "seeds">): Seeds {
  return { partition: seed, init: seed, sampling: seed, training: seed, ...seeds }
}
