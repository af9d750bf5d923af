import type { PlanInput } from "../../src/core/plan.ts"
import type { Noise } from "./broker.ts"
import { FAULTS } from "./fault.ts"
import type { Fault } from "./fault.ts"
import { Random } from "./random.ts"

/** A device that means well. */
export interface DeviceSpec {
  readonly id: string
  readonly rows: number
  readonly testRows: number
  readonly packetBytes: number
  /** Of one training step; undefined trains at once, with the built-in program. */
  readonly stepMs: number | undefined
  readonly bornAtMs: number
}

/** One that does not: it joins, and then sends what it should not. */
export interface HostileSpec {
  readonly id: string
  readonly bornAtMs: number
}

/** A whole world before it begins: everything in it follows from this. */
export interface Schedule {
  readonly seed: number
  readonly plan: PlanInput
  readonly devices: readonly DeviceSpec[]
  readonly hostile: readonly HostileSpec[]
  /** Whether the coordinator is told how many devices there are. */
  readonly fleetKnown: boolean
  readonly reassemblyBytes: number
  /** In the order of their times. */
  readonly faults: readonly Fault[]
  /** From then on nothing bad happens. */
  readonly calmAtMs: number
}

export const FLEET = "sim"
export const FEATURES = 16
const CLASSES = ["a", "b", "c"]

/** What a seed stands for. */
export function scheduleOf(seed: number): Schedule {
  const random = new Random(seed, "schedule")
  const count = 3 + random.below(6)
  const plan = planOf(random, count)
  // Whoever is asked, as many as a round needs meet its deadline.
  const asked = typeof plan.cohort === "number" ? Math.min(plan.cohort, count) : count
  const maySlow = takesLate(plan) ? Math.min(count - leastOf(plan), asked - (plan.report?.minimumToCommit ?? 1)) : 0
  const devices = Array.from({ length: count }, (_, i) => deviceOf(i, random, plan, i < maySlow))
  const hostile = Array.from({ length: random.pick([0, 0, 1, 1, 2]) }, (_, i) => ({
    id: `h-${i}`,
    bornAtMs: random.below(5000),
  }))
  const calmAtMs = random.between(5_000, 60_000)
  return {
    seed,
    plan,
    devices,
    hostile,
    fleetKnown: random.chance(0.5),
    reassemblyBytes: random.pick([6000, 12_000, 1 << 20]),
    faults: faultsOf(
      new Random(seed, "faults"),
      devices,
      hostile,
      calmAtMs,
      count - Math.max(0, maySlow) > leastOf(plan) + 1,
    ),
    calmAtMs,
  }
}

function deviceOf(i: number, random: Random, plan: PlanInput, mayBeLate: boolean): DeviceSpec {
  const rows = 2 + random.below(9)
  return {
    id: `d-${i}`,
    rows,
    testRows: random.below(4),
    packetBytes: random.pick([256, 256, 256, 300, 1 << 16]),
    stepMs: stepOf(rows, random, plan, mayBeLate),
    bornAtMs: random.pick([0, random.between(0, 3000), random.between(0, 15_000)]),
  }
}

/** Fast, slow, or so slow that "finish now" comes first; but never so slow that the plan's deadline cannot be met at all. */
function stepOf(rows: number, random: Random, plan: PlanInput, mayBeLate: boolean): number | undefined {
  const { train, report } = plan
  const { timeoutSeconds = 0, finishSeconds = 0 } = report ?? {}
  const steps = (train?.epochs ?? 1) * Math.ceil(rows / (train?.batch ?? 1))
  const wholeMs = Math.min(500 * timeoutSeconds, 12_000)
  const kind = random.below(3)
  if (mayBeLate && random.chance(0.5)) return (random.between(1, 2) * 1000 * timeoutSeconds) / steps
  if (kind === 0) return undefined
  if (kind === 1 || finishSeconds === 0) return random.between(50, wholeMs / steps)
  return random.between(wholeMs / steps, wholeMs / 2)
}

/** Whether a device may need longer than a round has. */
export function isSlow({ stepMs = 0, rows }: DeviceSpec, { train, report }: PlanInput): boolean {
  const steps = (train?.epochs ?? 1) * Math.ceil(rows / (train?.batch ?? 1))
  return stepMs * steps > 1000 * (report?.timeoutSeconds ?? 0)
}

/** Devices that a round of this plan needs. */
export function leastOf({ selection, report }: PlanInput): number {
  return Math.max(selection?.minimumToStart ?? 1, report?.minimumToCommit ?? 1)
}

function takesLate({ mode, late }: PlanInput): boolean {
  return mode === "async" || late?.policy === "buffer"
}

