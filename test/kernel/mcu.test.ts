import { readFileSync } from "node:fs"
import { expect, test } from "vitest"
import type { ModelSpec } from "../../src/core/model.ts"
import type { RandomKey } from "../../src/core/random.ts"
import type { Samples } from "../../src/core/samples.ts"
import { Control } from "../../src/kernel/control.ts"
import { createEncoder } from "../../src/kernel/encoder.ts"
import type { TrainOptions } from "../../src/kernel/types.ts"
import { floats, hex, vectors } from "./codec-support.ts"
import type { CodecVectors, TrainingVectors } from "./golden.ts"
import { init, train } from "./reference.ts"
import { generator, randomSamples } from "./shapes.ts"

interface Mcu {
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): number }
  abi(): number
  base(): number
  setup(batch: number, rows: number): number
  begin(): void
  advance(steps: number): number
  collect(): void
  encode(to: number, from: number, values: number): number
}

declare const WebAssembly: {
  Module: new (bytes: Uint8Array) => object
  Instance: new (module: object) => { readonly exports: unknown }
}

const module = new WebAssembly.Module(readFileSync(new URL("../../dist/wasm/fedmote.mcu.wasm", import.meta.url)))

/** The minimal module with a model and its memory, as a host in C would set it up. */
class Board {
  readonly control: Control
  readonly #mcu = new WebAssembly.Instance(module).exports as Mcu
  readonly #memory: ArrayBuffer
  readonly #payloadAt: number

  constructor(spec: ModelSpec, batch: number, rows: number, payloadBytes: number) {
    const mcu = this.#mcu
    expect(mcu.abi()).toBe(1)
    new Control({ memory: mcu.memory.buffer, base: mcu.base() }).describe(spec)
    this.#payloadAt = mcu.setup(batch, rows)
    mcu.memory.grow(Math.ceil((this.#payloadAt + payloadBytes) / 65536) - mcu.memory.buffer.byteLength / 65536)
    this.#memory = mcu.memory.buffer
    this.control = new Control({ memory: this.#memory, base: mcu.base() })
  }

  /** The parameters after training. */
  train(start: Float32Array, samples: Samples, settings: TrainOptions, key: RandomKey): Float32Array {
    const { addresses } = this.control
    this.#reals(addresses.start, start.length).set(start)
    this.#reals(addresses.x, samples.x.length).set(samples.x)
    this.#reals(addresses.y, samples.rows).set(samples.y)
    this.control.rows = samples.rows
    this.control.settings = settings
    this.control.key = key
    this.#mcu.begin()
    while (this.#mcu.advance(2) === 0);
    this.#mcu.collect()
    return this.#reals(addresses.result, start.length)
  }

  /** int8, with the control block's key; nothing where a value is not finite. */
  encode(delta: Float32Array): Uint8Array {
    const { candidate } = this.control.addresses
    this.#reals(candidate, delta.length).set(delta)
    const length = this.#mcu.encode(this.#payloadAt, candidate, delta.length)
    return new Uint8Array(this.#memory, this.#payloadAt, length)
  }

  #reals(at: number, length: number): Float32Array {
    return new Float32Array(this.#memory, at, length)
  }
}

test("the minimal profile trains and encodes to the same bits", () => {
  for (let seed = 0; seed < 60; seed++) {
    const random = generator(seed)
    const hidden = Array.from({ length: random.below(3) }, () => ({
      kind: "dense" as const,
      units: 1 + random.below(20),
      activation: random.pick(["identity", "relu"] as const),
    }))
    const spec: ModelSpec = {
      inputs: 1 + random.below(40),
      layers: [...hidden, { kind: "dense", units: 1 + random.below(10), activation: "identity" }],
      loss: "softmax",
      positiveWeight: 1,
    }
    const rows = 1 + random.below(50)
    const samples = randomSamples(random, spec, rows)
    const key = { seed: random.below(2 ** 32), round: seed, device: [random.below(2 ** 32), 7] } as const
    const settings = {
      epochs: 1 + random.below(3),
      batch: 1 + random.below(16),
      learningRate: 0.05,
      momentum: 0,
      l2: 0,
      proximal: 0,
    }
    const start = init(spec, key)
    const expected = train(spec, start, samples, settings, key)

    const board = new Board(spec, settings.batch, rows, start.length * 2 + 64)
    expect(board.control.parameters).toBe(start.length)
    const result = board.train(start, samples, settings, key)
    expect(result, `seed ${seed}: ${JSON.stringify(spec)}`).toEqual(expected.result)
    expect([board.control.samples, board.control.steps]).toEqual([expected.samples, expected.steps])

    const delta = result.map((value, i) => value - start[i]!)
    const payload = createEncoder(delta.length).encode("int8", delta, key)
    expect(board.encode(delta), `seed ${seed}`).toEqual(Uint8Array.from(payload))
    expect(board.encode(delta.with(0, NaN))).toHaveLength(0)
  }
})

/** What the minimal profile has of the settings. */
function plain({ spec, settings, limit }: TrainingVectors["cases"][number]): boolean {
  const known = ["epochs", "batch", "learningRate"]
  return (
    spec.loss === "softmax" &&
    spec.layers.every((layer) => layer.kind === "dense" && layer.activation !== "tanh") &&
    Object.entries(settings).every(([name, value]) => known.includes(name) || value === 0) &&
    limit === undefined
  )
}

test("the minimal profile gives the golden bytes of training", () => {
  const cases = vectors<TrainingVectors>("training.json").cases.filter(plain)
  expect(cases.map(({ name }) => name)).toContain("17 columns, 70 inputs, 40 rows in a batch")
  expect(cases.length).toBeGreaterThan(5)
  for (const { name, spec, settings, key, rows, ...golden } of cases) {
    const samples = { rows, features: spec.inputs, x: floats(golden.x), y: floats(golden.y) }
    const board = new Board(spec, settings.batch, rows, 64)
    expect(hex(board.train(floats(golden.start), samples, settings, key)), name).toBe(golden.result)
    expect([board.control.samples, board.control.steps], name).toEqual([golden.samples, golden.steps])
  }
})

test("the minimal profile gives the golden bytes of int8", () => {
  const { cases, inputs, keys } = vectors<CodecVectors>("codecs.json")
  const chosen = cases.filter(({ codec }) => codec === "int8")
  expect(chosen.length).toBeGreaterThan(15)
  for (const { input, key, payload } of chosen) {
    const delta = floats(inputs[input]!)
    // A model of as many parameters.
    const spec: ModelSpec = {
      inputs: delta.length,
      layers: [{ kind: "dense", units: 1, activation: "identity" }],
      loss: "softmax",
      positiveWeight: 1,
    }
    const board = new Board(spec, 1, 1, payload.length)
    board.control.key = keys[key]!
    expect(hex(board.encode(delta)), input).toBe(payload)
  }
})
