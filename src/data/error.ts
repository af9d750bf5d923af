import { FedmoteError } from "../core/error.ts"

/**
 * Data that cannot be used as it is. The message is one line and names the file and, for a bad row, line and column. Codes: "not-found",
 * "option" (an option does not fit the source), "format" (not a file of that kind, or damaged), "row" (a bad row or value), "client", "partition".
 */
export class DataError extends FedmoteError {}

/** "data.csv line 17, column "temp": expected a number, got "n/a"". Long values are cut. */
export function badValue(file: string, line: number, column: string, expected: string, got: string): DataError {
  return new DataError("row", `${file} line ${line}, column "${column}": expected ${expected}, got ${quote(got)}`)
}

/** The value in quotes, on one line and at most 40 characters of it. */
export function quote(value: string): string {
  return value === "" ? "nothing" : JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}...` : value)
}

/** "a", "b", "c" and 4 more. */
export function list(names: readonly string[], limit = 12): string {
  const shown = names.slice(0, limit).map(quote).join(", ")
  return names.length > limit ? `${shown} and ${names.length - limit} more` : shown
}
