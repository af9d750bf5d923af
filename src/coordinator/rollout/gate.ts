/** Which module each device trains with, and which of them the rounds take: a sum has updates of one training program alone. */
export class ModuleGate {
  readonly slot: string
  /** Rounds take no module below it. */
  #asked: number
  #settled: number
  #sequence: number
  /** Of the devices that have said so; the others train with the built-in kernels. */
  readonly #active = new Map<string, number>()

  /** `asked`: what the plan asks for; 0 for nothing. `settled`: the module of the last rollout that was completed. */
  constructor(slot: string, asked: number, settled: number) {
    this.slot = slot
    this.#settled = settled
    this.#asked = Math.max(asked, settled)
    this.#sequence = this.#asked
  }

  /** The module of the rounds now; 0 for the built-in kernels. */
  get sequence(): number {
    return this.#sequence
  }

  /** What rounds take at least. */
  get asked(): number {
    return this.#asked
  }

  /**
   * No device goes back below it: what is settled, since a plan may ask for a module that turns out to be bad. Never above the rounds' module: what is
   * settled meanwhile counts from the next choice.
   */
  get least(): number {
    return Math.min(this.#settled, this.#sequence)
  }

  /** Every device is to have this module: once some have it, rounds take nothing below. */
  settle(sequence: number): void {
    this.#settled = sequence
    this.#asked = Math.max(this.#asked, sequence)
  }

  /** Whether any device has a module, or is to have one. */
  get matters(): boolean {
    return this.#active.size > 0 || this.#sequence > 0
  }

  /** What a device trains with. */
  activeOf(device: string): number {
    return this.#active.get(device) ?? 0
  }

  /** A device has said what it trains with. */
  runs(device: string, sequence: number): void {
    if (sequence === 0) this.#active.delete(device)
    else this.#active.set(device, sequence)
  }

  admits(device: string): boolean {
    return this.activeOf(device) === this.#sequence
  }

  /**
   * Between two rounds: the module that most of these devices train with, the newer of two that are as many; what it was where none has one that is
   * asked for. Whether it is another now.
   */
  choose(ready: Iterable<string>): boolean {
    const counts = new Map<number, number>()
    for (const device of ready) {
      const active = this.activeOf(device)
      if (active >= this.#asked) counts.set(active, (counts.get(active) ?? 0) + 1)
    }
    const before = this.#sequence
    let most = 0
    for (const [sequence, count] of counts) {
      if (count < most || (count === most && sequence < this.#sequence)) continue
      most = count
      this.#sequence = sequence
    }
    return this.#sequence !== before
  }
}
