import { availableParallelism, cpus } from "node:os"

/** One measured value; where there is something to compare with, both come from the same run. */
export interface Measured {
  readonly group: string
  readonly name: string
  readonly value: number
  readonly unit: string
  /** What it is compared with, and value divided by that. */
  readonly against?: string
  readonly ratio?: number
  /** The ratio (the value, without one) is to be at least, or at most, this. */
  readonly budget?: { readonly atLeast: number } | { readonly atMost: number }
  readonly holds?: boolean
}

/** Fills in whether the budget holds. */
export function measured(value: Omit<Measured, "holds">): Measured {
  const { budget, ratio } = value
  if (budget === undefined) return value
  const compared = ratio ?? value.value
  return { ...value, holds: "atLeast" in budget ? compared >= budget.atLeast : compared <= budget.atMost }
}

/** A group of benchmarks. */
export type Group = () => Promise<readonly Measured[]> | readonly Measured[]

export interface BenchFile {
  readonly schema: "fedmote-bench/1"
  readonly machine: { readonly cpu: string; readonly cores: number; readonly platform: string; readonly node: string }
  readonly results: readonly Measured[]
}

export function benchFile(results: readonly Measured[]): BenchFile {
  return {
    schema: "fedmote-bench/1",
    machine: {
      cpu: cpus()[0]?.model.trim() || "unknown",
      cores: availableParallelism(),
      platform: `${process.platform}-${process.arch}`,
      node: process.versions.node,
    },
    results,
  }
}

/** Median seconds of one call, over as many calls as fit into `budgetMs`, at least three, after one that warms up. */
export function secondsOf(work: () => void, budgetMs = 300): number {
  return median(timesOf(work, budgetMs))
}

/** Seconds of the fastest of these calls: what other programs on the machine disturb least. For comparisons of one kernel with another. */
export function leastSecondsOf(work: () => void, budgetMs: number): number {
  return Math.min(...timesOf(work, budgetMs))
}

function timesOf(work: () => void, budgetMs: number): number[] {
  work()
  const times: number[] = []
  const end = performance.now() + budgetMs
  while (times.length < 3 || performance.now() < end) {
    const begin = performance.now()
    work()
    times.push((performance.now() - begin) / 1000)
  }
  return times
}

export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!
}
