import { mkdir, readdir, rm } from "node:fs/promises"
import { join } from "node:path"
import { FedmoteError } from "../core/error.ts"
import type { Result } from "../core/result.ts"
import { writeAtomically } from "../report/atomic-file.ts"
import { writeJson } from "./output.ts"
import { readResult } from "./replay.ts"

/** What `sweep.json` in the folder of a sweep is. */
export const SWEEP_SCHEMA = "fedmote-sweep/1"

/** The runs of a sweep in their order, finished or not. */
export interface SweepIndex {
  readonly schema: typeof SWEEP_SCHEMA
  /** The swept keys of the plan. */
  readonly keys: readonly string[]
  readonly runs: readonly { readonly run: string; readonly set: { readonly [key: string]: unknown } }[]
}

/** Digits of a run's digest that are its name. */
const NAME_DIGITS = 16

export function runName(digest: string): string {
  return digest.slice(0, NAME_DIGITS)
}

/** The folder of a sweep: `sweep.json`, `sweep.csv` and `RUN.json` for every run that has ended. */
export class SweepFolder {
  readonly #path: string

  private constructor(path: string) {
    this.#path = path
  }

  /** Makes the folder where there is none. Throws `FedmoteError` ("output"). */
  static async open(path: string): Promise<SweepFolder> {
    try {
      await mkdir(path, { recursive: true })
      await removeUnfinished(path)
    } catch (error) {
      throw new FedmoteError("output", `cannot use the folder ${path}: ${(error as Error).message}`, { cause: error })
    }
    return new SweepFolder(path)
  }

  /** The result of the run with this digest, if it is here. A file that is damaged, or another run's, counts as none. */
  async result(digest: string): Promise<Result | undefined> {
    const found = await readResult(this.#file(digest)).catch((error: unknown) => {
      if (error instanceof FedmoteError) return undefined
      throw error
    })
    return found?.experiment?.digest === digest ? found : undefined
  }

  async writeResult(result: Result & Required<Pick<Result, "experiment">>): Promise<void> {
    await writeJson(result, this.#file(result.experiment.digest))
  }

  async writeIndex(index: Omit<SweepIndex, "schema">): Promise<void> {
    await writeJson({ schema: SWEEP_SCHEMA, ...index }, join(this.#path, "sweep.json"))
  }

  async writeCsv(text: string): Promise<string> {
    const file = join(this.#path, "sweep.csv")
    await writeAtomically(file, text)
    return file
  }

  #file(digest: string): string {
    return join(this.#path, `${runName(digest)}.json`)
  }
}

/** What a process that was killed left half written. Another sweep may be at work in the same folder. */
async function removeUnfinished(path: string): Promise<void> {
  for (const name of await readdir(path)) {
    const pid = /^(?:sweep|[0-9a-f]{16})\.(?:json|csv)\.(\d+)\.tmp$/.exec(name)?.[1]
    if (pid !== undefined && !isAlive(Number(pid))) await rm(join(path, name), { force: true })
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM"
  }
}
