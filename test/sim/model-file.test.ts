import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { parsePlan } from "../../src/core/plan.ts"
import { exportModel, importModel, modelBytes, readModel } from "../../src/sim/model-file.ts"
import { readSafetensors, writeSafetensors } from "../../src/sim/safetensors.ts"

// Written by the Python package safetensors 0.x (safetensors.numpy.save): a logistic model of two features, parameters 0.5, -1.25 and 3.
const GOLDEN = Buffer.from(
  "eAIAAAAAAAB7Il9fbWV0YWRhdGFfXyI6eyJkaWdlc3QiOiJlZDIxZTMyODViNmQ3YThkMmYzNGFlM2EwNzZjY2I3NTgzZjJhOGM1ZDJiNmQ2MTljYmFiYTVjZmNlOTcwZjBjIiwiaW5wdXRzIjoiMiIsImxvc3MiOiJsb2dpc3RpYyIsImxhYmVscyI6IltcIm5vcm1hbFwiLFwiZXZlbnRcIl0iLCJmZWF0dXJlcyI6IltcImh1bWlkaXR5XCIsXCJ0ZW1wZXJhdHVyZVwiXSIsImxheWVycyI6Ilt7XCJraW5kXCI6XCJkZW5zZVwiLFwidW5pdHNcIjoxLFwiYWN0aXZhdGlvblwiOlwiaWRlbnRpdHlcIn1dIiwidGhyZXNob2xkIjoiMC4yNSIsImZvcm1hdCI6ImZlZG1vdGUtbW9kZWwvMSIsInBvc2l0aXZlX3dlaWdodCI6IjIwIn0sImZlYXR1cmVfaW52ZXJzZV9kZXZpYXRpb24iOnsiZHR5cGUiOiJGMzIiLCJzaGFwZSI6WzJdLCJkYXRhX29mZnNldHMiOlswLDhdfSwiZmVhdHVyZV9tZWFuIjp7ImR0eXBlIjoiRjMyIiwic2hhcGUiOlsyXSwiZGF0YV9vZmZzZXRzIjpbOCwxNl19LCJsYXllcnMuMC5iaWFzZXMiOnsiZHR5cGUiOiJGMzIiLCJzaGFwZSI6WzFdLCJkYXRhX29mZnNldHMiOlsxNiwyMF19LCJsYXllcnMuMC53ZWlnaHRzIjp7ImR0eXBlIjoiRjMyIiwic2hhcGUiOlsyLDFdLCJkYXRhX29mZnNldHMiOlsyMCwyOF19fSAgIAAAAD8AAIBAAACAPwAAAEAAAEBAAAAAPwAAoL8=",
  "base64",
)

const plan = parsePlan({
  model: {
    features: ["humidity", "temperature"],
    labels: ["normal", "event"],
    hidden: "none",
    positiveWeight: 20,
  },
})
const parameters = Float32Array.of(0.5, -1.25, 3)
const standardizer = { mean: Float32Array.of(1, 2), inverse: Float32Array.of(0.5, 4) }

