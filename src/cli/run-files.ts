import { readFile, readdir, stat } from "node:fs/promises"
import { basename, join } from "node:path"
import { FedmoteError } from "../core/error.ts"
import type { NamedResult } from "../report/run-groups.ts"
import { readResult } from "./replay.ts"
import { SWEEP_SCHEMA } from "./sweep-folder.ts"
import type { SweepIndex } from "./sweep-folder.ts"

/**
 * Results from files and folders, in the order given. Of a folder: the runs of its sweep that have ended, in the sweep's order, or else every file that ends
 * in `.json`. Throws `FedmoteError` ("result") for a file that is none, and where there is nothing.
 */
export async function readRuns(paths: readonly string[]): Promise<NamedResult[]> {
  const files: string[] = []
  for (const path of paths) {
    const isFolder = (await stat(path).catch(() => undefined))?.isDirectory() === true
    files.push(...(isFolder ? await filesOf(path) : [path]))
  }
  if (files.length === 0)
    throw new FedmoteError("result", `expected results of runs, got none that has ended in ${paths.join(", ")}`)
  const runs: NamedResult[] = []
  for (const file of new Set(files)) runs.push({ name: basename(file, ".json"), result: await readResult(file) })
  return runs
}

async function filesOf(folder: string): Promise<string[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith(".json"))
  const index = names.includes("sweep.json") ? await readIndex(join(folder, "sweep.json")) : undefined
  if (index === undefined) return names.sort().map((name) => join(folder, name))
  return index.runs
    .map(({ run }) => `${run}.json`)
    .filter((name) => names.includes(name))
    .map((name) => join(folder, name))
}

async function readIndex(file: string): Promise<SweepIndex> {
  let value: unknown
  try {
    value = JSON.parse(await readFile(file, "utf8"))
  } catch (error) {
    throw new FedmoteError("result", `${file}: expected ${SWEEP_SCHEMA}: ${(error as Error).message}`, { cause: error })
  }
  const { schema, runs } = value as Partial<SweepIndex>
  if (schema !== SWEEP_SCHEMA || !Array.isArray(runs))
    throw new FedmoteError("result", `${file}: expected ${SWEEP_SCHEMA}, got ${String(schema)}`)
  return value as SweepIndex
}