function planOf(random: Random, devices: number): PlanInput {
  const isAsync = random.chance(0.15)
  const all = !isAsync && random.chance(0.25)
  const asked = all ? devices : 1 + random.below(devices)
  const cohort = all ? "all" : asked
  const samplings = ["uniform", "uniform", "weighted", "poisson"] as const
  const sampling = all ? "uniform" : random.pick(isAsync ? samplings.slice(0, 3) : samplings)
  const timeoutSeconds = random.pick([8, 15, 40, 120])
  const standardize = random.chance(0.3)
  return {
    fleet: FLEET,
    seed: random.below(1000),
    rounds: 2 + random.below(3),
    cohort,
    model: { features: FEATURES, labels: CLASSES, hidden: "none", standardize },
    // Two readings that are nearly the same make a deviation of nearly nothing.
    largestDelta: standardize ? 65536 : 16,
    train: { epochs: 2, batch: 4, learningRate: 0.05 },
    codecs: random.pick([["f32"], ["f32"], ["int8", "f32"]] as const),
    weightCap: random.pick([6, 1000]),
    selection: {
      overSelect: isAsync ? random.pick([1, 2, 3] as const) : random.pick([1, 1.3, 2, "adaptive"] as const),
      sampling,
      ...(sampling === "poisson" && { rate: random.between(0.4, 1) }),
      minimumToStart: 1 + random.below(Math.min(asked, devices - 1)),
      timeoutSeconds: random.pick([3, 10, 20]),
      settleSeconds: random.pick([0, 0.5, 2]),
    },
    report: {
      timeoutSeconds,
      finishSeconds: random.pick([0, 2, 5]),
      minimumToCommit: 1 + random.below(Math.min(asked, devices - 1)),
    },
    upload: { shards: 1 + random.below(3), spreadSeconds: random.pick([0, 0, 3]), chunkBytes: 256 },
    evaluate: { every: random.pick([0, 1, 2]), timeoutSeconds: random.pick([5, 20]) },
    ...(isAsync && { mode: "async" as const }),
    ...((isAsync || random.chance(0.2)) && {
      late: {
        policy: isAsync ? ("drop" as const) : ("buffer" as const),
        maxStaleness: random.pick([1, 2, 20]),
        exponent: random.pick([0, 0.5, 1] as const),
      },
    }),
    ...(random.chance(0.2) && { downlink: { codec: "int8-nearest" as const, history: 2 } }),
    ...(random.chance(0.3) && { strategy: { name: "fedavgm" as const, momentum: 0.5 } }),
  }
}

function faultsOf(
  random: Random,
  devices: readonly DeviceSpec[],
  hostile: readonly HostileSpec[],
  calmAtMs: number,
  oneMayLeave: boolean,
): Fault[] {
  const ids = devices.map(({ id }) => id)
  const faults: Fault[] = []
  for (const client of ["coordinator", ...ids, ...hostile.map(({ id }) => id)])
    if (random.chance(0.4)) faults.push({ kind: "noise", atMs: 0, target: client, noise: noiseOf(random) })
  const count = random.below(14)
  for (let i = 0; i < count; i++) {
    const fault = faultOf(random.pick(FAULTS), random, ids, calmAtMs)
    const isOnce = fault.kind === "leave" || fault.kind === "rival"
    const tooMany = isOnce && faults.some(({ kind }) => kind === fault.kind)
    if (!tooMany && (fault.kind !== "leave" || oneMayLeave)) faults.push(fault)
  }
  return faults.sort((a, b) => a.atMs - b.atMs)
}

function noiseOf(random: Random): Noise {
  const some = (most: number): number => random.pick([0, 0, random.between(0, most)])
  return {
    delayMs: random.pick([5, 50, 500, 3000]),
    lost: some(0.3),
    twice: some(0.6),
    unacknowledged: some(0.3),
    dropped: some(0.15),
  }
}

function faultOf(kind: (typeof FAULTS)[number], random: Random, ids: readonly string[], calmAtMs: number): Fault {
  const atMs = random.between(0, calmAtMs)
  const anybody = random.pick(["coordinator", ...ids])
  const device = random.pick(ids)
  switch (kind) {
    case "crash":
      return {
        kind,
        atMs,
        operation: random.below(random.pick([8, 50])),
        after: random.chance(0.5),
        downMs: random.between(0, 20_000),
      }
    case "stop":
      return { kind, atMs, downMs: random.between(0, 20_000) }
    case "disk":
      return { kind, atMs, writes: 1 + random.below(3), downMs: random.between(0, 5000) }
    case "broker":
      return { kind, atMs, downMs: random.between(0, 10_000), forget: random.chance(0.5) }
    case "forget":
      return { kind, atMs }
    case "cut":
      return {
        kind,
        atMs,
        target: anybody,
        forMs: random.between(0, 30_000),
        brokerMs: random.between(0, 20_000),
        clientMs: random.between(0, 20_000),
      }
    case "die": {
      const torn = random.chance(0.5)
      return {
        kind,
        // A trap that is set late may never be reached.
        atMs: torn ? atMs / 3 : atMs,
        target: device,
        chunks: torn ? random.below(3) : random.pick([undefined, random.below(6)]),
        torn,
        after: random.chance(0.5),
        flush: random.chance(0.5),
        downMs: random.pick([random.between(0, 3000), random.between(0, 30_000)]),
      }
    }
    case "freeze":
      return { kind, atMs, target: anybody, forMs: random.between(0, 20_000) }
    case "jump":
      return { kind, atMs, target: anybody, byMs: random.pick([500, 10_000, 100_000, 3_600_000]) }
    case "leave":
      return { kind, atMs, target: device }
    case "rival":
      return { kind, atMs: atMs / 3 }
    case "unwilling":
      return { kind, atMs, target: device, forMs: random.between(0, 40_000) }
    default:
      throw new Error(`no fault of kind ${String(kind)}`)
  }
}
