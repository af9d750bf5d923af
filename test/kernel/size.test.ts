import { readFileSync } from "node:fs"
import { expect, test } from "vitest"

// What an over-the-air update and a microcontroller's flash can spare for the kernels.
test.each([
  ["simd", 14 * 1024],
  ["scalar", 14 * 1024],
  ["mcu", 2 * 1024],
])("fedmote.%s.wasm has at most %i bytes, imports nothing, and says which ABI it has", (name, budget) => {
  const bytes = readFileSync(new URL(`../../dist/wasm/fedmote.${name}.wasm`, import.meta.url))
  expect(bytes.length).toBeLessThanOrEqual(budget)
  const { Module, Instance } = WebAssembly
  const { exports } = new Instance(new Module(bytes), {})
  expect(exports.abi()).toBe(1)
  expect(exports.base() % 64).toBe(0)
})

declare const WebAssembly: {
  Module: new (bytes: Uint8Array) => object
  Instance: new (module: object, imports: object) => { readonly exports: { abi(): number; base(): number } }
}
