/** Exponential backoff with full jitter (Brooker, "Exponential Backoff and Jitter", AWS Architecture Blog, 2015). */
export interface Backoff {
  readonly firstMs: number
  readonly maxMs: number
}

export const DEFAULT_BACKOFF: Backoff = { firstMs: 1000, maxMs: 60_000 }

/** The delay before attempt number `attempt` (0, 1, 2, ...): uniform between 0 and min(maxMs, firstMs x 2^attempt). `random` is in [0, 1). */
export function backoffMs({ firstMs, maxMs }: Backoff, attempt: number, random: number): number {
  return random * Math.min(maxMs, firstMs * 2 ** Math.min(attempt, 30))
}
