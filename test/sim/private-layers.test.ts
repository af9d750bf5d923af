import { describe, expect, test } from "vitest"
import { initialModel } from "../../src/coordinator/coordinator.ts"
import { PURPOSE, RandomStream } from "../../src/core/random.ts"
import { parsePlan } from "../../src/core/plan.ts"
import type { Plan, PlanInput } from "../../src/core/plan.ts"
import { withData } from "../../src/core/plan-model.ts"
import { parseResult } from "../../src/core/result.ts"
import type { Result } from "../../src/core/result.ts"
import type { Samples } from "../../src/core/samples.ts"
import type { Dataset } from "../../src/data/dataset.ts"
import { heldOut } from "../../src/data/held-out.ts"
import { demo } from "../../src/sim/demo.ts"
import { digestOf, modelBytes, readModel } from "../../src/sim/model-file.ts"
import { readSafetensors } from "../../src/sim/safetensors.ts"
import { simulate } from "../../src/sim/simulate.ts"

const CLASSES = 3
const CLIENTS = 6

/** Three clouds that everybody sees, and that every client names in another order: 0 1 2, 0 2 1, 1 0 2, ... */
function samples(client: number, part: number, rows: number): Samples {
  const orders = [
    [0, 1, 2],
    [0, 2, 1],
    [1, 0, 2],
    [1, 2, 0],
    [2, 0, 1],
    [2, 1, 0],
  ]
  const stream = new RandomStream({ seed: 11, round: part, device: [client, 0] }, PURPOSE.generator)
  const x = new Float32Array(2 * rows)
  const y = new Float32Array(rows)
  const centres = [0, 2, 1, -1, -1, -1]
  const noise = (): number => [1, 2, 3, 4].reduce((sum) => sum + stream.below(1024) / 1024 - 0.5, 0) * 0.8
  for (let row = 0; row < rows; row++) {
    const cloud = row % CLASSES
    x[2 * row] = centres[2 * cloud]! + noise()
    x[2 * row + 1] = centres[2 * cloud + 1]! + noise()
    y[row] = orders[client]![cloud]!
  }
  return { rows, features: 2, x, y }
}

const dataset: Dataset = {
  name: "permuted",
  task: "multiclass",
  features: ["a", "b"],
  classes: ["p", "q", "r"],
  clients: CLIENTS,
  id: (client) => `c${client}`,
  trainRows: (client) => 20 + client,
  testRows: () => 30,
  train: (client) => samples(client, 1, 20 + client),
  test: (client) => samples(client, 2, 30),
}

const planOf = (input: PlanInput): Plan =>
  withData(parsePlan({ fleet: "p", seed: 3, rounds: 3, model: { hidden: [8, 6] }, ...input }), dataset)

describe("the same model in the simulator, with workers, and from devices in memory and over MQTT, with", () => {
  const cases: Record<string, PlanInput> = {
    "schedule and clipping": {
      train: { schedule: { kind: "cosine", warmup: 2, finalFraction: 0.1 }, clipNorm: 0.25, exampleClipNorm: 1 },
    },
    "the first layer frozen": { model: { hidden: [8, 6], frozen: { first: 1 } } },
    "the last layer private": { model: { hidden: [8, 6], private: { last: 1 } } },
    "error feedback": { codecs: "eden1", upload: { errorFeedback: true } },
    "all of it": {
      model: { hidden: [8, 6, 5, 4], frozen: { first: 1 }, private: { first: 1, last: 2 } },
      train: { momentum: 0.5, schedule: { kind: "linear", warmup: 1 }, clipNorm: 1, exampleClipNorm: 2, proximal: 0.1 },
      codecs: "int4-nearest",
      upload: { errorFeedback: true },
      cohort: 4,
      selection: { overSelect: 1 },
      downlink: { codec: "eden2" },
    },
  }
  const untimed = ({ rounds, model, final }: Result): unknown => ({
    rounds: rounds.map((round) => ({ ...round, seconds: 0 })),
    model,
    final,
  })

  test.each(Object.entries(cases))("%s", async (_, input) => {
    const plan = planOf(input)
    const options = { plan, dataset, recordCohorts: true, baselines: false }
    const { result: fast } = await simulate(options)
    const { cohort, selection, codecs, model } = plan
    const plain = planOf({ cohort, selection, codecs, model: { hidden: model.hidden! } })
    expect((await simulate({ ...options, plan: plain })).result.model.digest).not.toBe(fast.model.digest)
    expect(untimed((await simulate({ ...options, workers: 3 })).result)).toEqual(untimed(fast))
    const { result: loopback } = await simulate({ ...options, path: "loopback" })
    expect(untimed(loopback)).toEqual(untimed(fast))
    expect(untimed((await demo(options)).result)).toEqual(untimed(fast))
    const replay = parseResult(JSON.parse(JSON.stringify(loopback)))
    expect((await simulate({ ...options, replay, workers: 2 })).result.model).toEqual(fast.model)
  })
})

