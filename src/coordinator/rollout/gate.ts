/** Which module each device trains with, and which of them the rounds take: a sum has updates of one training program alone. */
export class ModuleGate {
  readonly slot: string
  #least: number
  #sequence: number
  /** Of the devices that have said so; the others train with the built-in kernels. */
  readonly #active = new Map<string, number>()

  /** `least`: what the plan asks for, or what is settled. */
  constructor(slot: string, least: number) {
    this.slot = slot
    this.#least = least
    this.#sequence = least
  }

  /** The module of the rounds now; 0 for the built-in kernels. */
  get sequence(): number {
    return this.#sequence
  }

  /** No device goes back below it. Never above the rounds' module: what is settled meanwhile counts from the next choice. */
  get least(): number {
    return Math.min(this.#least, this.#sequence)
  }

  /** Raises what is asked for: once devices have it, rounds take nothing below. */
  settle(least: number): void {
    this.#least = Math.max(this.#least, least)
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
      if (active >= this.#least) counts.set(active, (counts.get(active) ?? 0) + 1)
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
