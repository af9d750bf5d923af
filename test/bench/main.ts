/** `npm run bench -- [GROUP...] [--json FILE] [--readme]`: measures, prints, and ends with 1 where a budget does not hold. */
import { existsSync } from "node:fs"
import { readFile, writeFile } from "node:fs/promises"
import { parseArgs } from "node:util"
import { formatTable } from "../../src/cli/table.ts"
import { demo } from "./demo.ts"
import { fold, foldMemory } from "./fold.ts"
import { HEAD, cellsOf, withTable } from "./readme.ts"
import { benchFile } from "./result.ts"
import type { Group, Measured } from "./result.ts"

const groups: { [name: string]: Group } = { fold: () => [...fold(), ...foldMemory()], demo }
// Groups in files of their own export a function `bench`.
for (const name of ["size", "kernels", "tfjs", "codecs", "downlink", "coordinator", "journal", "flash", "simulation"]) {
  const file = new URL(`${name}.ts`, import.meta.url)
  if (existsSync(file)) groups[name] = ((await import(file.href)) as { readonly bench: Group }).bench
}

// These take minutes: only where they are asked for.
const LONG: { readonly [name: string]: Group } = {
  reproduce: async () => (await import("./reproduce.ts")).bench(),
  "simulation-full": async () => (await import("./simulation.ts")).benchFull(),
}
const usual = Object.keys(groups)
Object.assign(groups, LONG)

const { values, positionals } = parseArgs({
  options: { json: { type: "string" }, readme: { type: "boolean" } },
  allowPositionals: true,
})
const unknown = positionals.filter((name) => groups[name] === undefined)
if (unknown.length > 0) {
  console.error(`no group ${unknown.join(", ")}; there are ${Object.keys(groups).join(", ")}`)
  process.exit(2)
}
const results: Measured[] = []
for (const name of positionals.length > 0 ? positionals : usual) results.push(...(await groups[name]!()))
const file = benchFile(results)
const machine = `${file.machine.cpu}, ${file.machine.cores} cores, ${file.machine.platform}, Node ${file.machine.node}`
console.log(formatTable(HEAD, results.map(cellsOf), { numbersFrom: 2 }))
console.log(machine)
if (values.readme === true) {
  const readme = new URL("../../README.md", import.meta.url)
  await writeFile(readme, withTable(await readFile(readme, "utf8"), results, machine))
}
if (values.json !== undefined) await writeFile(values.json, `${JSON.stringify(file, null, 2)}\n`)
process.exitCode = results.some(({ holds }) => holds === false) ? 1 : 0
