import { styleText } from "node:util"
import { pino } from "pino"
import type { Logger } from "pino"
import type { Screen } from "./screen.ts"

export type LogFormat = "text" | "json"
export const LOG_LEVELS = ["error", "warn", "info", "debug", "trace"] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

/**
 * The log of a command: to standard error, as lines for people or (`json`) one JSON object a line. Bytes and arrays of numbers are logged by
 * their size only - models, updates and readings have no place in a log - and an error as its code and message.
 */
export function createLog(options: {
  readonly format: LogFormat
  readonly level: LogLevel
  readonly screen: Screen
}): Logger {
  const { format, level, screen } = options
  const write = (line: string): void => screen.write(format === "json" ? line : `${readable(line, screen.color)}\n`)
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: {
        level: (label) => ({ level: label }),
        log: (fields) => withoutContents(fields) as { [key: string]: unknown },
      },
      serializers: { err: plainError, error: plainError },
    },
    { write },
  )
}

function plainError(error: unknown): unknown {
  if (!(error instanceof Error)) return error
  const { code } = error as NodeJS.ErrnoException
  return code === undefined ? error.message : `${code}: ${error.message}`
}

/** Depth to which fields are searched for what must not be logged. */
const DEPTH = 4

function withoutContents(value: unknown, depth = 0): unknown {
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return `<${value.byteLength} bytes>`
  if (Array.isArray(value) && value.length > 16) return `<${value.length} values>`
  if (typeof value === "bigint") return String(value)
  if (typeof value !== "object" || value === null || value instanceof Error) return value
  if (depth === DEPTH) return "<more>"
  if (Array.isArray(value)) return value.map((item) => withoutContents(item, depth + 1))
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withoutContents(item, depth + 1)]))
}

const MARKS = {
  error: ["error ", "red"],
  warn: ["warn  ", "yellow"],
  info: ["", "cyan"],
  debug: ["debug ", "gray"],
} as const

// `14:02:11 warn  round abandoned  round=3 folded=1`
function readable(line: string, color: boolean): string {
  const { time, level, msg = "", ...fields } = JSON.parse(line) as Line
  const paint = (style: Style, text: string): string =>
    color ? styleText(style, text, { validateStream: false }) : text
  const [mark, tint] = MARKS[level as keyof typeof MARKS] ?? MARKS.debug
  const details = Object.entries(fields).map(([key, value]) => ` ${key}=${show(value)}`)
  return [
    `${paint("dim", time.slice(11, 19))} `,
    mark === "" ? "" : paint(tint, mark),
    visible(msg),
    details.length === 0 ? "" : paint("dim", visible(` ${details.join("")}`)),
  ].join("")
}

interface Line {
  readonly time: string
  readonly level: string
  readonly msg?: string
  readonly [field: string]: unknown
}
type Style = Parameters<typeof styleText>[0]

function show(value: unknown): string {
  if (typeof value !== "string") return JSON.stringify(value)
  return /[\s="]/.test(value) ? JSON.stringify(value) : value
}

// Control characters in a name from the network must not steer the terminal.
function visible(text: string): string {
  return text.replace(/\p{Cc}/gu, "?")
}
