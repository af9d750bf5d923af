import type { Noise } from "./broker.ts"

/** What may go wrong in a world, at what time. Each can be left out, and the rest stays as it is. */
export type Fault =
  /** Of one client's way to the broker, until the calm. */
  | { readonly kind: "noise"; readonly atMs: number; readonly target: string; readonly noise: Noise }
  /** The coordinator is killed before or after the n-th thing that it says or writes from then on; another starts later. */
  | {
      readonly kind: "crash"
      readonly atMs: number
      readonly operation: number
      readonly after: boolean
      readonly downMs: number
    }
  /** Somebody starts a second coordinator, with a disk of its own. */
  | { readonly kind: "rival"; readonly atMs: number }
  /** The coordinator is ended in peace, and started again. */
  | { readonly kind: "stop"; readonly atMs: number; readonly downMs: number }
  /** The next writes to the coordinator's disk fail; it ends, and is started again. */
  | { readonly kind: "disk"; readonly atMs: number; readonly writes: number; readonly downMs: number }
  /** The broker dies and is started again, with or without what it retained. */
  | { readonly kind: "broker"; readonly atMs: number; readonly downMs: number; readonly forget: boolean }
  /** The broker loses what it retains, and nobody notices. */
  | { readonly kind: "forget"; readonly atMs: number }
  /** The way between a client and the broker is interrupted; either end notices after some time. */
  | {
      readonly kind: "cut"
      readonly atMs: number
      readonly target: string
      readonly forMs: number
      readonly brokerMs: number
      readonly clientMs: number
    }
  /**
   * A device dies, at once or around its n-th chunk from then on (`torn`: of those that are not the first of their update), and is born again with samples
   * that have changed. `flush`: what it has sent still arrives.
   */
  | {
      readonly kind: "die"
      readonly atMs: number
      readonly target: string
      readonly chunks: number | undefined
      readonly torn: boolean
      readonly after: boolean
      readonly flush: boolean
      readonly downMs: number
    }
  /** A process stands still. */
  | { readonly kind: "freeze"; readonly atMs: number; readonly target: string; readonly forMs: number }
  /** A process finds that much more time has passed. */
  | { readonly kind: "jump"; readonly atMs: number; readonly target: string; readonly byMs: number }
  /** A device's owner opts out, for good. */
  | { readonly kind: "leave"; readonly atMs: number; readonly target: string }
  /** A device's owner wants it for himself. */
  | { readonly kind: "unwilling"; readonly atMs: number; readonly target: string; readonly forMs: number }

/** The kinds that a schedule is made of, the frequent ones more than once. */
export const FAULTS = [
  "crash",
  "crash",
  "crash",
  "stop",
  "disk",
  "broker",
  "forget",
  "cut",
  "cut",
  "die",
  "die",
  "die",
  "freeze",
  "freeze",
  "jump",
  "unwilling",
  "leave",
  "rival",
] as const satisfies readonly Fault["kind"][]

export function describeFault(fault: Fault): string {
  const { kind, atMs, ...rest } = fault
  const facts = Object.entries(rest)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name} ${typeof value === "number" ? Math.round(value) : JSON.stringify(value)}`)
  return [`${(atMs / 1000).toFixed(3)} s: ${kind}`, ...facts].join(", ")
}
