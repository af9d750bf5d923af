import { execFile, execFileSync } from "node:child_process"
import { readdirSync } from "node:fs"
import { join } from "node:path"
import { promisify } from "node:util"
import { describe, expect, test } from "vitest"
import { FIRMWARE } from "./build.ts"

/** What compilers and counters say of the C client's sources. */

const SOURCES = readdirSync(join(FIRMWARE, "src"))
  .filter((name) => name.endsWith(".c"))
  .map((name) => `src/${name}`)

const DIALECT = ["-std=c99", "-ffp-contract=off", "-Iinclude", "-Isrc"]
const WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wdouble-promotion", "-Wvla", "-Werror"]

/** What the compiler says of each source; nothing, one hopes. */
async function compile(compiler: string, options: readonly string[]): Promise<string> {
  const said: string[] = []
  const left = [...SOURCES]
  const work = async (): Promise<void> => {
    for (let source = left.pop(); source !== undefined; source = left.pop()) {
      const args = [...DIALECT, ...options, "-c", source, "-o", "/dev/null"]
      const run = promisify(execFile)(compiler, args, { cwd: FIRMWARE })
      const { stderr } = await run.catch((error: { readonly stderr: string }) => error)
      said.push(stderr)
    }
  }
  await Promise.all([work(), work()])
  return said.join("")
}

test.each(["gcc", "clang"])("%s has no warning", { timeout: 120_000 }, async (compiler) => {
  expect(await compile(compiler, ["-O2", ...WARNINGS])).toBe("")
})

test.each(["-O1", "-O2"])("gcc's -fanalyzer finds nothing, with %s", { timeout: 240_000 }, async (level) => {
  expect(await compile("gcc", [level, "-fanalyzer", ...WARNINGS])).toBe("")
})

describe("functions", () => {
  /** pmccabe's columns: complexity with a switch as one, as McCabe has it, statements, first line, lines, place. */
  const functions = execFileSync("pmccabe", SOURCES, { cwd: FIRMWARE, encoding: "utf8" })
    .trim()
    .split("\n")
    .map((line) => {
      const [, complexity, , , lines, ...where] = line.split("\t")
      return { name: where.join(" "), complexity: Number(complexity), lines: Number(lines) }
    })

  test("are all counted", () => {
    expect(functions.length).toBeGreaterThan(200)
    expect(functions.every(({ complexity, lines }) => complexity >= 1 && lines >= 1)).toBe(true)
  })

  test("have a complexity of ten at most (McCabe 1976)", () => {
    expect(functions.filter(({ complexity }) => complexity > 10)).toEqual([])
  })

  test("have sixty lines at most", () => {
    expect(functions.filter(({ lines }) => lines > 60)).toEqual([])
  })
})
