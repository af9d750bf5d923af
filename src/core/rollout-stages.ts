import { select } from "./select.ts"

/** A device as stages see it: its id and the first 8 bytes of SHA-256(id) as two words. */
export interface StageCandidate {
  readonly id: string
  readonly key: readonly [high: number, low: number]
}

/**
 * The devices that each stage adds: after a stage of p percent p percent of all have it, rounded up. Who is early is drawn from the module's sequence and
 * the ids alone, so that it is not always the same ones, and a plan says what a rollout does. Empty where there is no device.
 */
export function stagesOf(
  candidates: readonly StageCandidate[],
  sequence: number,
  percentages: readonly number[],
): string[][] {
  if (candidates.length === 0) return []
  const all = candidates.map(({ id, key }) => ({ id, key, samples: 1 }))
  const taken = new Set<string>()
  return percentages.map((percent) => {
    const count = Math.ceil((percent * all.length) / 100)
    const draw = { sampling: "uniform", seed: sequence, round: 0, attempt: 0, count, rate: 1, weightCap: 1 } as const
    // Of more the same ones and others.
    const added = select(all, draw).filter((id) => !taken.has(id))
    for (const id of added) taken.add(id)
    return added
  })
}
