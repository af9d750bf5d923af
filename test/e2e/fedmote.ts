import { spawn } from "node:child_process"
import type { ChildProcess } from "node:child_process"
import { existsSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { watchLog } from "../process-log.ts"

export const ROOT = fileURLToPath(new URL("../..", import.meta.url))
/** The command line as it is built where the one test command runs, else the sources. */
export const MAIN = `${ROOT}${process.env["FEDMOTE_DIST"] === undefined ? "src/cli/main.ts" : "dist/cli/main.js"}`
export const built = existsSync(`${ROOT}dist/index.js`)

export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface Running {
  readonly child: ChildProcess
  readonly ended: Promise<Ended>
  /** Resolves with the match as soon as whole lines of standard error have one; rejects when the process ends without. */
  saw(pattern: RegExp): Promise<RegExpExecArray>
  /** Kills what is left of it. */
  stop(): Promise<void>
}

export interface StartOptions {
  readonly cwd?: string
  /** More of its environment. */
  readonly env?: Readonly<Record<string, string>>
}

/** Starts `fedmote` as a process of its own. */
export function start(args: readonly string[], options: StartOptions = {}): Running {
  const child = spawn(process.execPath, [MAIN, ...args], {
    cwd: options.cwd ?? ROOT,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, FEDMOTE_DEBUG: "", NO_COLOR: "1", ...options.env },
  })
  let stdout = ""
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text))
  const closed = new Promise<number | null>((resolve) => child.once("close", (code) => resolve(code)))
  const errors = watchLog(args.join(" "), child.stderr, closed)
  const ended = closed.then((code) => ({ code, stdout, stderr: errors.text() }))
  return {
    child,
    ended,
    saw: errors.saw,
    async stop() {
      child.kill("SIGKILL")
      await ended
    },
  }
}

/** Runs `fedmote` to its end. */
export function fedmote(args: readonly string[], options: StartOptions = {}): Promise<Ended> {
  return start(args, options).ended
}
