import { readFileSync } from "node:fs"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import type { ModelSpec } from "../../src/core/model.ts"
import { Control } from "../../src/kernel/control.ts"
import { instantiate } from "../../src/kernel/module.ts"
import type { TrainOptions } from "../../src/kernel/types.ts"
import { Script, Witness, missing } from "./wasm2c.ts"

interface Key {
  readonly seed: number
  readonly round: number
  readonly device: readonly [number, number]
}

interface Training {
  readonly name: string
  readonly spec: ModelSpec
  readonly settings: TrainOptions
  readonly key: Key
  readonly rows: number
  readonly [vector: string]: unknown
}

interface Encoded {
  readonly input: string
  readonly codec: string
  readonly key: number
  readonly payload: string
  readonly biased?: boolean
}

/** Codecs by the function that encodes them and its last arguments. */
const ENCODERS: { readonly [codec: string]: readonly [name: string, ...values: number[]] } = {
  int8: ["encodeBlocks", 8, 1],
  "int8-nearest": ["encodeBlocks", 8, 0],
  int4: ["encodeBlocks", 4, 1],
  "int4-nearest": ["encodeBlocks", 4, 0],
  eden1: ["encodeEden", 1],
  eden2: ["encodeEden", 2],
  eden4: ["encodeEden", 4],
}

const PAGES = 64
const read = (name: string): unknown =>
  JSON.parse(readFileSync(new URL(`../vectors/kernels/${name}.json`, import.meta.url), "utf8"))

describe("the scalar kernels as C", () => {
  let witness: Witness | undefined
  beforeAll(() => {
    const lacking = missing()
    if (lacking !== undefined) throw new Error(`these tests need ${lacking}: see test/system-packages.sh`)
    witness = new Witness(PAGES)
  })
  afterAll(() => witness?.close())

  test("training, evaluation and prediction give the golden bytes", () => {
    const { cases } = read("training") as { readonly cases: readonly Training[] }
    for (const { name, spec, settings, key, rows, ...golden } of cases) {
      const hex = (vector: string): string => golden[vector] as string
      const bytes = (vector: string): Buffer => Buffer.from(hex(vector), "hex")
      // The same module here says where things lie; it is asked for nothing else.
      const { memory, base, functions } = instantiate("scalar", PAGES * 65536 - 65536)
      const control = new Control({ memory, base })
      control.describe(spec)
      functions["setup"]!(settings.batch, rows)
      control.rows = rows
      control.settings = settings
      control.key = key
      const { addresses, outputs, parameters } = control
      const script = new Script()
      script.put(base, new Uint8Array(memory, base, 2048))
      script.call("setup", settings.batch, rows)
      script.put(addresses.x, bytes("x"))
      script.put(addresses.y, bytes("y"))
      script.call("init")
      script.get(addresses.candidate, 4 * parameters)
      script.put(addresses.start, bytes("start"))
      script.call("begin")
      script.call("advance", 2 ** 31 - 1)
      script.call("collect")
      script.get(addresses.result, 4 * parameters)
      script.get(base + 128, 8)
      script.put(addresses.candidate, bytes("result"))
      script.call("predict")
      script.get(addresses.predictions, 4 * rows * outputs)
      script.call("evaluate", 0)
      script.get(base + 128, 24)
      const [, , init, , , , result, lossSum, , predictions, , sums] = witness!.run(script)
      expect({ name, init, result, lossSum, predictions, sums }).toEqual({
        name,
        init: hex("init"),
        result: hex("result"),
        lossSum: hex("lossSum"),
        predictions: hex("predictions"),
        sums: ["lossSum", "squaredError", "absoluteError"]
          .map((sum) => (golden["evaluation"] as { readonly [sum: string]: string })[sum])
          .join(""),
      })
    }
  })

  test("codecs give the golden bytes", () => {
    const { keys, inputs, cases } = read("codecs") as {
      readonly keys: readonly Key[]
      readonly inputs: { readonly [name: string]: string }
      readonly cases: readonly Encoded[]
    }
    const { base } = instantiate("scalar", 0)
    const chosen = cases.filter(({ codec }) => ENCODERS[codec] !== undefined)
    expect(chosen.length).toBeGreaterThan(100)
    const script = new Script()
    for (const { input, codec, key, payload, biased } of chosen) {
      const delta = Buffer.from(inputs[input]!, "hex")
      const to = base + 2 * 2 ** 20
      const { seed, round, device } = keys[key]!
      const [name, ...values] = ENCODERS[codec]!
      if (name === "encodeEden") values.push(biased === true ? 1 : 0)
      // Sources hold zeros past their end.
      script.put(base, Buffer.concat([delta, Buffer.alloc(4096)]))
      script.call("codecKey", seed, round, ...device)
      script.call(name, to, base, delta.length / 4, ...values)
      script.get(to, payload.length / 2)
    }
    const answers = witness!.run(script)
    for (const [i, { input, codec, payload }] of chosen.entries()) {
      expect(Number(answers[3 * i + 1]), `${codec} of ${input}`).toBe(payload.length / 2)
      expect(answers[3 * i + 2], `${codec} of ${input}`).toBe(payload)
    }
  })
})
