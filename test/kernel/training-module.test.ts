import { describe, expect, test } from "vitest"
import { selfTestApart } from "../../src/kernel/self-test-apart.ts"
import { selfTest } from "../../src/kernel/self-test.ts"
import { TrainingModule } from "../../src/kernel/training-module.ts"
import { assemble, moduleWith, ownModule, setup } from "./foreign-modules.ts"

describe("what a module is seen to be before it runs", () => {
  test("Fedmote's own modules export the ABI; the minimal one has only half of it", () => {
    expect(new TrainingModule(ownModule("scalar")).facts).toMatchObject({ features: "mvp", memoryBytes: 65536 })
    expect(new TrainingModule(ownModule("simd")).facts).toMatchObject({ features: "simd", memoryBytes: 65536 })
    expect(() => new TrainingModule(ownModule("mcu"))).toThrow(/expected init: \(\) -> nothing, got no such export/)
  })

  test("the bare minimum is enough", () => {
    const bytes = moduleWith()
    expect(new TrainingModule(bytes).facts).toEqual({ sizeBytes: bytes.length, features: "mvp", memoryBytes: 65536 })
  })

  test.each([
    ["imports", moduleWith({}, `(import "env" "now" (func (result f64)))`), "expected no imports, got env.now"],
    ["a start function", moduleWith({}, `(func $go) (start $go)`), "expected no start function"],
    [
      "memory that it grows itself",
      moduleWith({ init: `(func (export "init") (drop (memory.grow (i32.const 1))))` }),
      "expected memory that the host sizes, and the module grows it",
    ],
    [
      "memory that it grows behind vector instructions",
      moduleWith({
        init: `(func (export "init") (local v128)
          (local.set 0 (i8x16.shuffle 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 31 (v128.const i32x4 1 2 3 4) (local.get 0)))
          (v128.store (i32.const 64) (local.get 0)) (drop (i32x4.extract_lane 1 (local.get 0)))
          (memory.fill (i32.const 0) (i32.const 0) (i32.const 0)) (drop (memory.grow (i32.const 1))))`,
      }),
      "the module grows it",
    ],
    ["no memory", moduleWith({ memory: "(memory 1)" }), "expected an export memory, got none"],
    [
      "memory of somebody else",
      moduleWith({ memory: `(import "env" "memory" (memory 1)) (export "memory" (memory 0))` }),
      "expected no imports, got env.memory",
    ],
    [
      "an export of another type",
      moduleWith({ advance: `(func (export "advance") (result i32) i32.const 1)` }),
      "expected advance: (i32) -> i32, got () -> i32",
    ],
    [
      "an export that is no function",
      moduleWith({ init: `(global (export "init") i32 (i32.const 0))` }),
      "expected init: () -> nothing, got a global",
    ],
    [
      "instructions that give other results elsewhere",
      moduleWith({
        init: `(func (export "init") (local v128) (drop (f32x4.relaxed_madd (local.get 0) (local.get 0) (local.get 0))))`,
      }),
      "expected instructions of WebAssembly 2.0 at most",
    ],
    [
      "no bytes of a module",
      new Uint8Array([1, 2, 3]),
      "expected a WebAssembly module that this engine takes, got 3 bytes",
    ],
  ])("refused: %s", (_, bytes, reason) => {
    expect(() => new TrainingModule(bytes)).toThrow(expect.objectContaining({ code: "module" }))
    expect(() => new TrainingModule(bytes)).toThrow(reason)
  })

  test("everything that is wrong is said at once", () => {
    expect(() => new TrainingModule(assemble(`(module (import "a" "b" (func)))`))).toThrow(
      /no imports, got a\.b; expected an export memory.*; expected abi: .*; expected predict: /,
    )
  })

  test.each([
    ["mvp", ""],
    ["simd", "(func (drop (i32x4.splat (i32.const 1))))"],
    ["simd", "(func (drop (i32.extend8_s (i32.const 1))))"],
    ["simd", "(func (drop (i32.trunc_sat_f32_s (f32.const 1))))"],
    ["simd", "(func (memory.copy (i32.const 1) (i32.const 1) (i32.const 1)))"],
    ["simd", "(func (local v128))"],
    [
      "mvp",
      `(table 1 funcref) (func (param i64) (block (br_table 0 0 (i32.const 1))) (call_indirect (i32.const 0)))
      (func (drop (i64.const -9223372036854775808)) (drop (f64.const 1.5)) (drop (f32.const 1.5)))`,
    ],
  ])("needs %s: %s", (features, more) => {
    expect(new TrainingModule(moduleWith({}, more)).facts.features).toBe(features)
  })
})

