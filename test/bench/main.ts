/** `npm run bench -- [GROUP...] [--json FILE]`: measures, prints, and ends with 1 where a budget does not hold. */
import { existsSync } from "node:fs"
import { writeFile } from "node:fs/promises"
import { parseArgs } from "node:util"
import { formatTable } from "../../src/cli/table.ts"
import { demo } from "./demo.ts"
import { fold, foldMemory } from "./fold.ts"
import { benchFile } from "./result.ts"
import type { Group, Measured } from "./result.ts"

const groups: { [name: string]: Group } = { fold: () => [...fold(), ...foldMemory()], demo }
// Groups in files of their own export a function `bench`.
for (const name of ["kernels", "codecs"]) {
  const file = new URL(`${name}.ts`, import.meta.url)
  if (existsSync(file)) groups[name] = ((await import(file.href)) as { readonly bench: Group }).bench
}

const { values, positionals } = parseArgs({ options: { json: { type: "string" } }, allowPositionals: true })
const unknown = positionals.filter((name) => groups[name] === undefined)
if (unknown.length > 0) {
  console.error(`no group ${unknown.join(", ")}; there are ${Object.keys(groups).join(", ")}`)
  process.exit(2)
}
const results: Measured[] = []
for (const name of positionals.length > 0 ? positionals : Object.keys(groups)) results.push(...(await groups[name]!()))
const file = benchFile(results)
console.log(
  formatTable(
    ["Group", "What", "Value", "Unit", "Ratio", "Against", "Budget"],
    results.map(({ group, name, value, unit, ratio, against, budget, holds }) => [
      group,
      name,
      String(Number(value.toPrecision(4))),
      unit,
      ratio === undefined ? "" : String(Number(ratio.toPrecision(3))),
      against ?? "",
      budget === undefined ? "" : `${Object.entries(budget)[0]!.join(" ")}${holds === false ? " BROKEN" : ""}`,
    ]),
    { numbersFrom: 2 },
  ),
)
console.log(`${file.machine.cpu}, ${file.machine.cores} cores, ${file.machine.platform}, Node ${file.machine.node}`)
if (values.json !== undefined) await writeFile(values.json, `${JSON.stringify(file, null, 2)}\n`)
process.exitCode = results.some(({ holds }) => holds === false) ? 1 : 0
