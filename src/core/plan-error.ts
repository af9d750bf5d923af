import { distance } from "fastest-levenshtein"
import type { z } from "zod"
import { FedmoteError } from "./error.ts"

export type PlanPath = readonly (string | number)[]

/** A plan that cannot be used. `path` leads to the value at fault; the message names it too. */
export class PlanError extends FedmoteError {
  readonly path: PlanPath

  constructor(path: PlanPath, message: string, where = pathText(path)) {
    super("plan", where === "" ? `plan: ${message}` : `plan: ${where}: ${message}`)
    this.path = path
  }

  /** The first of the issues as one line, and how many more there are. `hint` answers to an unknown key. */
  static from(issues: readonly Issue[], value: unknown, hint: (path: PlanPath, key: string) => string): PlanError {
    const { path, text } = describe(issues[0]!, [], value, hint)
    const more = issues.length - 1
    return new PlanError(path, more === 0 ? text : `${text} (and ${more} more ${more === 1 ? "error" : "errors"})`)
  }
}

/** Throws for a value that is right by itself and wrong beside others. `dotted` is its path. */
export function refuse(dotted: string, expected: string, got: string, value: unknown): never {
  const path = dotted.split(".")
  // Leads to the nearest value that was written: the rest came from defaults.
  while (path.length > 0 && valueAt(value, path) === undefined) path.pop()
  throw new PlanError(path, `expected ${expected}, got ${got}`, dotted)
}

type Issue = z.core.$ZodIssue

function describe(
  issue: Issue,
  base: PlanPath,
  value: unknown,
  hint: (path: PlanPath, key: string) => string,
): { path: PlanPath; text: string } {
  const path = [...base, ...(issue.path as (string | number)[])]
  const got = show(valueAt(value, path))
  const answer = (expected: string): { path: PlanPath; text: string } => ({
    path,
    text: `expected ${expected}, got ${got}`,
  })
  switch (issue.code) {
    case "unrecognized_keys": {
      const key = issue.keys[0]!
      return { path: [...path, key], text: `unknown key; ${hint(path, key)}` }
    }
    case "invalid_union": {
      if ("discriminator" in issue && issue.discriminator !== undefined) {
        const options = ("options" in issue ? (issue.options as unknown[]) : []).join(", ")
        const name = [...path, ...(path.at(-1) === issue.discriminator ? [] : [issue.discriminator])]
        return { path: name, text: `expected one of ${options}, got ${show(valueAt(value, name))}` }
      }
      // An alternative that fails only inside has the right shape: it knows better.
      const inside = issue.errors.find((alternative) => alternative.every(({ path }) => path.length > 0))
      if (inside?.[0] !== undefined) return describe(inside[0], path, value, hint)
      if (issue.message !== "Invalid input") return answer(issue.message)
      // No phrase for the whole: the alternative that fits best speaks.
      const best = [...issue.errors].sort((a, b) => misfit(a) - misfit(b))[0]!
      const unknown = best.find(({ code }) => code === "unrecognized_keys")
      return describe(unknown ?? best[0]!, path, value, hint)
    }
    case "invalid_type":
      return answer(
        issue.expected === "int" ? "a whole number" : article(issue.expected === "object" ? "map" : issue.expected),
      )
    case "too_small": {
      if (issue.origin === "array") return answer(`at least ${issue.minimum} in the list`)
      if (issue.origin === "string") return answer("some text")
      return answer(issue.inclusive ? `at least ${issue.minimum}` : `a number above ${issue.minimum}`)
    }
    case "too_big": {
      if (issue.origin === "array") return answer(`at most ${issue.maximum} in the list`)
      if (issue.origin === "string") return answer(`at most ${issue.maximum} characters`)
      return answer(issue.inclusive ? `at most ${issue.maximum}` : `a number below ${issue.maximum}`)
    }
    case "invalid_value":
      return answer(issue.values.length === 1 ? String(issue.values[0]) : `one of ${issue.values.join(", ")}`)
    default:
      return answer(issue.message)
  }
}

function misfit(issues: readonly Issue[]): number {
  return issues.reduce((sum, issue) => sum + (issue.code === "unrecognized_keys" ? issue.keys.length : 1), 0)
}

interface SchemaNode {
  readonly properties?: { readonly [key: string]: SchemaNode }
  readonly items?: SchemaNode
  readonly anyOf?: readonly SchemaNode[]
  readonly oneOf?: readonly SchemaNode[]
}

/** What to say to an unknown key: the nearest one there, or where else it is known, or what is known there. */
export function unknownKeyHint(schema: SchemaNode, path: PlanPath, key: string): string {
  const here = keysOf(nodesAt([schema], path))
  if (here.includes(key)) return "it does not go with the other keys here"
  // Keys of this place come first, so that they win a tie.
  const known = here.map((name) => ({ name, full: name }))
  for (const section of keysOf([schema]))
    for (const name of keysOf(nodesAt([schema], [section]))) known.push({ name, full: `${section}.${name}` })
  const nearest = known
    .map(({ name, full }) => ({ name, full, steps: stepsBetween(name.toLowerCase(), key.toLowerCase()) }))
    .filter(({ name, steps }) => steps <= Math.max(1, Math.floor(Math.max(name.length, key.length) * 0.4)))
    .sort((a, b) => a.steps - b.steps)[0]
  if (nearest !== undefined) return `did you mean ${nearest.full}?`
  return here.length === 0 ? "no key is known here" : `known here: ${here.join(", ")}`
}

/** Edits from one name to the other. Letters that only changed places are the nearest miss there is. */
export function stepsBetween(a: string, b: string): number {
  const sorted = (name: string): string => [...name].sort().join("")
  return a !== b && sorted(a) === sorted(b) ? 0.5 : distance(a, b)
}

function nodesAt(nodes: readonly SchemaNode[], path: PlanPath): readonly SchemaNode[] {
  let now = expand(nodes)
  for (const part of path) {
    const next = now.map((node) => (typeof part === "number" ? node.items : node.properties?.[part]))
    now = expand(next.filter((node) => node !== undefined))
  }
  return now
}

function expand(nodes: readonly SchemaNode[]): readonly SchemaNode[] {
  return nodes.flatMap((node) => [node, ...expand([...(node.anyOf ?? []), ...(node.oneOf ?? [])])])
}

function keysOf(nodes: readonly SchemaNode[]): string[] {
  return [...new Set(nodes.flatMap((node) => Object.keys(node.properties ?? {})))]
}

function valueAt(value: unknown, path: PlanPath): unknown {
  for (const part of path) value = (value as { [key: string]: unknown } | null | undefined)?.[part]
  return value
}

function pathText(path: PlanPath): string {
  return path.reduce<string>(
    (text, part) => (typeof part === "number" ? `${text}[${part}]` : text === "" ? part : `${text}.${part}`),
    "",
  )
}

function show(value: unknown): string {
  if (value === undefined) return "nothing"
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : "a list"
  if (typeof value === "object" && value !== null) return "a map"
  if (typeof value === "string")
    return value.length > 40 ? `${JSON.stringify(value.slice(0, 40))}...` : JSON.stringify(value)
  return String(value)
}

function article(noun: string): string {
  return noun === "array" ? "a list" : noun === "string" ? "text" : noun === "boolean" ? "true or false" : `a ${noun}`
}
