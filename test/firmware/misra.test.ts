import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { FIRMWARE } from "./build.ts"
import { MUTANTS, UNREACHABLE } from "./misra-mutants.ts"
import { checkedRules, deviations, findings } from "./misra.ts"

const DOCUMENT = readFileSync(join(FIRMWARE, "MISRA.md"), "utf8")
const SOURCES = readdirSync(join(FIRMWARE, "src")).filter((name) => name.endsWith(".c"))

test("the C client keeps the rules, but for its deviations", { timeout: 240_000 }, () => {
  expect(findings(FIRMWARE)).toEqual([])
})

describe("deviations", () => {
  /** In MISRA.md: "## Ref 11.3.1 ..." and "Places: `a`, `b`." below it. */
  const documented = new Map(
    DOCUMENT.split(/^## Ref /m)
      .slice(1)
      .map((section) => {
        const places = /^Places: (.*)\.$/m.exec(section)?.[1] ?? ""
        return [/^[\d.]+/.exec(section)![0], [...places.matchAll(/`([^`]+)`/g)].map(([, file]) => file!).toSorted()]
      }),
  )

  test("are ten at most", () => {
    expect(documented.size).toBeLessThanOrEqual(10)
  })

  test("are of one line each, and have a number", () => {
    for (const { file, id, ref } of deviations()) {
      expect(ref, `${file}: ${id}`).toBeDefined()
      if (id.startsWith("misra-")) expect(ref!.replace(/\.\d+$/, "")).toBe(id.replace("misra-c2012-", ""))
    }
  })

  test("in the code are those in MISRA.md, in the files that it names", () => {
    const places = Map.groupBy(deviations(), ({ ref }) => ref!)
    const used = [...places].map(([ref, all]) => [ref, [...new Set(all.map(({ file }) => file))].toSorted()])
    expect(Object.fromEntries(used)).toEqual(Object.fromEntries(documented))
  })
})

describe("the gate", () => {
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "fedmote-mutants-"))
    for (const part of ["include", "src"]) cpSync(join(FIRMWARE, part), join(folder, part), { recursive: true })
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  /** Puts texts behind the includes of a source. Gives the line on which each begins. */
  function insert(name: string, texts: readonly string[]): number[] {
    const path = join(folder, "src", name)
    const source = readFileSync(path, "utf8")
    const last = [...source.matchAll(/^#include.*\n/gm)].at(-1)!
    const end = last.index + last[0].length
    writeFileSync(path, [source.slice(0, end), ...texts.map((text) => `${text}\n`), source.slice(end)].join(""))
    let line = source.slice(0, end).split("\n").length
    return texts.map((text) => {
      const begin = line
      line += text.split("\n").length
      return begin
    })
  }

  test("there is a breach of every rule that the addon checks", () => {
    expect([...Object.keys(MUTANTS), ...Object.keys(UNREACHABLE)].toSorted()).toEqual(checkedRules().toSorted())
  })

  test("finds a breach of each rule, wherever it is", { timeout: 240_000 }, () => {
    const mutants = Object.entries(MUTANTS).map(([rule, mutant], i) => {
      const numbered = (text: string): string =>
        text.replaceAll("mutant", `mutant_${i}`).replaceAll("MUTANT", `MUTANT_${i}`)
      if (mutant.header !== undefined) writeFileSync(join(folder, "src", numbered("mutant.h")), `${mutant.header}\n`)
      return { rule, code: numbered(mutant.code), twice: mutant.twice === true, header: `src/${numbered("mutant.h")}` }
    })
    const where = new Map<string, string>()
    for (const [k, name] of SOURCES.entries()) {
      const here = mutants.filter((_, i) => i % SOURCES.length === k)
      const before = mutants.filter(({ twice }, i) => twice && (i + 1) % SOURCES.length === k)
      const lines = insert(
        name,
        [...here, ...before].map(({ code }) => code),
      )
      for (const [i, { rule, code }] of here.entries())
        for (let line = lines[i]!; line < lines[i]! + code.split("\n").length; line++)
          where.set(`src/${name}:${line}`, rule)
    }
    for (const { rule, header } of mutants) where.set(`${header}:1`, rule)
    const found = findings(folder)
      .filter(({ file, line, id }) => id === `misra-c2012-${where.get(`${file}:${line}`)}`)
      .map(({ id }) => id.slice("misra-c2012-".length))
    expect([...new Set(found)].toSorted()).toEqual(Object.keys(MUTANTS).toSorted())
  })

  test("finds a deviation that is no longer one", () => {
    for (const name of SOURCES.slice(1)) rmSync(join(folder, "src", name))
    insert(SOURCES[0]!, [
      "/* cppcheck-suppress misra-c2012-15.1 ; MISRA Ref 15.1.1 */\nstatic const uint8_t unused = 1U;",
    ])
    expect(findings(folder)).toContainEqual(expect.objectContaining({ id: "unmatchedSuppression" }))
  })
})
