/** Numbers appended one after the other, without knowing how many will come. */
export class Growing {
  #values: Float32Array
  #length = 0

  constructor(capacity = 1024) {
    this.#values = new Float32Array(capacity)
  }

  get length(): number {
    return this.#length
  }

  push(value: number): void {
    if (this.#length === this.#values.length) {
      const larger = new Float32Array(this.#values.length * 2)
      larger.set(this.#values)
      this.#values = larger
    }
    this.#values[this.#length++] = value
  }

  /** What has come so far: a view, valid until the next `push`. */
  get view(): Float32Array {
    return this.#values.subarray(0, this.#length)
  }
}
