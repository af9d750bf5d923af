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
  const { sampling, rate } = draw
  const drawn = new Smallest(sampling === "poisson" ? Infinity : draw.count)
  for (const candidate of candidates) {
    const number = numberOf(candidate, draw)
    if (sampling === "poisson" && number >= rate * ALL) continue
    drawn.add(candidate.id, rankOf(candidate, number, draw))
  }
  return drawn.ids().sort(compareIds)
}

/** The ids of the smallest ranks: of a million candidates few are ever looked at twice. */
class Smallest {
  readonly #count: number
  #kept: { readonly id: string; readonly rank: number }[] = []
  /** No rank above can be among them. */
  #most = Infinity

  constructor(count: number) {
    this.#count = count
  }

  add(id: string, rank: number): void {
    if (rank > this.#most) return
    this.#kept.push({ id, rank })
    // Every so often those that are too many are dropped.
    if (this.#kept.length >= 2 * this.#count + 64) this.#prune()
  }

  ids(): string[] {
    this.#prune()
    return this.#kept.map(({ id }) => id)
  }

  #prune(): void {
    if (this.#kept.length <= this.#count) return
    this.#kept.sort((a, b) => a.rank - b.rank || compareIds(a.id, b.id))
    this.#kept.length = this.#count
    this.#most = this.#kept.at(-1)?.rank ?? -Infinity
  }
}

const block = new Uint32Array(4)

/** Uniform over the whole numbers below 2^53. */
function numberOf({ key }: Candidate, { seed, round, attempt }: Draw): number {
  philox(block, attempt, round, PURPOSE.selection, seed, key[0], key[1])
  return block[0]! * 2097152 + (block[1]! >>> 11)
}

function rankOf({ samples }: Candidate, number: number, { sampling, weightCap }: Draw): number {
  switch (sampling) {
    case "uniform":
    case "poisson":
      return number
    case "weighted": {
      // Efraimidis and Spirakis 2006: the smallest of exponential times with rates w are a sample with probabilities proportional to w.
      // The complement of the middle of one of 2^52 equal parts of (0, 1): equal weights win as in uniform sampling.
      const rest = (ALL - 1 - 2 * Math.floor(number / 2)) / ALL
      return -log(rest) / Math.min(samples, weightCap)
    }
    default:
      return unreachable(sampling)
  }
}

function compareIds(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