describe("the self-test", () => {
  test("is the same for builds that have the same arithmetic", () => {
    const [scalar, simd] = [
      selfTest(new TrainingModule(ownModule("scalar"))),
      selfTest(new TrainingModule(ownModule("simd"))),
    ]
    expect(scalar.model).toEqual({ inputs: 4, loss: "softmax", parameters: 43, outputs: 3 })
    expect(simd.answers).toEqual(scalar.answers)
    expect(simd.memoryBytes).toBe(65536)
  })

  test("takes a module with a model of its own", () => {
    const { model, answers } = selfTest(new TrainingModule(moduleWith()))
    expect(model).toEqual({ inputs: 2, loss: "squared", parameters: 3, outputs: 1 })
    // 6 words, 4 float64, no counts, parameters twice, and a prediction a row.
    expect(answers).toHaveLength(24 + 32 + 2 * 12 + 22 * 4)
  })

  test.each([
    [
      "another ABI",
      moduleWith({ abi: `(func (export "abi") (result i32) i32.const 2)` }),
      "expected a module of ABI 1, got 2",
    ],
    [
      "a control block that is not aligned",
      moduleWith({ base: `(func (export "base") (result i32) i32.const 1028)` }),
      "got address 1028",
    ],
    [
      "a control block out of memory",
      moduleWith({ base: `(func (export "base") (result i32) i32.const 65472)` }),
      "got address 65472",
    ],
    ["no memory for it", moduleWith({ setup: setup({}, 0) }), "the module has no way"],
    ["more memory than allowed", moduleWith({ setup: setup({}, 1 << 21) }), "the module wants 2097152"],
    ["no parameters", moduleWith({ setup: setup({ 88: 0 }) }), "expected 1 to 16777216 parameters, the module says 0"],
    [
      "a loss that there is not",
      moduleWith({ setup: setup({ 4: 3 }) }),
      "expected a loss from 0 to 2, the module says 3",
    ],
    [
      "several outputs of one number",
      moduleWith({ setup: setup({ 92: 2 }) }),
      "expected one output with the squared loss, the module says 2",
    ],
    [
      "a vector out of memory",
      moduleWith({ setup: setup({ 100: 65532 }) }),
      "expected result of 3 values within memory, got address 65532",
    ],
    [
      "a vector at an odd address",
      moduleWith({ setup: setup({ 96: 4097 }) }),
      "expected start of 3 values within memory, got address 4097",
    ],
    [
      "an end that never comes",
      moduleWith({ advance: `(func (export "advance") (param i32) (result i32) i32.const 0)` }),
      "expected the training to be done with its last step",
    ],
    [
      "parameters that are not finite",
      moduleWith({ collect: `(func (export "collect") (f32.store (i32.const 8196) (f32.const nan)))` }),
      "expected finite parameters, got NaN at index 1",
    ],
    [
      "steps without samples",
      moduleWith({ collect: `(func (export "collect") (i32.store (i32.const 1180) (i32.const 1)))` }),
      "got 0 samples in 1 steps",
    ],
    ["a trap", moduleWith({ begin: `(func (export "begin") unreachable)` }), "the module trapped: unreachable"],
  ])("fails with %s", (_, bytes, reason) => {
    expect(() => selfTest(new TrainingModule(bytes), 1 << 20)).toThrow(reason)
  })

  test("ends a module that does not come to an end", async () => {
    const endless = moduleWith({ begin: `(func (export "begin") (loop $on (br $on)))` })
    await expect(selfTestApart(endless, { timeoutMs: 300 })).rejects.toMatchObject({
      code: "timeout",
      message: "expected the self-test to be done within 300 ms, it goes on",
    })
  })

  test("says in its own thread what it says here", async () => {
    const { answers, model } = selfTest(new TrainingModule(ownModule("scalar")))
    expect(await selfTestApart(ownModule("scalar"))).toMatchObject({ answers, model })
    const trap = moduleWith({ init: `(func (export "init") unreachable)` })
    await expect(selfTestApart(trap)).rejects.toMatchObject({
      code: "trap",
      message: "the module trapped: unreachable",
    })
  })
})
