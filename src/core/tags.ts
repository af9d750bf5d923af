import { FedmoteError } from "./error.ts"
import type { Plan } from "./plan.ts"

/** Tags are names that the operator gives to devices, by id. A device cannot claim one. */

/** Whether a plan's rounds may have this device: it has all the tags that `selection.tags` names. */
export function deviceFilter({ tags, selection }: Plan): (device: string) => boolean {
  const wanted = (selection.tags ?? []).map((tag) => matcher(tags?.[tag] ?? []))
  return (device) => wanted.every((has) => has(device))
}

/** Whether a device has a tag. Throws `FedmoteError` ("tag") for a tag that the plan gives to no device. */
export function tagFilter({ tags = {} }: Pick<Plan, "tags">, tag: string): (device: string) => boolean {
  const patterns = tags[tag]
  if (patterns !== undefined) return matcher(patterns)
  const known = Object.keys(tags).join(", ")
  throw new FedmoteError("tag", `expected a tag that the plan gives to devices (${known || "it has none"}), got ${tag}`)
}

/** Matches ids against a list of ids and patterns, in which `*` stands for any characters, or none. */
function matcher(patterns: readonly string[]): (device: string) => boolean {
  const ids = new Set(patterns.filter((pattern) => !pattern.includes("*")))
  const globs = patterns.filter((pattern) => pattern.includes("*")).map((pattern) => pattern.split("*"))
  return (device) => ids.has(device) || globs.some((parts) => fits(device, parts))
}

/** Each part at its first place after the one before, the last one at the end: what is between them is free. */
function fits(device: string, parts: readonly string[]): boolean {
  const [first, last] = [parts[0]!, parts.at(-1)!]
  if (!device.startsWith(first) || !device.endsWith(last)) return false
  let at = first.length
  const end = device.length - last.length
  for (const part of parts.slice(1, -1)) {
    const found = device.indexOf(part, at)
    if (found < 0) return false
    at = found + part.length
  }
  return at <= end
}
