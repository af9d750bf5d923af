import { basename } from "node:path"
import { eachRecord } from "../../data/csv.ts"
import { DataError, badValue, quote } from "../../data/error.ts"
import { parseNumber } from "../../data/number.ts"
import type { Availability } from "./availability.ts"

const COLUMNS = ["device", "from", "until", "ready"] as const

/** What was recorded of one device, from 0 on; after its end it begins anew. */
interface Recorded {
  readonly endsMs: number[]
  readonly ready: boolean[]
}

/** A trace of who was there when: recorded devices, by which clients go. */
export class Trace {
  readonly #devices: readonly Availability[]
  readonly #byId: ReadonlyMap<string, Availability>

  constructor(recorded: ReadonlyMap<string, Recorded>) {
    this.#byId = new Map([...recorded].map(([id, each]) => [id, availabilityOf(each)]))
    this.#devices = [...this.#byId.values()]
  }

  /** The recorded device of that name; any of them, by `word`, where there is none. */
  of(id: string, word: number): Availability {
    return this.#byId.get(id) ?? this.#devices[word % this.#devices.length]!
  }
}

/**
 * Reads a trace (CSV with the columns device, from, until, ready: seconds, and 0 or 1), the lines of a device in order and without a gap. Throws
 * `DataError` for the first line that is wrong.
 */
export async function readTrace(path: string): Promise<Trace> {
  const file = basename(path)
  const recorded = new Map<string, Recorded>()
  let header = true
  await eachRecord(path, (record, line) => {
    if (header) checkHeader(file, record)
    else take(file, line, record, recorded)
    header = false
  })
  if (recorded.size === 0) throw new DataError("format", `${file}: expected lines of a trace, got none`)
  return new Trace(recorded)
}

function checkHeader(file: string, record: readonly string[]): void {
  if (record.join() !== COLUMNS.join())
    throw new DataError(
      "format",
      `${file} line 1: expected the columns ${COLUMNS.join(",")}, got ${quote(record.join())}`,
    )
}

function take(file: string, line: number, record: readonly string[], recorded: Map<string, Recorded>): void {
  if (record.length !== COLUMNS.length)
    throw new DataError("row", `${file} line ${line}: expected ${COLUMNS.length} values, got ${record.length}`)
  const [device, from, until, ready] = record as [string, string, string, string]
  const seconds = (column: string, text: string): number => {
    const value = parseNumber(text)
    if (value >= 0 && Number.isFinite(value)) return value
    throw badValue(file, line, column, "seconds from 0", text)
  }
  const [fromMs, untilMs] = [1000 * seconds("from", from), 1000 * seconds("until", until)]
  if (ready !== "0" && ready !== "1") throw badValue(file, line, "ready", "0 or 1", ready)
  const own = recorded.get(device) ?? { endsMs: [], ready: [] }
  const expectedMs = own.endsMs.at(-1) ?? 0
  if (fromMs !== expectedMs) {
    const what = fromMs > expectedMs ? `${(fromMs - expectedMs) / 1000} s are missing` : "they overlap"
    throw new DataError(
      "row",
      `${file} line ${line}: expected device ${quote(device)} to go on at ${expectedMs / 1000} s, got ${fromMs / 1000}: ${what}`,
    )
  }
  if (untilMs <= fromMs) throw badValue(file, line, "until", `more than ${from} seconds`, until)
  own.endsMs.push(untilMs)
  own.ready.push(ready === "1")
  recorded.set(device, own)
}

function availabilityOf({ endsMs, ready }: Recorded): Availability {
  const lengthMs = endsMs.at(-1)!
  return {
    until(nowMs) {
      const begunMs = Math.floor(nowMs / lengthMs) * lengthMs
      const first = endsMs.findIndex((end) => nowMs - begunMs < end)
      if (!ready[first]!) return nowMs
      // As far as one stretch follows the other, over the end of the trace once.
      let untilMs = begunMs + endsMs[first]!
      for (let i = 1; i < endsMs.length && ready[(first + i) % endsMs.length]!; i++) {
        const at = first + i
        untilMs = begunMs + (at < endsMs.length ? endsMs[at]! : lengthMs + endsMs[at - endsMs.length]!)
      }
      return ready.every(Boolean) ? Infinity : untilMs
    },
  }
}
