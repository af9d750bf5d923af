import { InvalidArgumentError } from "commander"

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
