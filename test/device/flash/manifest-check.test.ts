import { describe, expect, test } from "vitest"
import { FLASH_LIMITS, checkManifest, openManifest } from "../../../src/device/flash/manifest-check.ts"
import type { Gateway } from "../../../src/device/flash/manifest-check.ts"
import { Refusal, faultOf, reasonOf } from "../../../src/device/flash/refusal.ts"
import { KernelError } from "../../../src/kernel/error.ts"
import { LinkError } from "../../../src/net/link.ts"
import { TrustedKeys } from "../../../src/net/signature.ts"
import { encodeManifest } from "../../../src/wire/manifest.ts"
import type { Manifest } from "../../../src/wire/manifest.ts"
import { moduleWith } from "../../kernel/foreign-modules.ts"
import { OPERATOR, STRANGER, signed } from "./signed.ts"

const BYTES = moduleWith()
const GATEWAY: Gateway = {
  slot: "train",
  tags: ["fan"],
  limits: FLASH_LIMITS,
  sequence: 5,
  highest: 4,
  now: 2_000_000_000,
  room: 1_000_000,
}

function codeOf(work: () => unknown): string {
  try {
    work()
  } catch (error) {
    if (error instanceof Refusal) return error.code
    throw error
  }
  return "taken"
}

function verdict(change: Partial<Manifest>, gateway: Partial<Gateway> = {}): string {
  const { manifest } = signed(BYTES, { sequence: 5, ...change })
  return codeOf(() => checkManifest(manifest, { ...GATEWAY, ...gateway }))
}

describe("what a manifest is held to", () => {
  test.each<[string, Partial<Manifest>, Partial<Gateway>]>([
    ["taken", {}, {}],
    ["taken", { tags: ["pump", "fan"] }, {}],
    ["target", { tags: ["pump"] }, {}],
    ["target", { tags: ["pump"] }, { tags: [] }],
    ["taken", { expires: 2_000_000_001 }, {}],
    ["expired", { expires: 2_000_000_000 }, {}],
    ["sequence", { sequence: 6 }, {}],
    ["sequence", {}, { highest: 5 }],
    ["taken", { memoryKiB: 65536 }, {}],
    ["memory", { memoryKiB: 65537 }, {}],
    ["taken", {}, { room: BYTES.length }],
    ["space", {}, { room: BYTES.length - 1 }],
    ["taken", { sizeBytes: 4096 * 64, chunkBytes: 64 }, {}],
    ["count", { sizeBytes: 4096 * 64 + 1, chunkBytes: 64 }, {}],
    ["slot", { slot: "score" }, {}],
    ["abi", { abi: 2 }, {}],
  ])("%s: %j of %j", (code, change, gateway) => expect(verdict(change, gateway)).toBe(code))
})

describe("opening", () => {
  const { envelope } = signed(BYTES)
  const trusted = new TrustedKeys([OPERATOR.publicKey])

  test("any of the keys that are trusted will do", () => {
    const both = new TrustedKeys([STRANGER.publicKey, OPERATOR.publicKey])
    expect(openManifest(envelope, both)).toEqual(signed(BYTES).manifest)
    expect(codeOf(() => openManifest(envelope, new TrustedKeys([STRANGER.publicKey])))).toBe("unknown-key")
  })

  test("every prefix, and every changed byte, is refused", () => {
    for (let at = 0; at < envelope.length; at++) {
      expect(codeOf(() => openManifest(envelope.subarray(0, at), trusted))).toBe("envelope")
      for (const bit of [1, 16, 128]) {
        const changed = envelope.slice()
        changed[at]! ^= bit
        expect(codeOf(() => openManifest(changed, trusted))).toMatch(/^(envelope|unknown-key|signature)$/)
      }
    }
  })

  // With a good signature, so that it is the decoder that is reached.
  test("a manifest of any bytes is refused, or is exactly what it would be written as", () => {
    const { manifest } = signed(BYTES, { tags: ["fan", "hall-3"], expires: 4_000_000_000 })
    const payload = encodeManifest(manifest)
    let state = 12345
    const random = (below: number): number => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0
      return Math.floor((state / 2 ** 32) * below)
    }
    let taken = 0
    for (let run = 0; run < 3000; run++) {
      const bytes = [...payload]
      for (let changes = 1 + random(4); changes > 0; changes--) {
        const at = random(bytes.length)
        if (random(2) === 0) bytes[at] = random(256)
        else bytes.splice(at, random(3), ...Array.from({ length: random(3) }, () => random(256)))
      }
      const changed = Uint8Array.from(bytes)
      const code = codeOf(() => {
        expect(encodeManifest(openManifest(OPERATOR.seal(changed), trusted)), `run ${run}`).toEqual(changed)
        taken++
      })
      expect(code, `run ${run}`).toMatch(/^(taken|manifest)$/)
    }
    // Bytes of digests and numbers may be any.
    expect(taken).toBeGreaterThan(100)
    expect(taken).toBeLessThan(2900)
  })
})

describe("reasons", () => {
  test("begin with the code, and fit into a message", () => {
    expect(reasonOf(new Refusal("digest", "short"))).toBe("digest: short")
    const long = reasonOf(new Refusal("module", "ä".repeat(300)))
    expect(Buffer.byteLength(long)).toBe(200)
    expect(Buffer.byteLength(reasonOf(new Refusal("output", "ä".repeat(300))))).toBe(200)
    expect(reasonOf(new Refusal("target", "ä".repeat(300)))).not.toContain("\uFFFD")
    expect(reasonOf(new Refusal("slot", "ä".repeat(300)))).toMatch(/^slot: ä+$/)
    expect(reasonOf(new Refusal("digest", `x${"ä".repeat(300)}`))).toMatch(/^digest: xä+$/)
  })

  test("a module is to blame for what it does, and for nothing else", () => {
    expect(faultOf(new KernelError("trap", "x"))?.code).toBe("trap")
    expect(faultOf(new KernelError("module", "x"))?.code).toBe("output")
    expect(faultOf(new LinkError("link-down", "x"))).toBeUndefined()
    expect(faultOf(new Error("x"))).toBeUndefined()
  })
})
