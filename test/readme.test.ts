import { execFile } from "node:child_process"
import { mkdir, readFile, rm, writeFile } from "node:fs/promises"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import type { Command } from "commander"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { createProgram } from "../src/cli/program.ts"
import { parseText } from "../src/cli/plan-file.ts"
import { parseSweptPlan } from "../src/core/sweep.ts"

const run = promisify(execFile)
const root = fileURLToPath(new URL("..", import.meta.url))
const readme = await readFile(`${root}README.md`, "utf8")

function blocks(language: string): string[] {
  return [...readme.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, "gm"))].map((match) => match[1]!)
}

// The package finds itself by name from a folder of its own; dist is one that is not kept.
const folder = `${root}dist/readme-${process.pid}/`

describe("the README's examples run", () => {
  beforeAll(() => mkdir(folder, { recursive: true }))
  afterAll(() => rm(folder, { recursive: true, force: true }))
  const expected = [
    /^0\.\d+ 9\n$/,
    /^[0-9a-f]{64} Float32Array\(1\) \[/,
    /^Float32Array\(1\) \[ 3 \]\n$/,
    /true /,
    /1, -2, 0\.5/,
  ]

  it("has one for each of these", () => expect(blocks("js")).toHaveLength(expected.length))

  it.each(blocks("js").map((text, i) => ({ first: text.slice(0, text.indexOf("\n")), text, i })))(
    "$first",
    async ({ text, i }) => {
      expect(text.trim().split("\n").length).toBeLessThanOrEqual(13)
      await writeFile(`${folder}${i}.mjs`, text)
      const { stdout } = await run(process.execPath, [`${folder}${i}.mjs`])
      expect(stdout).toMatch(expected[i]!)
    },
  )

  it("the plan is one", () => {
    for (const text of blocks("yaml")) expect(parseText(text, "README.md", parseSweptPlan).plan.fleet).toBe("motes")
  })
})

describe("the README's reference", () => {
  const all = (command: Command, path: readonly string[]): { name: string; options: readonly string[] }[] => [
    { name: path.join(" "), options: command.options.map((option) => option.long ?? option.flags) },
    ...command.commands.flatMap((child) => all(child, [...path, child.name()])),
  ]
  it.each(all(createProgram(), []))("names `$name` and its options", ({ name, options }) => {
    expect(readme).toContain(name)
    for (const option of options) expect(readme, option).toContain(option)
  })
})
