import { log } from "./elementary.ts"
import { unreachable } from "./error.ts"
import { PURPOSE, philox } from "./random.ts"

/**
 * uniform: without replacement, all alike. weighted: without replacement, one after the other with a probability proportional to the samples.
 * poisson: each device by itself with a fixed probability, so that the number varies (what privacy accounting by amplification asks for).
 */
export type Sampling = "uniform" | "weighted" | "poisson"

/** A device as selection sees it: its id and the first 8 bytes of SHA-256(id) as two words. */
export interface Candidate {
  readonly id: string
  readonly key: readonly [high: number, low: number]
  /** Only weighted sampling looks at it: above 0. */
  readonly samples: number
}

/** What decides a draw besides the candidates. */
export interface Draw {
  readonly sampling: Sampling
  readonly seed: number
  readonly round: number
  /** Draws of the same round before this one: a round that was abandoned asks others. */
  readonly attempt: number
  /** uniform and weighted: devices wanted. */
  readonly count: number
  /** poisson: probability of each device. */
  readonly rate: number
  /** weighted: more samples than these count as these. */
  readonly weightCap: number
}

const ALL = 2 ** 53

/**
 * The devices drawn, in order of id. Every candidate draws a number from (seed, round, attempt, its id), and nothing else decides but its
 * weight: not the order of the candidates, nor when they came, nor who else is there - except that the smallest `count` numbers win.
 */
export function select(candidates: Iterable<Candidate>, draw: Draw): string[] {
  return (draw.sampling === "poisson" ? drawEach(candidates, draw) : drawSome(candidates, draw)).sort()
}

function drawEach(candidates: Iterable<Candidate>, draw: Draw): string[] {
  const ids: string[] = []
  for (const candidate of candidates) if (numberOf(candidate, draw) < draw.rate * ALL) ids.push(candidate.id)
  return ids
}

function drawSome(candidates: Iterable<Candidate>, draw: Draw): string[] {
  // Where there are no more than are wanted, nobody needs a number.
  const all: Candidate[] = []
  let drawn: Smallest | undefined
  for (const candidate of candidates) {
    if (all.length < draw.count) all.push(candidate)
    else {
      drawn ??= new Smallest(draw, all)
      drawn.add(candidate)
    }
  }
  return drawn?.ids() ?? all.map(({ id }) => id)
}

/** The ids of the smallest ranks: of a million candidates few are ever looked at twice. */
class Smallest {
  readonly #draw: Draw
  #kept: { readonly id: string; readonly rank: number }[] = []
  /** No rank above can be among them. */
  #most = Infinity

  constructor(draw: Draw, first: Iterable<Candidate>) {
    this.#draw = draw
    for (const candidate of first) this.add(candidate)
  }

  add(candidate: Candidate): void {
    const rank = rankOf(candidate, this.#draw)
    if (rank > this.#most) return
    this.#kept.push({ id: candidate.id, rank })
    // Every so often those that are too many are dropped.
    if (this.#kept.length >= 2 * this.#draw.count + 64) this.#prune()
  }

  ids(): string[] {
    this.#prune()
    return this.#kept.map(({ id }) => id)
  }

  #prune(): void {
    const { count } = this.#draw
    if (this.#kept.length <= count) return
    this.#kept.sort((a, b) => a.rank - b.rank || compareIds(a.id, b.id))
    this.#kept.length = count
    this.#most = this.#kept.at(-1)?.rank ?? -Infinity
  }
}

const block = new Uint32Array(4)

/** Uniform over the whole numbers below 2^53. */
function numberOf({ key }: Candidate, { seed, round, attempt }: Draw): number {
  philox(block, attempt, round, PURPOSE.selection, seed, key[0], key[1])
  return block[0]! * 2097152 + (block[1]! >>> 11)
}

function rankOf(candidate: Candidate, draw: Draw): number {
  const number = numberOf(candidate, draw)
  switch (draw.sampling) {
    case "uniform":
    case "poisson":
      return number
    case "weighted": {
      // Efraimidis and Spirakis 2006: the smallest of exponential times with rates w are a sample with probabilities proportional to w.
      // The complement of the middle of one of 2^52 equal parts of (0, 1): equal weights win as in uniform sampling.
      const rest = (ALL - 1 - 2 * Math.floor(number / 2)) / ALL
      return -log(rest) / Math.min(candidate.samples, draw.weightCap)
    }
    default:
      return unreachable(draw.sampling)
  }
}

function compareIds(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
