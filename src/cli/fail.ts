import { FedmoteError } from "../core/error.ts"
import { DataError } from "../data/error.ts"

/** What a command's exit code says. */
export const EXIT = {
  /** The work could not be done. */
  failed: 1,
  /** The command line, a plan or data cannot be used as given. */
  usage: 2,
  /** A broker or a network could not be reached. */
  network: 3,
  /** Ctrl-C, or SIGTERM. */
  interrupted: 130,
} as const

const USAGE_CODES = [
  "usage",
  "plan",
  "model",
  "data",
  "result",
  "features",
  "model-file",
  "safetensors",
  "topic",
  "key",
  "world",
  "state",
  "journal-plan",
  "journal-corrupt",
  "journal-old",
  "journal-open",
]
const NETWORK_CODES = ["link", "broker", "network"]
const NETWORK_ERRNO = /^(ECONN|ENOTFOUND|EAI_|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|EADDR)/

export function exitCodeOf(error: unknown): number {
  const code = codeOf(error)
  if (code.startsWith("commander.")) return (error as { exitCode?: number }).exitCode === 0 ? 0 : EXIT.usage
  if (code === "interrupted") return EXIT.interrupted
  if (USAGE_CODES.includes(code) || error instanceof DataError) return EXIT.usage
  return NETWORK_CODES.includes(code) || code.startsWith("link-") || NETWORK_ERRNO.test(code)
    ? EXIT.network
    : EXIT.failed
}

/** One line for a person: a message that helps where the error is one we know, and where to look otherwise. */
export function failureText(error: unknown): string {
  const message = oneLine(error instanceof Error ? error.message : String(error))
  if (error instanceof FedmoteError) return message
  // Errors of the operating system name what failed: ENOENT, EADDRINUSE ...
  if (/^E[A-Z_]+$/.test(codeOf(error))) return message
  return `internal error: ${message} (FEDMOTE_DEBUG=1 shows where)`
}

/**
 * Runs a command and turns whatever it throws into one line on standard error and an exit code; with FEDMOTE_DEBUG set, the stack too.
 * The process ends by itself when its work is done.
 */
export async function run(
  command: () => Promise<void>,
  io: {
    readonly write: (text: string) => void
    readonly exit: (code: number) => void
    readonly debug: boolean
  } = {
    write: (text) => void process.stderr.write(text),
    exit: (code) => void (process.exitCode = code),
    debug: (process.env["FEDMOTE_DEBUG"] ?? "") !== "",
  },
): Promise<void> {
  try {
    await command()
  } catch (error) {
    // commander has said what is wrong before it throws.
    if (!codeOf(error).startsWith("commander.")) io.write(`fedmote: ${failureText(error)}\n`)
    if (io.debug) io.write(`${stackOf(error)}\n`)
    io.exit(exitCodeOf(error))
  }
}

function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | null | undefined)?.code
  return typeof code === "string" ? code : ""
}

function oneLine(text: string): string {
  return text.trim().replace(/\s*[\r\n]+\s*/g, " ")
}

function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const cause = error.cause === undefined ? "" : `\ncaused by ${stackOf(error.cause)}`
  return `${error.stack ?? error.message}${cause}`
}
