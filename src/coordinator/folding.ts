import { codecName } from "../core/codec.ts"
import { lossUnits } from "../core/federation.ts"
import type { Contribution, Federation, RoundSums } from "../core/federation.ts"
import { FedmoteError } from "../core/error.ts"
import { LIMBS } from "../core/limbs.ts"
import type { RandomKey } from "../core/random.ts"
import type { RoundKind } from "../core/round.ts"
import { weightOf } from "../core/staleness.ts"
import { createAccumulator } from "../kernel/accumulator.ts"
import type { AccumulatorOptions } from "../kernel/accumulator.ts"
import { NormBound } from "../kernel/norm.ts"
import type { Accumulator } from "../kernel/types.ts"
import { floatsOf } from "../net/digest.ts"
import type { WholeUpdate } from "../wire/reassembly.ts"

/** Counts and limbs in statistics and evaluations are below. */
const COUNT_BOUND = 2 ** 24

/** The sums of one round at a time. An update is folded when it is whole, and dropped. */
export class Folding {
  readonly #federation: Federation
  readonly #recordCohorts: boolean
  readonly #create: (options: AccumulatorOptions) => Accumulator
  readonly #normBound: NormBound | undefined
  /** Training's accumulator serves every round: its memory is the largest thing that a coordinator has. */
  #training: Accumulator | undefined
  #accumulator: Accumulator | undefined
  #kind: RoundKind = "train"
  #version = 0
  #beganAtMs = 0
  #contributions: Contribution[] = []
  #samples = 0
  #lossSum = 0
  #uplinkBytes = 0
  #downlinkBytes = 0

  constructor(federation: Federation, recordCohorts: boolean, create = createAccumulator) {
    this.#federation = federation
    this.#recordCohorts = recordCohorts
    this.#create = create
    const { updateNorm } = federation.plan
    const { size } = federation.shape("train", 1)
    this.#normBound = updateNorm === undefined ? undefined : new NormBound(size, updateNorm)
  }

  /** An empty sum for `devices` updates. */
  begin(kind: RoundKind, devices: number, nowMs: number, downlinkBytes: number): void {
    const { size, gridExponent, weightCap, largest, bound } = this.#federation.shape(kind, devices)
    if (kind === "train" && this.#training !== undefined) {
      this.#training.reset(gridExponent, bound, weightCap, largest)
      this.#accumulator = this.#training
    } else {
      this.#accumulator = this.#create({ size, gridExponent, cohort: bound, weightCap, largest })
      if (kind === "train") this.#training = this.#accumulator
    }
    this.#kind = kind
    this.#version = this.#federation.version
    this.#beganAtMs = nowMs
    this.#contributions = []
    this.#samples = 0
    this.#lossSum = 0
    this.#uplinkBytes = 0
    // What was received for a round that was abandoned counts for the one that comes of it.
    this.#downlinkBytes += downlinkBytes
  }

  /** More was received for the round that is open. */
  received(downlinkBytes: number): void {
    this.#downlinkBytes += downlinkBytes
  }

  /** Adds one update, trained from the version of `staleness` commits ago. Throws `FedmoteError` with the reason where it is refused; the sums are then as they were. */
  fold(update: WholeUpdate, key: RandomKey, uplinkBytes: number, staleness = 0): void {
    const accumulator = this.#accumulator
    if (accumulator === undefined) throw new FedmoteError("internal", "expected a round to fold into, none has begun")
    const { device, samples, steps, baseVersion, payload } = update
    const version = this.#version - staleness
    if (baseVersion !== version)
      throw refusal(`expected an update of model version ${version}, got one of version ${baseVersion}`)
    const codec = codecName(update.codec)
    if (this.#kind === "train") {
      const { codecs, late } = this.#federation.plan
      if (codec === undefined || !codecs.includes(codec))
        throw refusal(`expected one of the codecs ${codecs.join(", ")}, got ${codec ?? update.codec}`)
      if (!(samples >= 1 && steps >= 1 && steps <= samples))
        throw refusal("expected steps, and at least as many samples")
      this.#normBound?.check(codec, payload, key)
      accumulator.fold(codec, payload, weightOf(samples, accumulator.weightCap, late.exponent, staleness), key)
    } else {
      if (codec !== "f32") throw refusal(`expected codec f32 in a round of counts, got ${codec ?? update.codec}`)
      checkCounts(this.#kind, payload, accumulator.size)
      accumulator.fold(codec, payload, 1, key)
    }
    this.#samples += samples
    this.#lossSum += lossOf(update)
    this.#uplinkBytes += uplinkBytes
    if (this.#recordCohorts) this.#contributions.push({ device, steps, samples, staleness })
  }

  /** The round's sums: a view of the accumulator, valid until the next `begin`. */
  finish(nowMs: number): RoundSums {
    const { sum, weight, count } = this.#accumulator!
    const downlinkBytes = this.#downlinkBytes
    this.#downlinkBytes = 0
    return {
      sum,
      weight,
      count,
      samples: this.#samples,
      lossSum: this.#lossSum,
      ...(this.#recordCohorts ? { contributions: this.#contributions } : {}),
      uplinkBytes: this.#uplinkBytes,
      downlinkBytes,
      seconds: (nowMs - this.#beganAtMs) / 1000,
    }
  }
}

/** NaN where the device's trainer tells none. */
function lossOf({ metrics }: WholeUpdate): number {
  return lossUnits(metrics[0] ?? NaN)
}

// What a refusal says is logged: nothing in it tells what a device has counted.
//
// Only what a device can really have counted may reach the totals: whole numbers, none negative but the limbs of a sum of readings.
function checkCounts(kind: RoundKind, payload: Uint8Array, size: number): void {
  if (payload.length !== 4 * size) throw refusal(`expected a payload of ${4 * size} bytes, got ${payload.length}`)
  const values = floatsOf(payload)
  if (kind === "statistics" && !(values[0]! >= 1)) throw refusal("expected at least one row")
  for (let i = 0; i < size; i++) {
    const value = values[i]!
    const signed = kind === "statistics" && i > 0 && Math.floor((i - 1) / LIMBS) % 2 === 0
    if (!(Number.isInteger(value) && value < COUNT_BOUND && value > (signed ? -COUNT_BOUND : -1)))
      throw refusal(
        `expected ${signed ? "whole numbers" : "counts"} below ${COUNT_BOUND} in size, got another value at index ${i}`,
      )
  }
}

function refusal(reason: string): FedmoteError {
  return new FedmoteError("update", reason)
}
