import { METRICS_OF } from "../../core/metrics.ts"
import type { MetricName } from "../../core/metrics.ts"
import { modelSpec } from "../../core/plan-model.ts"
import type { Plan } from "../../core/plan.ts"
import type { Samples } from "../../core/samples.ts"
import type { Dataset } from "../../data/dataset.ts"
import type { ScheduledRound } from "../replay.ts"
import { simulate } from "../simulate.ts"
import type { Simulation } from "../simulate.ts"
import type { Point } from "./curve.ts"
import type { ReproduceContext } from "./experiment.ts"

export interface Lesson {
  /** Names the run among the others of the experiment. */
  readonly title: string
  /** Features and labels known. */
  readonly plan: Plan
  readonly dataset: Dataset
  /** What the server evaluates on after every round that the plan says. */
  readonly heldOut?: Samples
  /** Who takes part in each round, where the plan does not decide it. */
  readonly schedule?: readonly ScheduledRound[]
}

export interface Learned extends Simulation {
  readonly rounds: number
  /** The metric that the model is judged by, after each round that was evaluated. */
  readonly curve: readonly Point[]
  /** Mean over all updates of what a device sent for one, in bytes. */
  readonly updateBytes: number
}

/** One federation of an experiment: rounds alone, without anything to compare with. */
export async function learn({ workers, signal, watch }: ReproduceContext, lesson: Lesson): Promise<Learned> {
  const { title, plan, dataset, heldOut, schedule } = lesson
  const metric: MetricName = METRICS_OF[modelSpec(plan).loss][0]!
  const curve: Point[] = []
  const seen = watch?.begin(title, plan.rounds)
  let note = ""
  let summary: string | undefined
  try {
    const simulation = await simulate({
      plan,
      dataset,
      workers,
      signal,
      heldOut,
      schedule,
      baselines: false,
      onRound({ round, metrics }) {
        const value = metrics[metric]
        if (value !== undefined) {
          curve.push({ round, value })
          note = `${metric} ${value.toFixed(4)}`
        }
        seen?.round(round, note)
      },
    })
    const { rounds } = simulation.result
    const sum = (key: "uplinkBytes" | "folded"): number => rounds.reduce((total, record) => total + record[key], 0)
    summary = `${note === "" ? "done" : note} after ${rounds.length} rounds`
    return { ...simulation, rounds: rounds.length, curve, updateBytes: sum("uplinkBytes") / sum("folded") }
  } finally {
    seen?.end(summary)
  }
}
