import { readFileSync } from "node:fs"
import { describe, expect, test } from "vitest"
import { WireError } from "../../src/wire/error.ts"
import {
  MANIFEST_BOUNDS,
  MANIFEST_KEYS,
  MODULE_FEATURES,
  chunkCount,
  decodeEnvelope,
  decodeManifest,
  encodeEnvelope,
  encodeManifest,
  signedBytes,
} from "../../src/wire/manifest.ts"
import type { Manifest } from "../../src/wire/manifest.ts"
import { readGrammar } from "./cddl.ts"
import { Dice, SEED } from "./random.ts"
import { fromHex, toHex } from "./vectors.ts"

interface Vectors {
  readonly keyId: string
  readonly valid: readonly {
    readonly manifest: Omit<Manifest, "digest" | "selfTest"> & { readonly digest: string; readonly selfTest: string }
    readonly payload: string
    readonly signed: string
    readonly signature: string
    readonly envelope: string
  }[]
  readonly envelopes: readonly { readonly what: string; readonly bytes: string }[]
  readonly manifests: readonly { readonly what: string; readonly payload: string; readonly code: string }[]
}

const { keyId, valid, envelopes, manifests } = JSON.parse(
  readFileSync(new URL("../vectors/module/manifest.json", import.meta.url), "utf8"),
) as Vectors

function manifestOf({ digest, selfTest, ...rest }: Vectors["valid"][number]["manifest"]): Manifest {
  return { ...rest, digest: fromHex(digest), selfTest: fromHex(selfTest) }
}

function codeOf(work: () => unknown): string {
  try {
    work()
  } catch (error) {
    if (error instanceof WireError) return error.code
    throw error
  }
  return "nothing wrong"
}

test("manifest.cddl and manifest.ts say the same", () => {
  const grammar = readGrammar("manifest.cddl")
  const [version, ...fields] = grammar.maps.get("manifest")!
  expect(version).toMatchObject({ key: 0, type: "1" })
  expect(Object.fromEntries(fields.map(({ field, key }) => [field, key]))).toEqual(MANIFEST_KEYS)
  expect(Object.fromEntries(grammar.choices)).toEqual({ "module-features": MODULE_FEATURES })
  const bounds = new Map<string, unknown>()
  for (const [name, [min, max]] of grammar.ranges) bounds.set(name, { min, max })
  for (const [name, { min, max }] of [...grammar.lists, ...grammar.sizes]) bounds.set(name, { min, max })
  expect(bounds.get("name")).toEqual({ min: 1, max: 32 })
  expect(bounds.get("digest")).toEqual({ min: 32, max: 32 })
  for (const name of ["name", "digest"]) bounds.delete(name)
  const kebab = (name: string): string => name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
  expect(Object.fromEntries(bounds)).toEqual(
    Object.fromEntries(Object.entries(MANIFEST_BOUNDS).map(([name, bound]) => [kebab(name), bound])),
  )
})

describe.each(valid)("a manifest of $manifest.slot", (vector) => {
  const manifest = manifestOf(vector.manifest)
  test("has the bytes of the vectors, both ways", () => {
    expect(toHex(encodeManifest(manifest))).toBe(vector.payload)
    expect(decodeManifest(fromHex(vector.payload))).toEqual(manifest)
  })

  test("goes into its envelope, and comes out of it", () => {
    const parts = { keyId: fromHex(keyId), payload: fromHex(vector.payload), signature: fromHex(vector.signature) }
    expect(toHex(encodeEnvelope(parts))).toBe(vector.envelope)
    expect(decodeEnvelope(fromHex(vector.envelope))).toEqual(parts)
    expect(toHex(signedBytes(parts))).toBe(vector.signed)
  })

  test("no prefix of either is taken", () => {
    for (let end = 0; end < vector.envelope.length / 2; end++)
      expect(codeOf(() => decodeEnvelope(fromHex(vector.envelope).subarray(0, end)))).toBe("envelope")
    for (let end = 0; end < vector.payload.length / 2; end++)
      expect(codeOf(() => decodeManifest(fromHex(vector.payload).subarray(0, end)))).not.toBe("nothing wrong")
  })
})

test.each(envelopes)("no envelope: $what", ({ bytes }) => {
  expect(codeOf(() => decodeEnvelope(fromHex(bytes)))).toBe("envelope")
})

test.each(manifests)("no manifest: $what", ({ payload, code }) => {
  expect(codeOf(() => decodeManifest(fromHex(payload)))).toBe(code)
})

test("what is decoded is encoded to the same bytes, whatever has been done to it", () => {
  const dice = new Dice(SEED)
  let taken = 0
  for (let i = 0; i < 20_000; i++) {
    const { payload, envelope } = dice.pick(valid)
    for (const [good, decode, encode] of [
      [payload, decodeManifest, encodeManifest],
      [envelope, decodeEnvelope, encodeEnvelope],
    ] as const) {
      const bytes = fromHex(good)
      for (let changes = dice.between(1, 3); changes > 0; changes--) bytes[dice.below(bytes.length)] = dice.below(256)
      let value
      try {
        value = decode(bytes)
      } catch (error) {
        expect(error).toBeInstanceOf(WireError)
        continue
      }
      taken++
      expect(toHex(encode(value as never))).toBe(toHex(bytes))
    }
  }
  expect(taken).toBeGreaterThan(100)
})

test("a manifest that is too long with its signature is refused when it is made", () => {
  const manifest = { ...manifestOf(valid[1]!.manifest), tags: Array.from({ length: 8 }, (_, i) => `${i}`.repeat(32)) }
  const parts = { keyId: fromHex(keyId), payload: encodeManifest(manifest), signature: new Uint8Array(64) }
  expect(() => encodeEnvelope(parts)).toThrow(/expected at most 300 bytes with its signature, got \d+: use fewer/)
  const short = { ...parts, keyId: new Uint8Array(7) }
  expect(() => encodeEnvelope(short)).toThrow("expected a key id of 8 bytes and a signature of 64, got 7 and 64")
})

test("a module comes in as many chunks as it needs", () => {
  expect(chunkCount({ sizeBytes: 8, chunkBytes: 64 })).toBe(1)
  expect(chunkCount({ sizeBytes: 128, chunkBytes: 64 })).toBe(2)
  expect(chunkCount({ sizeBytes: 129, chunkBytes: 64 })).toBe(3)
})
