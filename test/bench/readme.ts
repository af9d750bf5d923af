import type { Measured } from "./result.ts"

/** The columns of a table of results; the budget is one of the ratio, or of the value where there is none. */
export const HEAD = ["Group", "What", "Value", "Unit", "Ratio", "Against", "Budget"] as const

export function cellsOf({ group, name, value, unit, ratio, against, budget, holds }: Measured): string[] {
  return [
    group,
    name,
    short(value, 4),
    unit,
    ratio === undefined ? "" : short(ratio, 3),
    against ?? "",
    budget === undefined ? "" : `${limit(budget)}${holds === false ? " BROKEN" : ""}`,
  ]
}

function short(value: number, digits: number): string {
  return String(Number.isInteger(value) ? value : Number(value.toPrecision(digits)))
}

function limit(budget: NonNullable<Measured["budget"]>): string {
  return "atLeast" in budget ? `at least ${short(budget.atLeast, 5)}` : `at most ${short(budget.atMost, 5)}`
}

/** Whether a reader of the README wants to know: there is a budget, or something else to compare with. */
function telling({ budget, against }: Measured): boolean {
  return budget !== undefined || (against !== undefined && against !== "SIMD")
}

/**
 * The README with the table between its marks anew: what was measured, and before it what stands there of other groups, if it comes from the same machine.
 */
export function withTable(readme: string, results: readonly Measured[], machine: string): string {
  const table = /<!-- bench -->\n([\s\S]*)<!-- \/bench -->/
  const old = table.exec(readme)?.[1]
  if (old === undefined) throw new Error("the README has no <!-- bench --> ... <!-- /bench -->")
  const groups = new Set(results.map(({ group }) => group))
  const others = old
    .split("\n")
    .filter((line) => line.startsWith("| "))
    .slice(2)
    .filter((line) => !groups.has(line.split(" | ")[0]!.slice(2)))
  const row = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`
  const lines = [
    row(HEAD),
    row(HEAD.map(() => "---")),
    ...(old.includes(machine) ? others : []),
    ...results.filter(telling).map((result) => row(cellsOf(result))),
  ]
  return readme.replace(table, () => `<!-- bench -->\n${lines.join("\n")}\n\n${machine}\n<!-- /bench -->`)
}
