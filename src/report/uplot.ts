import { readFileSync } from "node:fs"
import { createRequire } from "node:module"
import { dirname, join } from "node:path"

/** The chart library as text, to go into a page. */
export interface Uplot {
  readonly script: string
  readonly style: string
  readonly license: string
}

let cached: Uplot | undefined

/** From the installed package, so that no copy of it is kept here. */
export function readUplot(): Uplot {
  if (cached === undefined) {
    const dist = dirname(createRequire(import.meta.url).resolve("uplot"))
    const read = (...path: string[]): string => readFileSync(join(dist, ...path), "utf8")
    cached = {
      script: read("uPlot.iife.min.js"),
      style: read("uPlot.min.css"),
      license: read("..", "LICENSE").trim().replace(/-->/g, ""),
    }
  }
  return cached
}
