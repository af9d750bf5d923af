import { describe, expect, test } from "vitest"
import { classCount } from "../../src/core/model.ts"
import type { LayerPlan } from "../../src/core/plan.ts"
import { parsePlan } from "../../src/core/plan.ts"
import { withData } from "../../src/core/plan-model.ts"
import type { Dataset } from "../../src/data/dataset.ts"
import { taskOf } from "../../src/data/dataset.ts"
import { simulate } from "../../src/sim/simulate.ts"
import { floats, vectors } from "../kernel/codec-support.ts"
import type { GoldenFederation, RoundVectors } from "../kernel/golden.ts"

// Of the golden federations those that a plan can describe: all devices have the same codec, and do all of their work.
const cases = vectors<RoundVectors>("round.json").cases.filter(({ rounds }) => {
  const updates = rounds.flatMap((round) => round.updates)
  return updates.every(({ codec, limit }) => codec === updates[0]!.codec && limit === undefined)
})

function datasetOf({ name, spec, devices }: GoldenFederation): Dataset {
  const classes = Array.from({ length: classCount(spec) }, (_, i) => `class-${i}`)
  const device = (index: number): GoldenFederation["devices"][number] => devices[index]!
  const nothing = { rows: 0, features: spec.inputs, x: new Float32Array(0), y: new Float32Array(0) }
  return {
    name,
    task: taskOf(classes),
    features: Array.from({ length: spec.inputs }, (_, i) => `x${i}`),
    classes,
    clients: devices.length,
    id: (index) => device(index).id,
    trainRows: (index) => device(index).rows,
    testRows: () => 0,
    train: (index) => {
      const { rows, x, y } = device(index)
      return { rows, features: spec.inputs, x: floats(x), y: floats(y) }
    },
    test: () => nothing,
  }
}

function planOf({ spec, settings, ...golden }: GoldenFederation): object {
  const { seed, rounds, weightCap, largestDelta, shared, downlink, feedback } = golden
  const hidden = spec.layers.slice(0, -1).map((layer): LayerPlan => {
    if (layer.kind === "dense") return { dense: layer.units, activation: layer.activation }
    if (layer.kind === "pool") return { pool: layer.mode, width: layer.width, channels: layer.channels }
    const { filters, width, stride, channels, activation } = layer
    return { conv1d: filters, width, stride, channels, activation }
  })
  return {
    seed,
    rounds: rounds.length,
    model: {
      layers: hidden,
      positiveWeight: spec.positiveWeight,
      standardize: false,
      ...(shared && { private: { first: shared.from, last: spec.layers.length - shared.to } }),
    },
    train: settings,
    codecs: [rounds[0]!.updates[0]!.codec],
    weightCap,
    largestDelta,
    evaluate: { every: 0 },
    upload: { errorFeedback: feedback === true },
    ...(downlink !== undefined && { downlink: { codec: downlink } }),
  }
}

describe.each(cases)("$name", (golden) => {
  test.each(["fast", "loopback"] as const)("the %s simulation ends in the golden model", async (path) => {
    const dataset = datasetOf(golden)
    const plan = withData(parsePlan(planOf(golden)), dataset)
    const { result } = await simulate({ plan, dataset, baselines: false, path })
    expect(result.model.digest).toBe(golden.rounds.at(-1)!.digest)
  })
})
