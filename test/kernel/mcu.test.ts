import { readFileSync } from "node:fs"
import { expect, test } from "vitest"
import type { ModelSpec } from "../../src/core/model.ts"
import { Control } from "../../src/kernel/control.ts"
import { createEncoder } from "../../src/kernel/encoder.ts"
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

    const mcu = new WebAssembly.Instance(module).exports as Mcu
    expect(mcu.abi()).toBe(1)
    new Control({ memory: mcu.memory.buffer, base: mcu.base() }).describe(spec)
    const bytes = mcu.setup(settings.batch, rows)
    const payloadAt = bytes
    mcu.memory.grow(Math.ceil((bytes + start.length * 2 + 64) / 65536) - mcu.memory.buffer.byteLength / 65536)
    const memory = mcu.memory.buffer
    const control = new Control({ memory, base: mcu.base() })
    const { addresses } = control
    const reals = (at: number, length: number): Float32Array => new Float32Array(memory, at, length)
    expect(control.parameters).toBe(start.length)
    reals(addresses.start, start.length).set(start)
    reals(addresses.x, samples.x.length).set(samples.x)
    reals(addresses.y, rows).set(samples.y)
    control.rows = rows
    control.settings = settings
    control.key = key
    mcu.begin()
    while (mcu.advance(2) === 0);
    mcu.collect()
    const result = reals(addresses.result, start.length)
    expect(result, `seed ${seed}: ${JSON.stringify(spec)}`).toEqual(expected.result)
    expect([control.samples, control.steps]).toEqual([expected.samples, expected.steps])

    const delta = result.map((value, i) => value - start[i]!)
    reals(addresses.candidate, delta.length).set(delta)
    const length = mcu.encode(payloadAt, addresses.candidate, delta.length)
    const payload = createEncoder(delta.length).encode("int8", delta, key)
    expect(new Uint8Array(memory, payloadAt, length), `seed ${seed}`).toEqual(Uint8Array.from(payload))
    reals(addresses.candidate, delta.length)[0] = NaN
    expect(mcu.encode(payloadAt, addresses.candidate, delta.length)).toBe(0)
  }
})
