import { fork } from "node:child_process"
import type { ChildProcess } from "node:child_process"
import { once } from "node:events"
import type { Samples } from "../../src/core/samples.ts"
import { createTrainer } from "../../src/kernel/index.ts"
import { sample } from "../kernel/codec-support.ts"
import { mlp } from "./mlp.ts"
import { measured, median } from "./result.ts"
import type { Measured } from "./result.ts"
import type { Answer, Request } from "./tfjs-process.ts"

const BATCH = 32
const SETTINGS = { epochs: 1, batch: BATCH, learningRate: 0.05, momentum: 0, l2: 0, proximal: 0 }
const KEY = { seed: 1, round: 1, device: [1, 2] } as const

interface Case {
  readonly sizes: readonly number[]
  /** Of one client, in whole batches: a person of UCI HAR has 343 windows on average, one of a hundred MNIST clients 600 images. */
  readonly rows: number
  readonly atLeast: number
}

const CASES: readonly Case[] = [
  { sizes: [66, 32, 6], rows: 11 * BATCH, atLeast: 100 },
  { sizes: [561, 64, 6], rows: 11 * BATCH, atLeast: 15 },
  { sizes: [784, 200, 200, 10], rows: 19 * BATCH, atLeast: 10 },
]

/** TensorFlow.js in its process: one request at a time. */
class Other {
  readonly #process: ChildProcess

  constructor() {
    const file = new URL("tfjs-process.ts", import.meta.url)
    this.#process = fork(file, { serialization: "advanced", stdio: ["ignore", "ignore", "inherit", "ipc"] })
  }

  async ask(request: Request): Promise<Answer> {
    const settled = new AbortController()
    const { signal } = settled
    const answer = once(this.#process, "message", { signal }).then(([value]) => value as Answer)
    const end = once(this.#process, "exit", { signal }).then(([code]) => {
      throw new Error(`the process of TensorFlow.js ended with ${String(code)}`)
    })
    this.#process.send(request)
    try {
      return await Promise.race([answer, end])
    } finally {
      settled.abort()
      await Promise.allSettled([answer, end])
    }
  }

  stop(): void {
    this.#process.kill()
  }
}

/** Noise, in which one feature of each class stands out. */
function samplesOf(sizes: readonly number[], rows: number): Samples {
  const features = sizes[0]!
  const x = sample("normal", rows * features, 3)
  const y = Float32Array.from({ length: rows }, (_, i) => (i * 7) % sizes.at(-1)!)
  for (const [i, label] of y.entries()) x[i * features + label]! += 2
  return { rows, features, x, y }
}

/** Ten steps on one batch, where no order of rows matters: throws unless both end with the same parameters and loss. */
async function agree(other: Other, sizes: readonly number[]): Promise<void> {
  const samples = samplesOf(sizes, BATCH)
  const trainer = createTrainer(mlp(...sizes), { batch: BATCH, rows: BATCH })
  const start = trainer.init(KEY)
  const epochs = 10
  await other.ask({ ask: "model", sizes, ...SETTINGS, ...samples, start })
  const theirs = await other.ask({ ask: "fit", epochs })
  const ours = trainer.train(start, samples, { ...SETTINGS, epochs }, KEY)
  const loss = ours.lossSum / ours.samples
  const distance = (a: Float32Array, b: Float32Array): number =>
    Math.sqrt(a.reduce((sum, value, i) => sum + (value - b[i]!) ** 2, 0))
  const apart = distance(trainer.result, theirs.parameters) / distance(trainer.result, start)
  if (!(apart < 1e-5 && Math.abs(theirs.loss / loss - 1) < 1e-5))
    throw new Error(
      `${sizes.join("-")}: expected both to train alike, got a difference of ${apart} of the way and losses ${loss}, ${theirs.loss}`,
    )
}

/** Milliseconds in which both run before they are measured: V8 takes its time to compile what TensorFlow.js does. */
const WARM_UP_MS = 1500
const TURNS = 25
/** The least time of our turn. */
const TURN_MS = 4

interface Seconds {
  readonly theirs: number
  readonly ours: number
}

/** Seconds of both by turns, medians. `theirs` says how long it took. */
async function byTurns(theirs: () => Promise<number>, ours: () => void): Promise<Seconds> {
  const turns: Seconds[] = []
  const warm = performance.now() + WARM_UP_MS
  while (turns.length < TURNS) {
    const seconds = await theirs()
    const begin = performance.now()
    let times = 0
    do {
      ours()
      times++
    } while (performance.now() < begin + TURN_MS)
    const end = performance.now()
    if (begin > warm) turns.push({ theirs: seconds, ours: (end - begin) / 1000 / times })
  }
  return { theirs: median(turns.map((turn) => turn.theirs)), ours: median(turns.map((turn) => turn.ours)) }
}

async function compare(other: Other, { sizes, rows, atLeast }: Case): Promise<Measured[]> {
  await agree(other, sizes)
  const samples = samplesOf(sizes, rows)
  const trainer = createTrainer(mlp(...sizes), { batch: BATCH, rows })
  const start = trainer.init(KEY)
  const steps = rows / BATCH
  const pair = (name: string, { theirs, ours }: Seconds, budget?: Measured["budget"]): Measured[] => {
    const row = { group: "tfjs", name: `${name}, ${sizes.join("-")}, batch ${BATCH}`, unit: "us a step" }
    return [
      measured({
        ...row,
        value: (ours / steps) * 1e6,
        against: "TensorFlow.js",
        ratio: theirs / ours,
        ...(budget === undefined ? {} : { budget }),
      }),
      measured({ ...row, name: `${row.name}, TensorFlow.js`, value: (theirs / steps) * 1e6 }),
    ]
  }
  await other.ask({ ask: "model", sizes, ...SETTINGS, ...samples, start })
  const training = await byTurns(
    async () => (await other.ask({ ask: "fit", epochs: 1 })).seconds,
    () => trainer.train(start, samples, SETTINGS, KEY),
  )
  trainer.begin(start, samples, { ...SETTINGS, epochs: 1e6, learningRate: 1e-6 }, KEY)
  const alone = await byTurns(
    async () => (await other.ask({ ask: "steps", times: steps })).seconds,
    () => trainer.advance(steps),
  )
  return [...pair("local training", training, { atLeast }), ...pair("steps alone", alone)]
}

/**
 * Whole training steps against TensorFlow.js on its WASM backend, SIMD, one thread: the same data, start, loss and plain SGD. "Local training" is what
 * a client does in a round: parameters and samples in, an epoch of shuffled batches, parameters out (there: `fit`). "Steps alone" leave all but the
 * step out (there: `trainOnBatch`, ever the same batch, which is on the backend; here the batches are still gathered).
 */
export async function bench(): Promise<Measured[]> {
  const other = new Other()
  try {
    const results: Measured[] = []
    for (const each of CASES) results.push(...(await compare(other, each)))
    return results
  } finally {
    other.stop()
  }
}
