import { fileURLToPath } from "node:url"
import { readMeta, clientRows } from "./fl-meta.ts"
import { readPacked } from "./packed.ts"
import type { DatasetParts, Pool } from "./pool.ts"
import { dealOf, sharedFloats } from "./pool.ts"

// The same folder for src/data/telosb.ts and for dist/data/telosb.js.
const FOLDER = fileURLToPath(new URL("../../src/data/telosb/", import.meta.url))

/** Readings in a window: one minute, at one every 5 s. */
export const TELOSB_WINDOW = 12

/** Features of one channel: the newest reading, and how far and how much the window's readings moved. */
const OF_CHANNEL = ["level", "rise", "fall", "motion"]
const CHANNELS = ["humidity", "temperature"]

/** In hundredths of % relative humidity and of a degree: the rise or fall that counts one half. */
const HALF_CHANGE = [100, 20]
/** Sum of the absolute steps over a window that counts one half: a quarter of that change a step. */
const HALF_MOTION = [25 * (TELOSB_WINDOW - 1), 5 * (TELOSB_WINDOW - 1)]

export const TELOSB_FEATURES = CHANNELS.flatMap((channel) => OF_CHANNEL.map((name) => `${channel} ${name}`))

/**
 * The built-in demo: eight TelosB motes, humidity and temperature every 5 s for six hours (Suthaharan et al. 2010), and the question whether an event (hot water
 * steam) is under way. One sample a reading, from the minute that ends with it; its label is that reading's. The first half of a mote's trace is for training, the second for testing, cut
 * before windows are taken, so that none lies in both. Then one mote has seen an event (32 rows), and the test halves hold 275 rows of three others.
 */
export async function readTelosb(): Promise<DatasetParts> {
  const meta = await readMeta(FOLDER)
  const x = await readPacked(FOLDER, "x", meta.files["x"])
  const y = await readPacked(FOLDER, "y", meta.files["y"])
  const motes = clientRows(meta, "clients", meta.clients, x.rows)
  const pool: Pool = {
    values: sharedFloats(x.rows * TELOSB_FEATURES.length),
    stride: TELOSB_FEATURES.length,
    y: sharedFloats(x.rows),
  }
  const train: number[][] = []
  const test: number[][] = []
  for (const { start, count } of motes) {
    const half = start + Math.floor(count / 2)
    train.push(windows(start, half))
    test.push(windows(half, start + count))
  }
  for (const row of [...train, ...test].flat()) {
    telosbFeatures(x.data, row + 1 - TELOSB_WINDOW, pool.values, row * TELOSB_FEATURES.length)
    pool.y[row] = y.data[row]!
  }
  return {
    name: "telosb",
    task: "binary",
    features: TELOSB_FEATURES,
    classes: meta.classes,
    ids: motes.map((mote) => mote.id),
    train: dealOf(pool, train),
    test: dealOf(pool, test),
  }
}

/** The rows in [from, to) whose window lies in it too. */
function windows(from: number, to: number): number[] {
  return Array.from({ length: to - from - TELOSB_WINDOW + 1 }, (_, i) => from + TELOSB_WINDOW - 1 + i)
}

/**
 * The eight features of the window that starts at reading `first`. `readings`: humidity and temperature in turn, in hundredths of % and of a degree, as the sensor
 * gives them. Writes to `out[at..at + 7]`.
 *
 * Of each channel: the level; the rise above the window's lowest reading and the fall below its highest, d / (d + c); and the motion, the sum of
 * absolute steps, likewise. Steam makes humidity jump by tens of percent and temperature with it (rise), both swing while it lasts (motion), the temperature falls as drops evaporate (fall), and
 * the level tells the long plateau from calm. The ratio keeps a jump from outweighing everything else, so that no feature needs clipping; c is a few times what the sensor's noise and the
 * weather do in a minute. All of it is integer arithmetic on a ring of 12 readings and one division a feature, correctly rounded: the same bits on a microcontroller.
 */
export function telosbFeatures(
  readings: ArrayLike<number>,
  first: number,
  out: { [index: number]: number },
  at: number,
): void {
  for (let channel = 0; channel < 2; channel++) {
    const newest = readings[(first + TELOSB_WINDOW - 1) * 2 + channel]!
    let low = newest
    let high = newest
    let motion = 0
    for (let i = TELOSB_WINDOW - 2; i >= 0; i--) {
      const reading = readings[(first + i) * 2 + channel]!
      if (reading < low) low = reading
      if (reading > high) high = reading
      motion += Math.abs(readings[(first + i + 1) * 2 + channel]! - reading)
    }
    const half = HALF_CHANGE[channel]!
    out[at + channel * 4] = newest / 100
    out[at + channel * 4 + 1] = (newest - low) / (newest - low + half)
    out[at + channel * 4 + 2] = (high - newest) / (high - newest + half)
    out[at + channel * 4 + 3] = motion / (motion + HALF_MOTION[channel]!)
  }
}
