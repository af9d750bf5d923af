import { badValue } from "./error.ts"

/** The decimal number that `text` is, or NaN. Stricter than `Number`: no hexadecimal, no words, no empty text. */
export function parseNumber(text: string): number {
  return /^[-+.0-9eE]+$/.test(text) ? Number(text) : NaN
}

/** The same as float32. Throws `DataError` ("row") for anything else and for what float32 cannot hold. */
export function float32(file: string, line: number, column: string, text: string, expected = "a number"): number {
  const value = Math.fround(parseNumber(text))
  if (Number.isFinite(value)) return value
  throw badValue(file, line, column, Number.isNaN(value) ? expected : "a number below 3.4e38", text)
}
