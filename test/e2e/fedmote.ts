import { spawn } from "node:child_process"
import type { ChildProcess } from "node:child_process"
import { existsSync } from "node:fs"
import { fileURLToPath } from "node:url"

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
  /** Resolves with the match as soon as standard error has one; rejects when the process ends without. */
  saw(pattern: RegExp): Promise<RegExpExecArray>
  /** Kills what is left of it. */
  stop(): Promise<void>
}

/** Starts `fedmote` as a process of its own. */
export function start(args: readonly string[], options: { readonly cwd?: string } = {}): Running {
  const child = spawn(process.execPath, [MAIN, ...args], {
    cwd: options.cwd ?? ROOT,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, FEDMOTE_DEBUG: "", NO_COLOR: "1" },
  })
  let stdout = ""
  let stderr = ""
  const watchers = new Set<() => void>()
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text))
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text
    for (const watcher of watchers) watcher()
  })
  const ended = new Promise<Ended>((resolve) => child.once("close", (code) => resolve({ code, stdout, stderr })))
  return {
    child,
    ended,
    saw(pattern) {
      const { promise, resolve, reject } = Promise.withResolvers<RegExpExecArray>()
      const look = (): void => {
        const match = pattern.exec(stderr)
        if (match === null) return
        watchers.delete(look)
        resolve(match)
      }
      watchers.add(look)
      look()
      void ended.then(() => reject(new Error(`${args.join(" ")} ended without ${pattern}:\n${stderr}`)))
      return promise
    },
    async stop() {
      child.kill("SIGKILL")
      await ended
    },
  }
}

/** Runs `fedmote` to its end. */
export function fedmote(args: readonly string[], options: { readonly cwd?: string } = {}): Promise<Ended> {
  return start(args, options).ended
}
