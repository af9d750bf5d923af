import { readdir } from "node:fs/promises"
import { join } from "node:path"
import { DataError } from "../../data/error.ts"
import { readMeta } from "../../data/fl-meta.ts"
import { isIdxName } from "../../data/idx.ts"

/** Data sets that experiments need and that are not built in: what a folder of each holds, and where it comes from. */
const SETS = {
  mnist: {
    holds: "the four IDX files of MNIST (train-images-idx3-ubyte.gz and so on)",
    from: "https://storage.googleapis.com/cvdf-datasets/mnist/",
  },
  "uci-har-66": {
    holds: "UCI HAR, the 66 mean and deviation features by subject, as fl-dataset/1 (meta.json)",
    from: "https://archive.ics.uci.edu/dataset/240",
  },
  cmapss: {
    holds: "C-MAPSS FD001 as fl-dataset/1 (meta.json)",
    from: "https://data.nasa.gov/dataset/cmapss-jet-engine-simulated-data",
  },
} as const

export type SetName = keyof typeof SETS

/**
 * The folder of a data set: `folder` itself, or the one of the set's name in it. Throws `DataError` ("not-found"), which says where to get the set.
 */
export async function findSet(folder: string, name: SetName): Promise<string> {
  const within = join(folder, name)
  for (const candidate of [within, folder]) if (await holds(candidate, name)) return candidate
  const { holds: what, from } = SETS[name]
  throw new DataError(
    "not-found",
    `no data set ${name} in ${folder}: expected ${what} there or in ${within}; get it from ${from} and say where it is with --data FOLDER`,
  )
}

async function holds(folder: string, name: SetName): Promise<boolean> {
  const files: readonly string[] = await readdir(folder).catch(() => [])
  if (files.includes("meta.json")) return (await readMeta(folder)).name === name
  return name === "mnist" && files.some(isIdxName)
}
