import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { parameterCount } from "../../src/core/model.ts"
import type { ModelSpec } from "../../src/core/model.ts"
import { standardize } from "../../src/core/moments.ts"
import type { Standardizer } from "../../src/core/moments.ts"
import { createTrainer } from "../../src/kernel/index.ts"
import { openClient, openDataset, planFor, simulate } from "../../src/index.ts"
import { digestOf, modelBytes, readModel } from "../../src/sim/model-file.ts"
import type { ModelFile } from "../../src/sim/model-file.ts"
import { modelHeader } from "../../src/sim/model-header.ts"
import { Dice } from "../wire/random.ts"
import type { Prediction } from "./header-program.ts"
import { misraOf, predictOnBoard, predictOnHost, stringsOf, undefinedSymbols } from "./header-program.ts"

interface Case {
  readonly what: string
  readonly model: ModelFile
  readonly rows: readonly Float32Array[]
}

/** What Node's kernels predict. */
function predictInNode({ model, rows }: Case): Prediction {
  const { spec, parameters, standardizer, threshold } = model
  const trainer = createTrainer(spec, { batch: 1, rows: rows.length })
  const x = Float32Array.from(rows.flatMap((row) => [...row]))
  const raw = { rows: rows.length, features: spec.inputs, x, y: new Float32Array(rows.length) }
  const outputs = trainer.predict(parameters, standardizer === undefined ? raw : standardize(raw, standardizer))
  const width = outputs.length / rows.length
  const answers = rows.map((_, i) => {
    const own = outputs.subarray(i * width, (i + 1) * width)
    if (spec.loss === "softmax") return own.indexOf(Math.max(...own))
    return spec.loss === "logistic" && own[0]! >= (threshold ?? 0.5) ? 1 : 0
  })
  return { answers, outputs: [...new Uint32Array(outputs.buffer, outputs.byteOffset, outputs.length)] }
}

function made(spec: ModelSpec, seed: number, standardized: boolean, more: Partial<ModelFile> = {}): ModelFile {
  const dice = new Dice(seed)
  const number = (): number => (dice.below(1 << 24) - (1 << 23)) / 2 ** 24
  const parameters = Float32Array.from({ length: parameterCount(spec) }, number)
  // What is hard to write down: zeros of either sign, the least and the largest numbers, and ones between two powers of two.
  parameters.set([-0, 0, 2 ** -149, -(2 ** -126), 1 - 2 ** -24, -1.1754942e-38, 2 ** 24 - 1])
  const standardizer: Standardizer = {
    mean: Float32Array.from({ length: spec.inputs }, number),
    inverse: Float32Array.from({ length: spec.inputs }, () => number() + 1),
  }
  return {
    spec,
    parameters,
    standardizer: standardized ? standardizer : undefined,
    labels: [],
    features: [],
    threshold: undefined,
    digest: digestOf(parameters),
    ...more,
  }
}

function rowsFor(features: number, seed: number): Float32Array[] {
  const dice = new Dice(seed)
  const number = (): number => (dice.below(2_000_001) - 1_000_000) / 400_000
  const plain = Array.from({ length: 12 }, () => Float32Array.from({ length: features }, number))
  const wild = [0, -0, 1e-40, 1e4, -1e4, 3e6].map((value) => new Float32Array(features).fill(value))
  return [...plain, ...wild]
}

/** The built-in motes: a model that a federation trained, and readings that it was not trained with. */
async function motes(): Promise<Case> {
  const dataset = await openDataset("telosb")
  const plan = planFor(dataset, { rounds: 3, seed: 7, model: { hidden: [12, 5], activation: "tanh" } })
  const { parameters, standardizer, threshold } = await simulate({ plan, dataset, baselines: false })
  const model = readModel(modelBytes({ plan, parameters, standardizer, threshold }))
  const { test: unseen } = await openClient("telosb#single-hop-mote1", {})
  const { features, x } = unseen
  const rows = Array.from({ length: unseen.rows }, (_, i) => x.slice(i * features, (i + 1) * features))
  return { what: "readings of a mote", model, rows: rows.slice(0, 60) }
}

const dense = (units: number, activation: "identity" | "relu" | "tanh" = "identity") =>
  ({ kind: "dense", units, activation }) as const
