/** What a device says for itself before it works: whatever is absent is so. */
export interface Eligibility {
  /** Its owner lets it take part. */
  readonly optedIn?: boolean
  /** It is on mains power, or has enough. */
  readonly power?: boolean
  /** It has nothing better to do. */
  readonly idle?: boolean
  /** Its connection costs nothing. */
  readonly unmetered?: boolean
}

const OBSTACLES = {
  optedIn: "not opted in",
  power: "not on power",
  idle: "busy",
  unmetered: "on a metered connection",
} as const satisfies Record<keyof Eligibility, string>

/** What keeps a device from working now; nothing where it is willing. */
export function obstacles(eligibility: Eligibility): string[] {
  const names = Object.keys(OBSTACLES) as (keyof Eligibility)[]
  return names.filter((name) => eligibility[name] === false).map((name) => OBSTACLES[name])
}
