import { createHash } from "node:crypto"
import { expect, test } from "vitest"
import { GlobalModel } from "../../src/core/global-model.ts"
import { gridExponent } from "../../src/core/grid.ts"
import { NO_DEVICE } from "../../src/core/random.ts"
import { createStrategy } from "../../src/core/strategy.ts"
import { createAccumulator } from "../../src/kernel/accumulator.ts"
import { createFeedbackEncoder } from "../../src/kernel/codec-feedback.ts"
import { createDownlink } from "../../src/kernel/downlink.ts"
import { createEncoder } from "../../src/kernel/encoder.ts"
import { createTrainer } from "../../src/kernel/trainer.ts"
import type { KernelKind, Trainer } from "../../src/kernel/types.ts"
import { deviceKey } from "../../src/net/digest.ts"
import { bytes, doubles, floats, hex, vectors } from "./codec-support.ts"
import type { GoldenFederation, GoldenTraining, RoundVectors } from "./golden.ts"

const { cases } = vectors<RoundVectors>("round.json")

/** Rounds from the samples to the digest of the next model, against the golden bytes. */
export function roundSuite(kind: KernelKind): void {
  test.each(cases)("rounds: $name", (golden) => {
    const { spec, seed, cohort, weightCap, rounds } = golden
    expect(gridExponent(cohort, weightCap, golden.largestDelta)).toBe(golden.g)
    const devices = golden.devices.map((_, i) => new GoldenDevice(golden, i, kind))
    for (const { id, device } of golden.devices) expect(deviceKey(id)).toEqual(device)
    const first = createTrainer(spec, { batch: 1, rows: 1 }, kind).init({ seed, round: 0, device: NO_DEVICE })
    expect(hex(first)).toBe(golden.init)
    const [from, to] = golden.sharedParameters ?? [0, first.length]
    const model = new GlobalModel(first, createStrategy(AVERAGE, to - from), {
      shared: { from, to },
      downlink: golden.downlink && createDownlink({ codec: golden.downlink, size: to - from, seed, kind }),
    })
    const sums = createAccumulator({ size: to - from, gridExponent: golden.g, cohort, weightCap, kind })
    for (const { round, updates, ...after } of rounds) {
      sums.reset(golden.g)
      for (const [i, device] of devices.entries()) {
        device.train(round, model.devices, updates[i]!)
        // What is folded is what the round's device sent; here, and in the other order below.
        const { codec, payload, weight } = updates[i]!
        sums.fold(codec, bytes(payload), weight, device.key(round))
      }
      expect([hex(sums.sum), sums.weight]).toEqual([after.sum, after.weight])
      sums.reset(golden.g)
      for (const [i, { codec, payload, weight }] of [...updates.entries()].toReversed())
        sums.fold(codec, bytes(payload), weight, devices[i]!.key(round))
      expect(hex(sums.sum)).toBe(after.sum)
      model.commit(sums.sum, sums.weight, after.version)
      expect(model.exact).toEqual(doubles(after.exact))
      expect(model.delta && hex(model.delta.payload)).toBe(after.downlink)
      expect(hex(model.devices)).toBe(after.model)
      expect(createHash("sha256").update(bytes(after.model)).digest("hex")).toBe(after.digest)
    }
  })
}

const AVERAGE = { name: "fedavg", serverLearningRate: 1, momentum: 0, beta1: 0, beta2: 0, tau: 1 } as const

/** One device of a golden federation, with what it keeps from round to round. */
class GoldenDevice {
  readonly #golden: GoldenFederation
  readonly #index: number
  readonly #trainer: Trainer
  readonly #own: Float32Array
  readonly #encode: (update: GoldenTraining, delta: Float32Array, round: number) => Uint8Array
  readonly #residual: Float32Array

  constructor(golden: GoldenFederation, index: number, kind: KernelKind) {
    this.#golden = golden
    this.#index = index
    const { rows } = golden.devices[index]!
    this.#trainer = createTrainer(golden.spec, { batch: golden.settings.batch, rows }, kind)
    this.#own = floats(golden.init)
    const size = floats(golden.rounds[0]!.updates[0]!.delta).length
    this.#residual = new Float32Array(size)
    const plain = createEncoder(size, kind)
    const carrying = createFeedbackEncoder(size, kind)
    this.#encode = ({ codec }, delta, round) =>
      golden.feedback === true
        ? carrying.encode(codec, delta, this.#residual, this.key(round))
        : plain.encode(codec, delta, this.key(round))
  }

  key(round: number): { seed: number; round: number; device: readonly [number, number] } {
    return { seed: this.#golden.seed, round, device: this.#golden.devices[this.#index]!.device }
  }

  train(round: number, model: Float32Array, update: GoldenTraining): void {
    const { spec, settings, devices, sharedParameters } = this.#golden
    const { rows, x, y } = devices[this.#index]!
    const [from, to] = sharedParameters ?? [0, model.length]
    this.#own.set(model.subarray(from, to), from)
    const trainer = this.#trainer
    const samples = { rows, features: spec.inputs, x: floats(x), y: floats(y) }
    trainer.begin(this.#own, samples, settings, this.key(round))
    trainer.advance(update.limit ?? Infinity)
    const { steps, samples: processed, lossSum } = trainer.outcome()
    expect([steps, processed, lossSum]).toEqual([update.steps, update.samples, doubles(update.lossSum)[0]])
    expect(Math.min(processed, this.#golden.weightCap)).toBe(update.weight)
    expect(hex(trainer.result)).toBe(update.result)
    const delta = trainer.delta().subarray(from, to)
    expect(hex(delta)).toBe(update.delta)
    this.#own.set(trainer.result)
    expect(hex(this.#encode(update, delta, round))).toBe(update.payload)
    if (update.residual !== undefined) expect(hex(this.#residual)).toBe(update.residual)
  }
}
