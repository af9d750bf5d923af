import { z } from "zod"
import { FedmoteError } from "./error.ts"
import { METRIC_NAMES, higherIsBetter } from "./metrics.ts"
import type { MetricName, Metrics } from "./metrics.ts"
import { parsePlan } from "./plan.ts"
import type { Plan } from "./plan.ts"

/** What a federation, live or simulated, leaves behind: `fedmote-result/1`. Described for readers in `src/report/RESULT.md`. */
export const RESULT_SCHEMA = "fedmote-result/1"

const count = z.int().min(0)
const metrics = z
  .object(Object.fromEntries(METRIC_NAMES.map((name) => [name, z.number().exactOptional()])) as MetricShape)
  .describe("Only the metrics that the loss has; empty where nothing was evaluated.")
type MetricShape = { [name in MetricName]: z.ZodExactOptional<z.ZodNumber> }
const device = z.string().min(1).max(64)
const spread = z.object({
  mean: z.number(),
  deviation: z.number().min(0).describe("Standard deviation over the clients (divided by n)."),
  worstDecile: z.number().describe("Mean over the worst tenth of the clients, one at least."),
  quantiles: z.array(z.number()).length(11).describe("Least, 10 %, ..., 90 %, largest; in a line between clients."),
})
const energy = z.object({ computeJoules: z.number().min(0), radioJoules: z.number().min(0) })
type SpreadShape = { [name in MetricName]: z.ZodExactOptional<typeof spread> }

const schema = z.object({
  schema: z.literal(RESULT_SCHEMA),
  seed: z.int().min(0).max(0xffff_ffff),
  plan: z.record(z.string(), z.unknown()).describe("The plan as it was run, with all defaults: plan.schema.json."),
  data: z.object({
    name: z.string().exactOptional().describe("Of the data source."),
    clients: count,
    trainSamples: count.describe(
      "Of all clients; where a population varies in what each draws or makes, what is expected.",
    ),
    testSamples: count,
    features: count.describe("Number of features of a sample."),
    classes: count.describe("Number of classes; 0 for regression."),
    partition: z.string().exactOptional().describe("How rows were dealt to clients, where they were: dirichlet:0.1."),
  }),
  model: z.object({
    parameters: count,
    bytes: count.describe("Of the parameters as float32."),
    digest: z
      .string()
      .regex(/^[0-9a-f]{64}$/)
      .describe("SHA-256 of the devices' final parameters as float32, little-endian; lower-case hexadecimal."),
  }),
  statistics: z
    .object({
      cohort: z.array(z.object({ device })).describe("The devices whose sums gave the means and deviations."),
    })
    .exactOptional()
    .describe("Only with recorded cohorts, where features are standardised."),
  rounds: z
    .array(
      z.object({
        round: z.int().min(1).describe("Training rounds, from 1."),
        folded: count.describe("Number of updates in this round's mean."),
        samples: count.describe("Samples processed by the folded updates, epochs counted."),
        trainLoss: z.number().nullable().describe("Mean over those samples at the time each was seen."),
        testLoss: z.number().nullable().describe("After the round; null where it was not evaluated."),
        metrics: metrics.describe("Of the test samples after the round; empty where it was not evaluated."),
        uplinkBytes: count.describe("Sent by devices for this round, its evaluation included."),
        downlinkBytes: count.describe("Received by devices for this round, its evaluation included."),
        seconds: z.number().min(0),
        simulatedSeconds: z
          .number()
          .min(0)
          .exactOptional()
          .describe("Only of simulations with a world: virtual time that the round took, its evaluation included."),
        energy: energy.exactOptional().describe("The same: what the devices spent."),
        participation: z
          .object({
            ready: count.describe("Stood ready, with enough samples, when the round began."),
            selected: count.describe("Asked to take part."),
            late: count.describe("Updates that came when there was no place for them any more."),
            refused: count.describe("Updates that were refused."),
          })
          .exactOptional()
          .describe(
            "How far devices came, abandoned tries of the round included. Absent in results of earlier versions.",
          ),
        module: count
          .min(1)
          .exactOptional()
          .describe("Sequence of the module that trained; absent: the built-in kernels."),
        bound: count
          .min(1)
          .exactOptional()
          .describe(
            "Updates that the exact sum had room for, which decides its grid; only with recorded cohorts. Needed for a replay.",
          ),
        cohort: z
          .array(
            z.object({
              device,
              steps: count.describe("Steps of local SGD it really took."),
              samples: count.describe("Samples it processed: its weight, up to the weight cap."),
              staleness: z
                .int()
                .min(1)
                .exactOptional()
                .describe(
                  "Commits since the model that it was trained from, which make it count less; absent where it was the round's own.",
                ),
            }),
          )
          .exactOptional()
          .describe("The devices that were folded, by id; only with recorded cohorts. Needed for a replay."),
      }),
    )
    .describe("One entry for each committed training round, in order."),
  stopped: z.string().exactOptional().describe("Why it ended before its last round."),
  baselines: z.object({
    pooled: z.object({ metrics }).exactOptional().describe("Trained on all data in one place: the upper bound."),
    alone: z
      .object({
        metrics: metrics.describe("Means over the clients."),
        best: metrics.describe("Of the client that is best in the first metric."),
        worst: metrics.describe("Of the client that is worst in the first metric."),
        clients: z.array(z.object({ device, metrics })).exactOptional(),
      })
      .exactOptional()
      .describe("Each client's own model, trained on its data alone, scored on everybody's test samples."),
    majority: z.object({ metrics }).exactOptional().describe("Always the most frequent class, or the mean target."),
  }),
  final: z.object({ metrics }),
  clients: z
    .object({
      count: count.describe("Clients with test samples."),
      metrics: z
        .object(Object.fromEntries(METRIC_NAMES.map((name) => [name, spread.exactOptional()])) as SpreadShape)
        .describe("Of accuracy (binary: at one half), rmse, mae and loss those that the loss has."),
    })
    .exactOptional()
    .describe(
      "Only of simulations: the final model on each client's own test samples, every client counting the same. No client is named.",
    ),
  world: z
    .object({
      simulatedSeconds: z.number().min(0).describe("From the first selection to the last commit."),
      energy,
      co2Grams: z.number().min(0),
      classes: z.record(
        z.string(),
        z.object({ asked: count, folded: count, joules: z.number().min(0) }).describe("Tasks of any kind."),
      ),
    })
    .exactOptional()
    .describe("Only of simulations with a world: src/sim/world/WORLD.md has what is assumed."),
  labels: z
    .object({
      skew: z
        .number()
        .min(0)
        .max(1)
        .describe("Mean over these clients of half the sum of |share of a class there - share in all|: 0 is IID."),
      clients: z
        .array(z.object({ device, samples: z.array(count).describe("Training samples of each class.") }))
        .describe("All of them, or as many as can be shown, evenly chosen."),
    })
    .exactOptional()
    .describe("Only of simulations: which classes are where. For regression one number: all samples."),
  timing: z.object({
    seconds: z.number().min(0).describe("All of it, wall clock."),
    trainingSeconds: z.number().min(0).exactOptional().describe("The rounds alone."),
    baselineSeconds: z.number().min(0).exactOptional(),
  }),
  experiment: z
    .object({
      digest: z
        .string()
        .regex(/^[0-9a-f]{64}$/)
        .describe("SHA-256 of all settings of the run: plan, data and options. The first 16 digits are its name."),
      set: z.record(z.string(), z.unknown()).describe("What the sweep chose, by dotted path in the plan."),
    })
    .exactOptional()
    .describe("Only of a sweep's runs."),
  machine: z.object({
    fedmote: z.string().describe("Version."),
    node: z.string(),
    platform: z.string().describe("Operating system and architecture, such as linux-x64."),
    cpu: z.string(),
    cores: count,
    kernel: z.string().describe("Build of the kernels that trained: simd, scalar or js."),
    workers: count.exactOptional(),
  }),
})

