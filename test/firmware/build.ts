import { execFileSync } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

export const FIRMWARE = fileURLToPath(new URL("../../firmware-bridge/", import.meta.url))

export type Compiler = "gcc" | "clang"

/** The C client and the programs of its tests, built into a folder of their own. */
export interface Build {
  readonly folder: string
  path(program: string): string
  /** Runs a program of the build to its end; throws with its output where it fails. */
  run(program: string, args: readonly string[], input?: string): string
  remove(): void
}

/** `sanitize`: with address and undefined-behaviour sanitizers, so that every fault ends the program. */
export function build(compiler: Compiler, targets: readonly string[], sanitize = false): Build {
  const folder = mkdtempSync(join(tmpdir(), `fedmote-firmware-${compiler}-`))
  const path = (program: string): string => join(folder, program)
  const run = (command: string, args: readonly string[], input?: string): string => {
    try {
      return execFileSync(command, args, {
        encoding: "utf8",
        stdio: ["pipe", "pipe", "pipe"],
        input,
        maxBuffer: 1 << 28,
      })
    } catch (error) {
      const { stdout, stderr } = error as { readonly stdout?: string; readonly stderr?: string }
      throw new Error(`${command} failed:\n${stdout ?? ""}${stderr ?? ""}`, { cause: error })
    }
  }
  const remove = (): void => rmSync(folder, { recursive: true, force: true })
  try {
    run("make", [
      "-s",
      "-j2",
      "-C",
      FIRMWARE,
      `CC=${compiler}`,
      `BUILD=${folder}`,
      ...(sanitize ? ["SANITIZE=1"] : []),
      ...targets,
    ])
  } catch (error) {
    remove()
    throw error
  }
  return { folder, path, run: (program, args, input) => run(path(program), args, input), remove }
}