test("a live run whose deadline or over-selection left updates out is replayed, with what each device kept", async () => {
  const plan = planOf({
    model: { hidden: [8], private: { last: 1 } },
    codecs: "eden2",
    upload: { errorFeedback: true },
    cohort: 3,
    selection: { overSelect: 2 },
  })
  const live = await simulate({ plan, dataset, recordCohorts: true, baselines: false, path: "loopback" })
  expect(live.result.rounds.map(({ folded }) => folded)).toEqual([3, 3, 3])
  const replayed = await simulate({ plan, dataset, baselines: false, replay: live.result })
  expect(replayed.result.model).toEqual(live.result.model)
  expect(replayed.result.final).toEqual(live.result.final)
})

describe("labels that mean something else to every client", () => {
  const accuracy = async (input: PlanInput): Promise<number> => {
    const plan = planOf({ rounds: 25, codecs: "int8", ...input })
    return (await simulate({ plan, dataset, baselines: false })).result.final.metrics.accuracy!
  }

  test("are learned with a private last layer, and cannot be with a model that all share", async () => {
    const shared = await accuracy({ model: { hidden: [8, 6] } })
    const personal = await accuracy({ model: { hidden: [8, 6], private: { last: 1 } } })
    // Six orders of three labels: whatever the model says of a cloud is right for two clients of six.
    expect(shared).toBeLessThan(0.5)
    expect(personal).toBeGreaterThan(0.9)
  })
})

describe("the fleet's model", () => {
  test("has frozen and private layers as it began with, also where that was another model", async () => {
    const plan = planOf({ model: { hidden: [8, 6], activation: "tanh", frozen: { first: 1 }, private: { last: 1 } } })
    const init = initialModel(plan).map((value, i) => value + i / 1000)
    const { parameters } = await simulate({ plan, dataset, init, baselines: false })
    // 2 x 8 + 8 frozen, 8 x 6 + 6 shared, 6 x 3 + 3 private.
    expect(parameters).toHaveLength(24 + 54 + 21)
    expect(parameters.subarray(0, 24)).toEqual(init.subarray(0, 24))
    expect(parameters.subarray(78)).toEqual(init.subarray(78))
    for (let i = 24; i < 78; i++) expect(parameters[i]).not.toBe(init[i])
  })

  test("says in its file which layers are private", async () => {
    const plan = planOf({ model: { hidden: [8, 6], frozen: { first: 1 }, private: { last: 1 } } })
    const parameters = initialModel(plan)
    const bytes = modelBytes({ plan, parameters })
    expect(readSafetensors(bytes, "file").metadata["private_layers"]).toBe("[2]")
    expect(readModel(bytes).digest).toBe(digestOf(parameters))
    expect(readSafetensors(modelBytes({ plan: planOf({}), parameters }), "file").metadata).not.toHaveProperty(
      "private_layers",
    )
  })

  test("costs the bytes of its shared part", async () => {
    const bytes = async (input: PlanInput): Promise<number> => {
      const plan = planOf({ rounds: 1, codecs: "f32", evaluate: { every: 0 }, ...input })
      return (await simulate({ plan, dataset, baselines: false })).result.rounds[0]!.uplinkBytes
    }
    const whole = await bytes({ model: { hidden: [8] } })
    const part = await bytes({ model: { hidden: [8], private: { last: 1 } } })
    // 8 x 3 + 3 float32 of each client; both lengths, 204 and 96 bytes, take one byte in CBOR.
    expect(whole - part).toBe(CLIENTS * 4 * 27)
  })

  test("is not evaluated by a server that has no private layers", async () => {
    const plan = planOf({ model: { hidden: [8], private: { last: 1 } } })
    await expect(simulate({ plan, dataset, heldOut: heldOut(dataset), baselines: false })).rejects.toThrow(
      "expected no held-out samples with private layers",
    )
  })
})

test("what is compared with a fleet of frozen layers begins with the same ones", async () => {
  const plan = planOf({ rounds: 3, model: { hidden: [8], frozen: { first: 1 } } })
  const init = initialModel(plan)
  // A first layer that says nothing: only the frequencies can be learned behind it.
  init.fill(0, 0, 24)
  const { result } = await simulate({ plan, dataset, init })
  const { result: other } = await simulate({ plan, dataset })
  expect(result.baselines.pooled!.metrics.loss).not.toBe(other.baselines.pooled!.metrics.loss)
  expect(result.baselines.pooled!.metrics.accuracy).toBeCloseTo(1 / 3, 6)
})
