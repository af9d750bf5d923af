import { closest } from "fastest-levenshtein"
import { z } from "zod"
import { FedmoteError } from "../../core/error.ts"
import { LINKS } from "./links.ts"
import type { LinkName } from "./links.ts"

/** A world as its file describes it. */

const share = z.number().positive().describe("Of the fleet, beside the other classes' shares.")
const hour = z.number().min(0).lt(24)
const device = z.strictObject({
  like: z.enum(["mcu", "gateway", "phone"]).optional().describe("Whose values it has where it gives none."),
  share: share.optional(),
  link: z.enum(LINKS).optional(),
  flopsPerSecond: z.number().positive().optional().describe("While it trains."),
  activeWatts: z.number().min(0).optional().describe("What training takes on top of being there."),
  spread: z.number().min(0).max(0.9).optional().describe("A client's speed is up to so much slower or faster."),
  available: z
    .strictObject({
      from: hour.default(0).describe("Hour of the simulated day; the first moment of a simulation is midnight."),
      hours: z.number().positive().max(24).describe("From then on, every day."),
      jitter: z.number().min(0).max(24).default(0).describe("A client begins up to so many hours later."),
    })
    .optional(),
  dropout: z.number().min(0).max(1).optional().describe("Probability that a task comes to nothing in the middle."),
  battery: z
    .strictObject({
      joules: z.number().positive(),
      chargeWatts: z.number().min(0).default(0).describe("Sun, or a charger."),
      reserve: z.number().min(0).lt(1).default(0.2).describe("Share of it below which a client does not stand ready."),
    })
    .optional()
    .describe("Default: mains."),
})
const world = z.strictObject({
  classes: z.record(z.string(), device),
  co2: z.number().min(0).optional().describe("Grams a kilowatt-hour."),
})

export interface ClassSpec {
  readonly name: string
  readonly share: number
  readonly link: LinkName
  readonly flopsPerSecond: number
  readonly activeWatts: number
  readonly spread: number
  readonly available: { readonly from: number; readonly hours: number; readonly jitter: number }
  readonly dropout: number
  readonly battery: { readonly joules: number; readonly chargeWatts: number; readonly reserve: number } | undefined
}

export interface WorldSpec {
  readonly classes: readonly ClassSpec[]
  /** Grams of CO2 a kilowatt-hour. */
  readonly co2: number
}

type Base = Omit<ClassSpec, "name" | "share">

const ALWAYS = { from: 0, hours: 24, jitter: 0 }
const SPREAD = 0.2

/** What the built-in classes are; WORLD.md says where from. */
const CLASSES: { readonly [name in "mcu" | "gateway" | "phone"]: Base } = {
  mcu: {
    link: "ble",
    flopsPerSecond: 10e6,
    activeWatts: 0.01,
    spread: SPREAD,
    available: ALWAYS,
    dropout: 0.02,
    battery: { joules: 9700, chargeWatts: 0, reserve: 0.2 },
  },
  gateway: {
    link: "wifi",
    flopsPerSecond: 3e9,
    activeWatts: 1,
    spread: SPREAD,
    available: ALWAYS,
    dropout: 0.01,
    battery: undefined,
  },
  phone: {
    link: "wifi",
    flopsPerSecond: 8e9,
    activeWatts: 1.5,
    spread: 0.5,
    available: { from: 22, hours: 8, jitter: 2 },
    dropout: 0.05,
    battery: undefined,
  },
}

/** Global mean of electricity in 2018 (IEA). */
const CO2_GRAMS = 475

/** Throws `FedmoteError` ("world") with the path of what is missing or wrong. */
export function parseWorld(value: unknown): WorldSpec {
  const parsed = world.safeParse(value)
  if (!parsed.success) throw problem(parsed.error.issues[0]!)
  const classes = Object.entries(parsed.data.classes).map(([name, given]) => classOf(name, given))
  if (classes.length === 0) throw new FedmoteError("world", "world: classes: expected one at least, got none")
  return { classes, co2: parsed.data.co2 ?? CO2_GRAMS }
}

function classOf(name: string, given: z.output<typeof device>): ClassSpec {
  const base = CLASSES[given.like ?? (name as keyof typeof CLASSES)]
  if (base === undefined)
    throw new FedmoteError(
      "world",
      `world: classes.${name}: expected ${Object.keys(CLASSES).join(", ")}, or "like" one of them; is it ${closest(name, Object.keys(CLASSES))}?`,
    )
  return {
    name,
    share: given.share ?? 1,
    link: given.link ?? base.link,
    flopsPerSecond: given.flopsPerSecond ?? base.flopsPerSecond,
    activeWatts: given.activeWatts ?? base.activeWatts,
    spread: given.spread ?? base.spread,
    available: given.available ?? base.available,
    dropout: given.dropout ?? base.dropout,
    battery: given.battery ?? base.battery,
  }
}

function problem({ path, message, ...issue }: z.core.$ZodIssue): FedmoteError {
  const where = path.join(".") || "value"
  if (issue.code !== "unrecognized_keys") return new FedmoteError("world", `world: ${where}: ${message}`)
  const [key] = issue.keys as [string, ...string[]]
  const known = path.length === 0 ? Object.keys(world.shape) : Object.keys(device.shape)
  return new FedmoteError("world", `world: ${where}: unknown key ${key}; is it ${closest(key, known)}?`)
}
