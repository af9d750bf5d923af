import { NO_DEVICE, PURPOSE, philox } from "../core/random.ts"
import { mix } from "../data/hash.ts"

const ROUNDS = 6

/**
 * A keyed order of the numbers 0 to `count - 1` that is never written down: a Feistel network over pairs with cycle walking (Black and Rogaway 2002, "Ciphers with
 * arbitrary finite domains", methods 2 and 3), so that the first million members of a thousand million cost a million steps and no memory. Spreads well; keeps no secret.
 */
export class Permutation {
  readonly #count: number
  readonly #left: number
  readonly #right: number
  readonly #keys = new Uint32Array(ROUNDS)

  /** `count`: 1 to 2^32. `pass` and `walk` number orders of one seed. */
  constructor(count: number, seed: number, walk: number, pass: number) {
    this.#count = count
    this.#left = Math.ceil(Math.sqrt(count))
    this.#right = Math.ceil(count / this.#left)
    const block = new Uint32Array(4)
    for (let i = 0; i < ROUNDS; i++) {
      if (i % 4 === 0) philox(block, i / 4, walk, PURPOSE.selection, seed, NO_DEVICE[0], pass)
      this.#keys[i] = block[i % 4]!
    }
  }

  /** The number at this place of the order. */
  at(place: number): number {
    let number = place
    do number = this.#step(number)
    while (number >= this.#count)
    return number
  }

  // One to one over all pairs, of which there are at most sqrt(count) more than numbers.
  #step(number: number): number {
    const [a, b] = [this.#left, this.#right]
    let left = Math.floor(number / b)
    let right = number - left * b
    for (let i = 0; i < ROUNDS; i += 2) {
      left = (left + mix(right ^ this.#keys[i]!)) % a
      right = (right + mix(left ^ this.#keys[i + 1]!)) % b
    }
    return left * b + right
  }
}
