import type { Standing, StageCount } from "./rollout.ts"

/** Losses that differ by less are the same. */
const SMALL_LOSS = 1e-6

/** What has become of the devices that one stage adds. Takes a report in constant time, but for one that a confirmed device takes back its losses with. */
export class StageTally {
  readonly #percent: number
  readonly #devices: readonly string[]
  readonly #standings: ReadonlyMap<string, Standing>
  #confirmed = 0
  #failed = 0
  /** Of the trials: loss and rows with the program before, loss and rows with the module. */
  #losses: readonly number[] = NO_LOSSES

  /** Counts what these devices have come to, as `standings` has it; borrows both. */
  constructor(percent: number, devices: readonly string[], standings: ReadonlyMap<string, Standing>) {
    this.#percent = percent
    this.#devices = devices
    this.#standings = standings
    for (const device of devices) this.moved(undefined, standings.get(device))
  }

  /** A device of this stage was `before`, and is `now` in the standings. */
  moved(before: Standing | undefined, now: Standing | undefined): void {
    this.#confirmed += countOf(now, "confirmed") - countOf(before, "confirmed")
    this.#failed += countOf(now, "failed") - countOf(before, "failed")
    // Taken out again a large number would leave its rounding error behind.
    if (lossesOf(before).length > 0)
      this.#losses = this.#devices.map((device) => lossesOf(this.#standings.get(device))).reduce(plus, NO_LOSSES)
    else this.#losses = plus(this.#losses, lossesOf(now))
  }

  get counts(): StageCount {
    const { length: devices } = this.#devices
    const [confirmed, failed] = [this.#confirmed, this.#failed]
    return { percent: this.#percent, devices, confirmed, failed, waiting: devices - confirmed - failed }
  }

  /** Whether so many percent have confirmed, rounded up. */
  hasEnough(percent: number): boolean {
    return this.#confirmed >= Math.ceil((percent * this.#devices.length) / 100)
  }

  /** Why the module does its devices no good; undefined where it does. Both in percent, as in `RolloutSettings`. */
  illness(failures: number, tolerance: number): string | undefined {
    const { length: devices } = this.#devices
    if (this.#failed > Math.floor((failures * devices) / 100))
      return `${this.#failed} of ${devices} devices failed, at most ${failures} % may`
    const [beforeSum, beforeRows, afterSum, afterRows] = this.#losses as [number, number, number, number]
    if (beforeRows <= 0 || afterRows <= 0) return undefined
    const [before, after] = [beforeSum / beforeRows, afterSum / afterRows]
    if (after <= before * (1 + tolerance / 100) + SMALL_LOSS) return undefined
    return `the trials' mean loss is ${after.toPrecision(4)}, with the program before ${before.toPrecision(4)}: at most ${tolerance} % more is wanted`
  }
}

const NO_LOSSES = [0, 0, 0, 0] as const

function countOf(standing: Standing | undefined, state: Standing["state"]): number {
  return standing?.state === state ? 1 : 0
}

function lossesOf(standing: Standing | undefined): readonly number[] {
  return standing?.state === "confirmed" ? standing.losses : []
}

/** `losses`: as it travels, empty or four numbers. */
function plus(sums: readonly number[], losses: readonly number[]): readonly number[] {
  return losses.length === 0 ? sums : sums.map((sum, i) => sum + losses[i]!)
}
