/** Whoever may be dead, or stand still for a while. */
export interface Owner {
  readonly alive: boolean
  readonly frozenUntilMs: number
}

interface Entry {
  atMs: number
  readonly order: number
  readonly owner: Owner | undefined
  run: (() => void) | undefined
}

/** Virtual time: what happens, happens in the order of its times, one thing after the other, and nothing else moves the clock. */
export class Scheduler {
  /** A binary heap, the next entry first. */
  readonly #heap: Entry[] = []
  #nowMs = 0
  #count = 0
  #steps = 0

  get nowMs(): number {
    return this.#nowMs
  }

  /** What has happened so far. */
  get steps(): number {
    return this.#steps
  }

  /** Calls `run` at that time, unless its owner is dead then; an owner that stands still gets everything afterwards, in order. Returns what cancels it. */
  at(atMs: number, owner: Owner | undefined, run: () => void): () => void {
    const entry: Entry = { atMs: Math.max(atMs, this.#nowMs), order: this.#count++, owner, run }
    this.#push(entry)
    return () => {
      entry.run = undefined
    }
  }

  /** The next thing, and all that follows from it without the clock. False where there is nothing more. */
  async step(): Promise<boolean> {
    for (;;) {
      const entry = this.#pop()
      if (entry === undefined) return false
      const { run, owner } = entry
      if (run === undefined || owner?.alive === false) continue
      if (owner !== undefined && owner.frozenUntilMs > entry.atMs) {
        entry.atMs = owner.frozenUntilMs
        this.#push(entry)
        continue
      }
      this.#nowMs = entry.atMs
      this.#steps++
      run()
      await drained()
      return true
    }
  }

  #push(entry: Entry): void {
    const heap = this.#heap
    let at = heap.push(entry) - 1
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!isBefore(entry, heap[parent]!)) break
      heap[at] = heap[parent]!
      at = parent
    }
    heap[at] = entry
  }

  #pop(): Entry | undefined {
    const heap = this.#heap
    const top = heap[0]
    const last = heap.pop()
    if (top === undefined || last === undefined || heap.length === 0) return top
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++
      if (!isBefore(heap[child]!, last)) break
      heap[at] = heap[child]!
      at = child
    }
    heap[at] = last
    return top
  }
}

function isBefore(a: Entry, b: Entry): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order)
}

/** Resolves when no microtask is left: Node runs what `nextTick` has queued once their queue is empty. */
function drained(): Promise<void> {
  return new Promise((resolve) => process.nextTick(resolve))
}
