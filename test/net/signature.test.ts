import { readFileSync } from "node:fs"
import { expect, test } from "vitest"
import { TrustedKeys, keyIdOf, signerOf } from "../../src/net/signature.ts"
import { decodeOrder, encodeOrder } from "../../src/wire/order.ts"

const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "hex"))
const vectors = JSON.parse(readFileSync(new URL("../vectors/module/manifest.json", import.meta.url), "utf8")) as {
  readonly publicKey: string
  readonly secretKey: string
  readonly keyId: string
  readonly valid: readonly { readonly payload: string; readonly envelope: string }[]
}
const publicKey = hex(vectors.publicKey)

test("a seed gives the public key of RFC 8032, and the signatures of another implementation", () => {
  const signer = signerOf(hex(vectors.secretKey))
  expect(signer.publicKey).toEqual(publicKey)
  expect(keyIdOf(publicKey)).toEqual(hex(vectors.keyId))
  for (const { payload, envelope } of vectors.valid) expect(signer.seal(hex(payload))).toEqual(hex(envelope))
})

test("what a trusted key has signed is opened", () => {
  const other = signerOf(new Uint8Array(32).fill(7))
  const keys = new TrustedKeys([other.publicKey, publicKey])
  for (const { payload, envelope } of vectors.valid) expect(keys.open(hex(envelope))).toEqual(hex(payload))
  const payload = new Uint8Array(99).fill(1)
  expect(keys.open(other.seal(payload))).toEqual(payload)
})

test("what anybody else has signed is not", () => {
  const { envelope } = vectors.valid[0]!
  const other = signerOf(new Uint8Array(32).fill(7))
  expect(() => new TrustedKeys([other.publicKey]).open(hex(envelope))).toThrow(
    expect.objectContaining({ code: "unknown-key" }),
  )
  expect(() => new TrustedKeys([]).open(hex(envelope))).toThrow(/there is none/)
  const keys = new TrustedKeys([publicKey])
  for (let at = 0; at < envelope.length / 2; at++) {
    const changed = hex(envelope)
    changed[at]! ^= 1
    expect(() => keys.open(changed)).toThrow(
      expect.objectContaining({ code: expect.stringMatching(/^(envelope|unknown-key|signature)$/) as string }),
    )
  }
})

test("a key that is none is refused", () => {
  expect(() => signerOf(new Uint8Array(31))).toThrow("private key: expected 32 bytes, got 31")
  expect(() => new TrustedKeys([new Uint8Array(33)])).toThrow("public key: expected 32 bytes, got 33")
})

test("orders travel in the same envelope, the shortest too", () => {
  const signer = signerOf(hex(vectors.secretKey))
  const order = { action: "start", slot: "a", sequence: 1, issued: 1, nonce: 0 } as const
  expect(decodeOrder(new TrustedKeys([publicKey]).open(signer.seal(encodeOrder(order))))).toEqual(order)
})
