import { InvalidArgumentError } from "commander"
import { checkSlot } from "../wire/topics.ts"

/** Parsers of option values; commander says which option. */

/** A whole number of at least `least`. */
export function whole(least: number, most = 0xffff_ffff): (text: string) => number {
  return (text) => {
    const value = /^\d+$/.test(text) ? Number(text) : NaN
    if (value >= least && value <= most) return value
    throw new InvalidArgumentError(`Expected a whole number from ${least} to ${most}.`)
  }
}

/** `64,32`, `32` or `none`. */
export function hiddenLayers(text: string): readonly number[] {
  if (text === "none") return []
  if (!/^\d+(,\d+)*$/.test(text))
    throw new InvalidArgumentError("Expected the units of each hidden layer, such as 64,32, or none.")
  return text.split(",").map(Number)
}

/** A number of devices or `all`. */
export function cohort(text: string): number | "all" {
  if (text === "all") return "all"
  if (!/^[1-9]\d*$/.test(text)) throw new InvalidArgumentError("Expected a number of devices, or all.")
  return Number(text)
}

export function names(text: string): readonly string[] {
  return text.split(",").map((name) => name.trim())
}

export interface Address {
  readonly host: string
  readonly port: number
}

/** `127.0.0.1:1883`, `[::1]:1883`; port 0 is any free one. */
export function address(text: string): Address {
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text)
  const port = Number(match?.[3])
  if (match === null || port > 65535) throw new InvalidArgumentError("Expected HOST:PORT, such as 127.0.0.1:1883.")
  return { host: (match[1] ?? match[2])!, port }
}

/** `5%` or `5`: a percentage within these bounds. */
export function percent(least: number, most: number): (text: string) => number {
  return (text) => {
    const [, digits] = /^(\d{1,5})%?$/.exec(text) ?? []
    const value = Number(digits)
    if (value >= least && value <= most) return value
    throw new InvalidArgumentError(`Expected a whole percentage from ${least}% to ${most}%.`)
  }
}

/** `30d` or `30`: seconds of so many days. */
export function days(text: string): number {
  const [, digits] = /^(\d{1,5})d?$/.exec(text) ?? []
  const value = Number(digits)
  if (value >= 1) return value * 86_400
  throw new InvalidArgumentError("Expected a number of days from 1, such as 30d.")
}

/** A name of a slot or a tag, as topics have it. */
export function slotName(text: string): string {
  try {
    return checkSlot(text)
  } catch (error) {
    throw new InvalidArgumentError(error instanceof Error ? error.message : String(error))
  }
}
