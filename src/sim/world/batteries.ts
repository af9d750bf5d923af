import type { ClassSpec } from "./spec.ts"

interface Charge {
  readonly joules: number
  readonly atMs: number
}

/** Batteries of those who have worked; everybody else's is full. */
export class Batteries {
  readonly #charges = new Map<number, Charge>()

  /** Joules of client `index` at a moment; `Infinity` on mains. */
  level(index: number, { battery }: ClassSpec, nowMs: number): number {
    if (battery === undefined) return Infinity
    const { joules, atMs } = this.#charges.get(index) ?? { joules: battery.joules, atMs: 0 }
    return Math.min(battery.joules, joules + (battery.chargeWatts * Math.max(0, nowMs - atMs)) / 1000)
  }

  /** Whether it is above its reserve. */
  isEnough(index: number, spec: ClassSpec, nowMs: number): boolean {
    const { battery } = spec
    return battery === undefined || this.level(index, spec, nowMs) > battery.reserve * battery.joules
  }

  spend(index: number, spec: ClassSpec, joules: number, nowMs: number): void {
    if (spec.battery === undefined) return
    // Work may end behind the moment at which it is paid for.
    const atMs = Math.max(nowMs, this.#charges.get(index)?.atMs ?? 0)
    this.#charges.set(index, { joules: Math.max(0, this.level(index, spec, atMs) - joules), atMs })
  }
}
