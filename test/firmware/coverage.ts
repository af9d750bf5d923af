import { execFileSync } from "node:child_process"
import { readdirSync } from "node:fs"
import { basename, join } from "node:path"

/** Which branches of the C client's sources were taken, from gcov's counts (gcc --coverage). */
export interface Coverage {
  readonly taken: number
  readonly branches: number
  /** Lines with a branch that was never taken: `fm_cbor.c:34`. */
  readonly missed: readonly string[]
}

interface GcovFile {
  readonly file: string
  readonly lines: readonly { readonly line_number: number; readonly branches: readonly { readonly count: number }[] }[]
}

/** Reads the counts that programs of a build in `folder` have left. A function of a header is counted once, whichever sources include it. */
export function readCoverage(folder: string): Coverage {
  const objects = join(folder, "src")
  const counts = readdirSync(objects).filter((name) => name.endsWith(".gcda"))
  const json = execFileSync("gcov", ["--branch-probabilities", "--json-format", "--stdout", ...counts], {
    cwd: objects,
    encoding: "utf8",
    maxBuffer: 1 << 28,
    stdio: ["ignore", "pipe", "ignore"],
  })
  const lines = new Map<string, number[]>()
  for (const text of json.split("\n").filter((line) => line !== "")) {
    for (const { file, lines: of } of (JSON.parse(text) as { readonly files: readonly GcovFile[] }).files) {
      if (!/\bsrc\/fm_\w+\.[ch]$/.test(file)) continue
      for (const { line_number: line, branches } of of) {
        const place = `${basename(file)}:${line}`
        const before = lines.get(place)
        const now = branches.map(({ count }) => count)
        lines.set(place, before?.length === now.length ? now.map((count, i) => count + before[i]!) : now)
      }
    }
  }
  const all = [...lines.values()].flat()
  return {
    taken: all.filter((count) => count > 0).length,
    branches: all.length,
    missed: [...lines].filter(([, counts_]) => counts_.includes(0)).map(([place]) => place),
  }
}
