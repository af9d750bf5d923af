/** When a client is there. Time is in milliseconds from the start of the simulation, which is midnight. */
export interface Availability {
  /** Whether it is there, and until when: `Infinity` where it never leaves; `nowMs` where it is not. */
  until(nowMs: number): number
}

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

/** Every day from `from` on (hours), for so many hours. */
export function daily(from: number, hours: number): Availability {
  if (hours >= 24) return { until: () => Infinity }
  const [fromMs, lengthMs] = [from * HOUR_MS, hours * HOUR_MS]
  return {
    until(nowMs) {
      const since = (((nowMs - fromMs) % DAY_MS) + DAY_MS) % DAY_MS
      return since < lengthMs ? nowMs + lengthMs - since : nowMs
    },
  }
}
