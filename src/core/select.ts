import { PURPOSE, philox } from "./random.ts"

/** A device as selection sees it: its id and the first 8 bytes of SHA-256(id) as two words. */
export interface Candidate {
  readonly id: string
  readonly key: readonly [high: number, low: number]
}

/**
 * Uniform selection without replacement: every candidate draws a number from (seed, round, its id), and the `count` smallest win.
 * The outcome depends on nothing else - not on the order of the candidates, nor on when they came. Returned in order of id.
 */
export function select(candidates: Iterable<Candidate>, count: number, seed: number, round: number): string[] {
  const block = new Uint32Array(4)
  const drawn: { readonly id: string; readonly rank: number }[] = []
  for (const { id, key } of candidates) {
    philox(block, 0, round, PURPOSE.selection, seed, key[0], key[1])
    drawn.push({ id, rank: block[0]! * 2097152 + (block[1]! >>> 11) })
  }
  if (drawn.length > count) {
    drawn.sort((a, b) => a.rank - b.rank || compareIds(a.id, b.id))
    drawn.length = count
  }
  return drawn.map((candidate) => candidate.id).sort(compareIds)
}

function compareIds(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
