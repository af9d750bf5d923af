import { FedmoteError } from "../core/error.ts"
import type { Samples } from "../core/samples.ts"

/** One sample: the features in the model's order, and the class index or target. */
export interface Sample {
  readonly features: ArrayLike<number>
  readonly label: number
}

/** Where a device's samples come from: arrays, ready-made matrices, or anything that can be iterated. They stay on the device. */
export type SampleSource = Samples | Iterable<Sample> | AsyncIterable<Sample>

/** Reads a source to its end. Throws `FedmoteError` ("data") naming the sample where one does not have the others' shape or is not finite. */
export async function collectSamples(source: SampleSource): Promise<Samples> {
  if ("rows" in source) return source
  const x: number[] = []
  const y: number[] = []
  let features = 0
  for await (const sample of source) {
    if (y.length === 0) features = sample.features.length
    if (sample.features.length !== features)
      throw new FedmoteError("data", `sample ${y.length}: expected ${features} features, got ${sample.features.length}`)
    for (let j = 0; j < features; j++) x.push(finite(sample.features[j]!, `sample ${y.length}, feature ${j}`))
    y.push(finite(sample.label, `sample ${y.length}, label`))
  }
  return { rows: y.length, features, x: Float32Array.from(x), y: Float32Array.from(y) }
}

function finite(value: number, where: string): number {
  if (!Number.isFinite(value)) throw new FedmoteError("data", `${where}: expected a finite number, got ${value}`)
  return value
}

/** No samples, of any width. */
export const NO_SAMPLES: Samples = { rows: 0, features: 0, x: new Float32Array(0), y: new Float32Array(0) }

/** A device's data: what it trains on, and what it keeps aside to evaluate with. */
export interface DeviceData {
  readonly train: Samples
  readonly test: Samples
  readonly features: number
}

/** Reads both parts. Throws `FedmoteError` ("data") where there is no sample at all, or the parts differ in width. */
export async function loadData(
  data: SampleSource | { readonly train: SampleSource; readonly test?: SampleSource },
): Promise<DeviceData> {
  const parts = "train" in data ? data : { train: data }
  const train = await collectSamples(parts.train)
  const test = parts.test === undefined ? NO_SAMPLES : await collectSamples(parts.test)
  const features = train.rows > 0 ? train.features : test.features
  if (train.rows + test.rows === 0) throw new FedmoteError("data", "expected at least one sample, got none")
  if (train.rows > 0 && test.rows > 0 && test.features !== features)
    throw new FedmoteError(
      "data",
      `expected ${features} features in the test samples as in training, got ${test.features}`,
    )
  return { train: { ...train, features }, test: { ...test, features }, features }
}
