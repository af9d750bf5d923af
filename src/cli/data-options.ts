import type { Command } from "commander"
import type { DataOptions } from "../data/open.ts"
import { names, whole } from "./parse.ts"

/** Options that say how to read a data source. */
export interface DataFlags {
  readonly label?: string
  readonly client?: string
  readonly splitColumn?: string
  readonly classes?: readonly string[]
  readonly partition?: string
  readonly clients?: number
  readonly window?: number
  readonly part?: string
}

export function addDataOptions(command: Command): Command {
  return command
    .option("--label <column>", "CSV: the column with the label")
    .option("--client <column>", "CSV: the column that names the client")
    .option("--split-column <column>", "CSV: the column that says train or test (default: every fifth row is test)")
    .option("--classes <names>", "CSV: class names in label order, with commas (default: sorted)", names)
    .option(
      "--partition <how>",
      "deal rows to clients anew: iid, shards:N, dirichlet:ALPHA, quantity:ALPHA, column:COL (CSV); or each draws its own: hash:N, hash:LEAST-MOST",
    )
    .option("--clients <number>", "how many clients the partition, or the generator, makes", whole(1))
    .option("--window <cycles>", "C-MAPSS: cycles in a window", whole(1, 65535))
    .option("--part <name>", "C-MAPSS: FD001 or FD003")
}

/** What the reader of the data takes; `seed` is the partition's. */
export function dataOptions(flags: DataFlags, seed?: number): DataOptions {
  const { label, client, splitColumn, classes, partition, clients, window, part } = flags
  return { label, client, splitColumn, classes, partition, clients, window, part, seed }
}