const conv1d = (channels: number, filters: number, width: number, stride: number) =>
  ({ kind: "conv1d", channels, filters, width, stride, activation: "relu" }) as const
const pool = (mode: "average" | "max", channels: number, width: number) =>
  ({ kind: "pool", mode, channels, width }) as const
const softmax = { loss: "softmax", positiveWeight: 1 } as const
const single = { loss: "squared", positiveWeight: 1 } as const

const cases: Case[] = [
  {
    what: "64-32-4, softmax",
    model: made({ inputs: 64, layers: [dense(32, "relu"), dense(4)], ...softmax }, 1, true),
    rows: rowsFor(64, 2),
  },
  {
    what: "convolutions and pools",
    model: made(
      {
        inputs: 60,
        layers: [conv1d(3, 6, 4, 2), pool("max", 6, 2), conv1d(6, 5, 2, 1), pool("average", 5, 3), dense(3)],
        ...softmax,
      },
      3,
      true,
    ),
    rows: rowsFor(60, 4),
  },
  {
    what: "regression, nothing hidden, raw features",
    model: made({ inputs: 7, layers: [dense(1)], ...single }, 5, false),
    rows: rowsFor(7, 6),
  },
]

let folder: string
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "fedmote-header-"))
  cases.push(await motes())
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const COMPILERS = [
  ["gcc", "-std=c99", "-O2"],
  ["gcc", "-std=c99", "-O0"],
  ["clang", "-std=c99", "-O2"],
  ["g++", "-x", "c++", "-std=c++11", "-O2"],
] as const

describe("a model as a C header predicts, bit for bit, what Node's kernels do", () => {
  test.each(COMPILERS.map((compiler) => ({ compiler, as: compiler.join(" ") })))("built by $as", ({ compiler }) => {
    for (const each of cases)
      expect(predictOnHost(folder, modelHeader(each.model), each.rows, compiler), each.what).toEqual(
        predictInNode(each),
      )
  })

  test.each(["an385", "an386"] as const)("on board %s", (board) => {
    for (const each of cases)
      expect(predictOnBoard(folder, modelHeader(each.model), each.rows, board), each.what).toEqual(predictInNode(each))
  })

  test("in C that MISRA's mandatory and required rules, as far as cppcheck has them, find nothing in", () => {
    for (const { model, what } of cases) {
      const rules = new Set(misraOf(folder, modelHeader(model)))
      // Advisory: arrays at file scope; a union that shows a float's bits.
      expect(
        [...rules].filter((rule) => rule !== "misra-c2012-8.9" && rule !== "misra-c2012-19.2"),
        what,
      ).toEqual([])
    }
    expect(
      misraOf(folder, `${modelHeader(cases[0]!.model)}\nstatic int odd(int x) { goto end; end: return x; }\n`),
    ).toContain("misra-c2012-15.1")
  })

  test("without a function of anybody else's, but for what compilers make of loops", () => {
    for (const { model, what } of cases) expect(undefinedSymbols(folder, modelHeader(model)), what).toEqual([])
  })
})

test("names come through as they are", () => {
  const labels = ["plain", 'a "b" \\ ??= */', "Kälte ☃", "line\nbreak 7"]
  const spec: ModelSpec = { inputs: 2, layers: [dense(4)], ...softmax }
  const header = modelHeader(made(spec, 1, false, { labels, features: ["°C", "%RH"] }))
  expect(stringsOf(folder, header, "fm_predict_labels", 4)).toEqual(labels)
  expect(stringsOf(folder, header, "fm_predict_features", 2)).toEqual(["°C", "%RH"])
})

test("a threshold that is no float32 divides them as it does in Node", () => {
  const spec: ModelSpec = { inputs: 6, layers: [dense(1)], loss: "logistic", positiveWeight: 1 }
  for (const threshold of [0.1, 0.3, 0.7]) {
    const header = modelHeader(made(spec, 1, false, { threshold }))
    const written = Float32Array.of(Number(/THRESHOLD (\S+)F/.exec(header)![1]))
    expect(written[0]).toBeGreaterThanOrEqual(threshold)
    new Uint32Array(written.buffer)[0]!--
    expect(written[0]).toBeLessThan(threshold)
  }
})
