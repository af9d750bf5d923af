import { PlanError } from "./plan-error.ts"
import { isPlanKey, pathHint, planKeys } from "./plan-keys.ts"
import { keySchema, mergePlan, parsePlan } from "./plan.ts"
import type { Plan, PlanOverrides } from "./plan.ts"

/** Values of one key of the plan, as a dotted path. */
export interface SweepAxis {
  readonly key: string
  readonly values: readonly unknown[]
}

/** A plan, and what is varied; no axis where the plan has no `sweep`. */
export interface SweptPlan {
  readonly plan: Plan
  readonly axes: readonly SweepAxis[]
}

/** How the data is dealt to clients in a run, where the sweep says so: as the options of the command line. */
export interface SweptData {
  readonly partition?: string
  readonly clients?: number
}

const DATA_KEYS = ["data.partition", "data.clients"] as const

/** One combination. `set`: what the sweep chose, by dotted path, in the order of the axes. */
export interface SweepRun {
  readonly set: { readonly [key: string]: unknown }
  readonly plan: Plan
  readonly data: SweptData
}

/** Combinations at most: more are a slip of the pen. */
export const MOST_RUNS = 100_000

/** Reads a plan that may have a `sweep`. Throws `PlanError`: an unknown key is named, with what is near. */
export function parseSweptPlan(value: unknown): SweptPlan {
  if (!isMap(value) || !("sweep" in value)) return { plan: parsePlan(value), axes: [] }
  const { sweep, ...base } = value
  const plan = parsePlan(base)
  const axes = parseAxes(sweep)
  sweepRuns(plan, axes)
  return { plan, axes }
}

/**
 * All combinations: the last axis changes fastest, and seeds are last, so that runs which differ in their seed alone stand together. Throws `PlanError`
 * where a combination is no plan, or two are the same one.
 */
export function sweepRuns(plan: Plan, axes: readonly SweepAxis[]): SweepRun[] {
  const count = axes.reduce((product, { values }) => product * values.length, 1)
  if (count > MOST_RUNS)
    throw new PlanError(["sweep"], `expected at most ${MOST_RUNS} combinations of values, got ${count}`)
  const seen = new Map<string, SweepRun>()
  for (let number = 0; number < count; number++) {
    const run = combination(plan, axes, positions(axes, number))
    const text = JSON.stringify([run.plan, run.data])
    const twin = seen.get(text)
    if (twin !== undefined)
      throw new PlanError(
        ["sweep"],
        `expected different runs, got the same one twice: ${setText(twin)}; ${setText(run)}`,
      )
    seen.set(text, run)
  }
  return [...seen.values()]
}

/** Whether a key only chooses among runs that are repetitions of each other. */
export function isSeedKey(key: string): boolean {
  return key === "seed" || key === "seeds" || key.startsWith("seeds.")
}

/** Whether a key is about the data, which the plan does not describe. */
export function isDataKey(key: string): key is (typeof DATA_KEYS)[number] {
  return (DATA_KEYS as readonly string[]).includes(key)
}

/** How the data is dealt in the first run. */
export function firstData(axes: readonly SweepAxis[]): SweptData {
  return dataOf(Object.fromEntries(axes.map(({ key, values }) => [key, values[0]])))
}

function dataOf(set: SweepRun["set"]): SweptData {
  const { "data.partition": partition, "data.clients": clients } = set
  return {
    ...(typeof partition === "string" ? { partition } : {}),
    ...(typeof clients === "number" ? { clients } : {}),
  }
}

/** `train.epochs 5, seed 1`: what tells a run from the others. */
export function setText({ set }: Pick<SweepRun, "set">): string {
  return Object.entries(set)
    .map(([key, value]) => `${key} ${valueText(value)}`)
    .join(", ")
}

/** A swept value on one line. */
export function valueText(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value)
}