type Writable = z.output<typeof schema>
type DeepReadonly<T> = T extends object ? { readonly [K in keyof T]: DeepReadonly<T[K]> } : T
export type Result = DeepReadonly<Omit<Writable, "plan">> & { readonly plan: Plan }
export type RoundResult = Result["rounds"][number]
export type ClientSpread = NonNullable<Result["clients"]>
export type Spread = z.output<typeof spread>
export type LabelCounts = NonNullable<Result["labels"]>
export type Alone = NonNullable<Result["baselines"]["alone"]>

/** Reads a result, for a replay or a report. Throws `FedmoteError` ("result") with the path of what is missing or wrong. */
export function parseResult(value: unknown): Result {
  const result = schema.safeParse(value)
  if (!result.success) {
    const { path, message } = result.error.issues[0]!
    throw new FedmoteError("result", `result: ${path.join(".") || "value"}: ${message}`)
  }
  return { ...result.data, plan: parsePlan(result.data.plan) }
}

/** JSON Schema (2020-12); published as `src/report/result.schema.json`. */
export function resultSchema(): object {
  const { $schema, ...rest } = z.toJSONSchema(schema)
  return { $schema, title: "Fedmote result", ...rest }
}

/** The baseline of clients that learn alone, from the metrics of each; `first` decides who is best and worst. Undefined without clients. */
export function aloneBaseline(
  clients: readonly { readonly device: string; readonly metrics: Metrics }[],
  first: MetricName,
): Alone | undefined {
  const sign = higherIsBetter(first) ? 1 : -1
  const score = (client: { readonly metrics: Metrics }): number => sign * (client.metrics[first] ?? -sign * Infinity)
  const ranked = [...clients].sort((a, b) => score(b) - score(a))
  const best = ranked[0]
  const worst = ranked.at(-1)
  if (best === undefined || worst === undefined) return undefined
  const mean: { [name in MetricName]?: number } = {}
  for (const name of METRIC_NAMES) {
    const values = clients.map(({ metrics }) => metrics[name]).filter((value) => value !== undefined)
    if (values.length > 0) mean[name] = values.reduce((sum, value) => sum + value, 0) / values.length
  }
  return { metrics: mean, best: best.metrics, worst: worst.metrics, clients }
}
