import { expect, test } from "vitest"
import { breaches, readSources } from "./layers.ts"

test("no file of src breaks the layers", async () => {
  const files = await readSources()
  expect(files.length).toBeGreaterThan(50)
  expect(breaches(files)).toEqual([])
})

test.each([
  ["core/a.ts", 'import { b } from "../wire/b.ts"', "core imports ../wire/b.ts"],
  ["core/a.ts", 'import { b } from "node:fs"', "imports node:fs"],
  ["wire/a.ts", "const t = Date.now()", "uses Date"],
  ["core/a.ts", "const t = Math.exp(1)", "uses Math.exp"],
  ["kernel/a.ts", 'import type { b } from "../data/b.ts"', "kernel imports ../data/b.ts"],
  ["data/a.ts", 'export { b } from "../kernel/b.ts"', "data imports ../kernel/b.ts"],
  ["coordinator/a.ts", 'import { b } from "../device/b.ts"', "coordinator imports ../device/b.ts"],
  ["device/deep/a.ts", 'import { b } from "../../coordinator/b.ts"', "device imports ../../coordinator/b.ts"],
  ["net/a.ts", 'const b = await import("../sim/b.ts")', "net imports ../sim/b.ts"],
  ["sim/a.ts", 'import { b } from "../report/b.ts"', "sim imports ../report/b.ts"],
  ["sim/a.ts", 'import { b } from "../index.ts"', "sim imports ../index.ts"],
])("a breach in %s is found: %s", (path, text, sentence) => {
  expect(breaches([{ path, text }])).toEqual([`${path}: ${sentence}`])
})

test.each([
  ["wire/a.ts", 'import { b } from "../core/b.ts"'],
  ["core/a.ts", "// Date.now() is not for here\nconst a = Math.floor(1)"],
  ["sim/a.ts", 'import { b } from "../device/b.ts"\nimport { c } from "../coordinator/c.ts"'],
  ["cli/a.ts", 'import { b } from "../report/b.ts"\nimport * as fs from "node:fs"'],
])("what %s may do is no breach", (path, text) => {
  expect(breaches([{ path, text }])).toEqual([])
})