function parseAxes(sweep: unknown): SweepAxis[] {
  if (!isMap(sweep) || Object.keys(sweep).length === 0)
    throw new PlanError(["sweep"], "expected a map from keys of the plan to lists of values")
  const keys = planKeys(keySchema())
  const axes = Object.entries(sweep).map(([written, values]) => {
    const key = written === "seeds" && Array.isArray(values) && !values.some(isMap) ? "seed" : written
    const path = ["sweep", written] as const
    if (!isPlanKey(keys, key) && !isDataKey(key))
      throw new PlanError(path, `unknown key; ${pathHint(keys, written, DATA_KEYS)}`, `sweep: ${written}`)
    if (!Array.isArray(values) || values.length === 0)
      throw new PlanError(path, "expected a list of values, one at least", `sweep: ${written}`)
    refuseTwice(values, path)
    if (isDataKey(key)) refuseData(key, values, path)
    return { key, values: values as readonly unknown[] }
  })
  refuseOverlap(axes)
  return [...axes.filter(({ key }) => !isSeedKey(key)), ...axes.filter(({ key }) => isSeedKey(key))]
}

function refuseTwice(values: readonly unknown[], path: readonly [string, string]): void {
  const texts = values.map((value) => JSON.stringify(value))
  const at = texts.findIndex((text, i) => texts.indexOf(text) < i)
  if (at >= 0)
    throw new PlanError([...path, at], `expected different values, got ${texts[at]} twice`, `sweep: ${path[1]}`)
}

function refuseData(
  key: (typeof DATA_KEYS)[number],
  values: readonly unknown[],
  path: readonly [string, string],
): void {
  const text = key === "data.partition"
  const fits = (value: unknown): boolean =>
    text ? typeof value === "string" : Number.isInteger(value) && (value as number) >= 1
  const at = values.findIndex((value) => !fits(value))
  const expected = text ? "a partition such as dirichlet:0.3" : "a number of clients"
  if (at >= 0)
    throw new PlanError([...path, at], `expected ${expected}, got ${valueText(values[at])}`, `sweep: ${path[1]}`)
}

function refuseOverlap(axes: readonly SweepAxis[]): void {
  for (const [i, { key }] of axes.entries())
    for (const { key: other } of axes.slice(0, i))
      if (key === other || key.startsWith(`${other}.`) || other.startsWith(`${key}.`))
        throw new PlanError(["sweep", key], `expected one list for a value, got ${other} and ${key}`, "sweep")
}

/** Position in every axis' values of the `number`th combination. */
function positions(axes: readonly SweepAxis[], number: number): number[] {
  const found: number[] = []
  for (const { values } of [...axes].reverse()) {
    found.unshift(number % values.length)
    number = Math.floor(number / values.length)
  }
  return found
}

function combination(plan: Plan, axes: readonly SweepAxis[], at: readonly number[]): SweepRun {
  const set = Object.fromEntries(axes.map(({ key, values }, i) => [key, values[at[i]!]]))
  try {
    return { set, plan: mergePlan(plan, nested(set)), data: dataOf(set) }
  } catch (error) {
    if (!(error instanceof PlanError)) throw error
    throw blamed(error, axes, at, { set })
  }
}

/** The error at the value of the sweep that it is about, where it is about one. */
function blamed(
  error: PlanError,
  axes: readonly SweepAxis[],
  at: readonly number[],
  run: Pick<SweepRun, "set">,
): PlanError {
  const where = error.path.join(".")
  const axis = axes.findIndex(({ key }) => where === key || where.startsWith(`${key}.`))
  const text = error.message.replace(/^plan: /, "")
  if (axis >= 0) return new PlanError(["sweep", axes[axis]!.key, at[axis]!], text, "sweep")
  return new PlanError(["sweep"], `${text}, with ${setText(run)}`)
}

function nested(set: SweepRun["set"]): PlanOverrides {
  const tree: Tree = {}
  for (const [key, value] of Object.entries(set)) {
    if (isDataKey(key)) continue
    const parts = key.split(".")
    const name = parts.pop()!
    let node = tree
    for (const part of parts) node = (node[part] ??= {}) as Tree
    node[name] = value
  }
  return tree as PlanOverrides
}

interface Tree {
  [key: string]: unknown
}

function isMap(value: unknown): value is Tree {
  return typeof value === "object" && value !== null && !Array.isArray(value)
}
