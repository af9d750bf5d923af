import { parsePlan } from "../../src/core/plan.ts"
import { RESULT_SCHEMA, aloneBaseline } from "../../src/core/result.ts"
import type { Result } from "../../src/core/result.ts"

/** A result as a demo might leave it; the numbers are made up. */
export function exampleResult(): Result {
  const ids = ["mote-1", "mote-2", "mote-3", "mote-4", "mote-5", "mote-6", "mote-7", "mote-8"]
  const rounds = Array.from({ length: 30 }, (_, i) => {
    const learned = 1 - 0.9 ** (i + 1)
    return {
      round: i + 1,
      folded: i === 11 ? 7 : 8,
      samples: 18000,
      trainLoss: 0.3 - 0.22 * learned,
      testLoss: 0.28 - 0.2 * learned,
      metrics: {
        averagePrecision: 0.2 + 0.62 * learned,
        f1: 0.1 + 0.65 * learned,
        accuracy: 0.9 + 0.08 * learned,
        loss: 0.28 - 0.2 * learned,
      },
      uplinkBytes: 8 * 1340 + (i % 3) * 40,
      downlinkBytes: 8 * 2210,
      seconds: 0.25 + 0.125 * (i % 4),
    }
  })
  const alone = ids.map((device, i) => ({
    device,
    metrics: {
      averagePrecision: 0.06 + 0.06 * i,
      f1: 0.05 + 0.05 * i,
      accuracy: 0.92 + 0.005 * i,
      loss: 0.5 - 0.02 * i,
    },
  }))
  return {
    schema: RESULT_SCHEMA,
    seed: 7,
    plan: parsePlan({
      fleet: "motes",
      seed: 7,
      model: { features: 12, labels: ["normal", "event"], positiveWeight: 4 },
    }),
    data: { name: "telosb", clients: 8, trainSamples: 18836, testSamples: 18838, features: 12, classes: 2 },
    model: { parameters: 449, bytes: 1796, digest: "3f".repeat(32) },
    rounds,
    baselines: {
      pooled: { metrics: { averagePrecision: 0.913, f1: 0.85, accuracy: 0.995, loss: 0.05 } },
      alone: aloneBaseline(alone, "averagePrecision")!,
      majority: { metrics: { averagePrecision: 0.015, f1: 0, accuracy: 0.985, loss: 0.69 } },
    },
    final: { metrics: rounds.at(-1)!.metrics },
    timing: { seconds: 12.4, trainingSeconds: 7.1, baselineSeconds: 4 },
    machine: { fedmote: "0.1.0", node: "24.21.0", platform: "linux-x64", cpu: "Example CPU", cores: 2, kernel: "simd" },
  }
}

/** The same as a simulation leaves it, which also knows the clients. */
export function exampleSimulation(): Result {
  const result = exampleResult()
  return {
    ...result,
    rounds: result.rounds.map((round) => ({
      ...round,
      participation: { ready: 10, selected: 9, late: 8 - round.folded, refused: 0 },
    })),
    clients: {
      count: 8,
      metrics: {
        accuracy: {
          mean: 0.95,
          deviation: 0.03,
          worstDecile: 0.9,
          quantiles: [0.9, 0.91, 0.92, 0.93, 0.94, 0.95, 0.96, 0.97, 0.98, 0.99, 1],
        },
      },
    },
    labels: {
      skew: 0.25,
      clients: Array.from({ length: 8 }, (_, i) => ({ device: `mote-${i + 1}`, samples: [100 - i, i] })),
    },
  }
}
