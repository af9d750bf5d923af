import type { Command } from "commander"
import type { Logger } from "pino"
import { FedmoteError } from "../core/error.ts"
import { createLog } from "./log.ts"
import type { LogFormat, LogLevel } from "./log.ts"
import { createScreen } from "./screen.ts"
import type { Screen } from "./screen.ts"

/** What every command works with. */
export interface Context {
  readonly screen: Screen
  readonly log: Logger
  /** Aborts on Ctrl-C or SIGTERM, with a `FedmoteError` ("interrupted") as the reason; a second one ends the process at once. */
  readonly signal: AbortSignal
}

/** Runs an action; from here on the process ends cleanly when it is interrupted. */
export async function withContext(command: Command, action: (context: Context) => Promise<void>): Promise<void> {
  const { log: format, logLevel: level } = command.optsWithGlobals<{ log: LogFormat; logLevel: LogLevel }>()
  const screen = createScreen()
  const controller = new AbortController()
  const interrupt = (): void => {
    if (controller.signal.aborted) process.exit(130)
    controller.abort(new FedmoteError("interrupted", "interrupted"))
  }
  process.on("SIGINT", interrupt)
  process.on("SIGTERM", interrupt)
  try {
    await action({ screen, log: createLog({ format, level, screen }), signal: controller.signal })
  } finally {
    process.off("SIGINT", interrupt)
    process.off("SIGTERM", interrupt)
  }
}

/** Resolves when the signal aborts. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    signal.addEventListener("abort", () => resolve(), { once: true })
  })
}

/** For commands whose normal end is an interruption. */
export async function untilInterrupted(signal: AbortSignal, work: Promise<unknown>): Promise<void> {
  try {
    await work
  } catch (error) {
    if (!signal.aborted || error !== signal.reason) throw error
  }
}