let folder = ""
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "fedmote-model-"))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe("a model file", () => {
  it("is read as another implementation wrote it", () => {
    expect(readModel(GOLDEN)).toMatchObject({
      spec: { inputs: 2, layers: [{ kind: "dense", units: 1, activation: "identity" }], loss: "logistic" },
      parameters,
      standardizer,
      labels: ["normal", "event"],
      features: ["humidity", "temperature"],
      threshold: 0.25,
    })
  })

  it("holds what another implementation's does", () => {
    const own = readSafetensors(modelBytes({ plan, parameters, standardizer, threshold: 0.25 }))
    const golden = readSafetensors(GOLDEN)
    expect(new Map([...own.tensors].sort())).toEqual(new Map([...golden.tensors].sort()))
    expect(own.metadata).toEqual(golden.metadata)
  })

  it("comes back as it was written", async () => {
    const file = join(folder, "model.safetensors")
    const deep = parsePlan({ model: { features: 3, labels: ["a", "b", "c"], hidden: [2] } })
    const values = Float32Array.from({ length: 3 * 2 + 2 + 2 * 3 + 3 }, (_, i) => i / 7)
    await exportModel(file, { plan: deep, parameters: values })
    const model = await importModel(file, deep)
    expect(model.parameters).toEqual(values)
    expect(model.standardizer).toBeUndefined()
    await expect(importModel(file, plan)).rejects.toThrow(
      "expected a model of 2 features - 1 identity - logistic as the plan has, got 3 features - 2 relu - 3 identity - softmax",
    )
  })

  it("that is missing or cut off is refused in one line", async () => {
    await expect(importModel(join(folder, "none"))).rejects.toThrow(/^cannot read .*none: /)
    for (let length = 0; length < GOLDEN.length; length++)
      expect(() => readModel(GOLDEN.subarray(0, length), "cut")).toThrow(/^cut: /)
    writeFileSync(join(folder, "text"), "not a model, but long enough to be one")
    await expect(importModel(join(folder, "text"))).rejects.toThrow("not a safetensors file")
  })

  it("with other parameters than its digest says is refused", () => {
    const changed = Buffer.from(modelBytes({ plan, parameters, standardizer }))
    const at = changed.indexOf(Buffer.from(Float32Array.of(-1.25).buffer))
    changed.writeFloatLE(-1.5, at)
    expect(() => readModel(changed)).toThrow("its parameters are not those of its digest")
  })
})

describe("safetensors", () => {
  const file = (entry: object, dataBytes: number): Uint8Array => {
    const json = Buffer.from(JSON.stringify({ a: entry }))
    const bytes = Buffer.alloc(8 + json.length + dataBytes)
    bytes.writeBigUInt64LE(BigInt(json.length))
    json.copy(bytes, 8)
    return bytes
  }

  it.each([
    [{ dtype: "F16", shape: [2], data_offsets: [0, 4] }, 4, "expected dtype F32"],
    [{ dtype: "F32", shape: [2], data_offsets: [0, 4] }, 4, "expected 8 bytes for shape [2], got 4"],
    [{ dtype: "F32", shape: [1], data_offsets: [0, 4] }, 0, "ends at byte 4"],
    [{ dtype: "F32", shape: [1], data_offsets: [4, 8] }, 8, "bytes 0 to 4 belong to no tensor"],
    [{ dtype: "F32", shape: [1], data_offsets: [0, 4] }, 8, "expected 4 bytes of tensors, got 8"],
    [{ dtype: "F32", shape: [-1], data_offsets: [0, 4] }, 4, "expected a shape"],
    [{ dtype: "F32", shape: [1] }, 4, "expected two data_offsets"],
  ])("refuses %j", (entry, dataBytes, message) => {
    expect(() => readSafetensors(file(entry, dataBytes))).toThrow(message)
  })

  it("refuses tensors that overlap", () => {
    const entry = { dtype: "F32", shape: [1], data_offsets: [0, 4] }
    const json = Buffer.from(JSON.stringify({ a: entry, b: entry }))
    const bytes = Buffer.alloc(12 + json.length)
    bytes.writeBigUInt64LE(BigInt(json.length))
    json.copy(bytes, 8)
    expect(() => readSafetensors(bytes)).toThrow("overlaps another")
  })

  it("pads its header to a multiple of 8", () => {
    for (const name of ["a", "ab", "abc", "abcd"]) {
      const bytes = writeSafetensors({
        tensors: new Map([[name, { shape: [1], values: Float32Array.of(1) }]]),
        metadata: {},
      })
      expect(new DataView(bytes.buffer).getBigUint64(0, true) % 8n).toBe(0n)
      expect(readSafetensors(bytes).tensors.get(name)?.values).toEqual(Float32Array.of(1))
    }
  })
})
