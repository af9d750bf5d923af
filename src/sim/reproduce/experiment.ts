/** A published experiment that can be run again. One file each; `registry.ts` lists them. */
export interface Experiment {
  readonly name: string
  /** What it shows, in one line. */
  readonly about: string
  /** Throws `DataError` where its data set is missing. */
  run(context: ReproduceContext): Promise<Findings>
}

export interface ReproduceContext {
  /** Folder that holds the experiment's data set, or one with a folder for each set. */
  readonly data: string
  readonly seed: number
  /** Threads that train; the findings are the same. */
  readonly workers: number
  readonly signal?: AbortSignal | undefined
  readonly watch?: Watch | undefined
}

/** Is told how far an experiment is: it is a sequence of runs, each with its rounds. */
export interface Watch {
  /** A run begins; what it returns is told of every round, and of the end. */
  begin(title: string, rounds: number): RunWatch
}

export interface RunWatch {
  round(round: number, note: string): void
  /** `summary` is missing where the run did not come to its end. */
  end(summary?: string): void
}

/** What an experiment found. A row's keys are the experiment's own, and stable. */
export interface Findings {
  /** Everything that was fixed. */
  readonly settings: { readonly [key: string]: Cell }
  readonly columns: readonly Column[]
  readonly rows: readonly Row[]
  readonly claims: readonly Claim[]
}

/** Null: not reached, or not known. A list has one value for each seed. */
export type Cell = string | number | boolean | null | readonly (string | number | null)[]
export interface Row {
  readonly [key: string]: Cell
}

/** How rows are shown as a table. */
export interface Column {
  readonly title: string
  /** Keys of a row; several are shown as one cell, with slashes. */
  readonly keys: readonly string[]
  /** Of numbers, after the point. Default: as many as needed. */
  readonly digits?: number
  /** Shown for null. Default: nothing. */
  readonly missing?: string
}

/** What the experiment is to show, with the figures that decide it. */
export interface Claim {
  readonly text: string
  readonly value: number | null
  /** The value holds when it is at least, or at most, this. */
  readonly atLeast?: number
  readonly atMost?: number
  readonly holds: boolean
}

/** A claim about `value`; null never holds. */
export function claim(
  text: string,
  value: number | null,
  bound: { readonly atLeast: number } | { readonly atMost: number },
): Claim {
  const holds = value !== null && ("atLeast" in bound ? value >= bound.atLeast : value <= bound.atMost)
  return { text, value, ...bound, holds }
}
