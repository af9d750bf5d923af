import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, expect, test } from "vitest"
import { initialParameters } from "../../src/cli/initial-model.ts"
import { parsePlan } from "../../src/core/plan.ts"
import { moduleWith, setup } from "../kernel/foreign-modules.ts"

let folder = ""
let file = ""
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "fedmote-init-"))
  file = join(folder, "module.wasm")
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const plan = (parameters: number) =>
  parsePlan({
    fleet: "pumps",
    module: { sequence: 1 },
    model: { features: 2, loss: "custom", parameters, standardize: false },
  })

// Three parameters, written where `setup` says that the candidate is.
const begins = moduleWith({
  init: `(func (export "init")
    (f32.store (i32.const 12288) (f32.const 0.5))
    (f32.store (i32.const 12292) (f32.const -1.25))
    (f32.store (i32.const 12296) (f32.const 3)))`,
})

test("a custom model begins with what its module begins with", async () => {
  writeFileSync(file, begins)
  expect([...(await initialParameters(file, plan(3)))]).toEqual([0.5, -1.25, 3])
})

test("a module of another size is refused", async () => {
  writeFileSync(file, moduleWith({ setup: setup({ 88: 5 }) }))
  await expect(initialParameters(file, plan(3))).rejects.toThrow(
    /module\.wasm: expected a module of 3 parameters as model\.parameters says, got one of 5/,
  )
})

test("what is no module is refused", async () => {
  writeFileSync(file, "safetensors")
  await expect(initialParameters(file, plan(3))).rejects.toMatchObject({ code: "module" })
})
