import { createPrivateKey, createPublicKey, sign, verify } from "node:crypto"
import type { KeyObject } from "node:crypto"
import { FedmoteError } from "../core/error.ts"
import { decodeEnvelope, encodeEnvelope, signedBytes } from "../wire/manifest.ts"
import { hex, sha256 } from "./digest.ts"

/** Ed25519 (RFC 8032) for signed manifests. */

/** Bytes of a public key, and of a private key's seed. */
export const KEY_BYTES = 32

/** How an envelope names the key that signed it: the first 8 bytes of the SHA-256 of the public key. */
export function keyIdOf(publicKey: Uint8Array): Uint8Array {
  return sha256(publicKey).slice(0, 8)
}

/** A key pair from the 32 bytes of a seed (RFC 8032, section 5.1.5), or from a new one. */
export interface Signer {
  readonly publicKey: Uint8Array
  /** Wraps a manifest's bytes into an envelope. Throws `WireError` ("bound") where it is too long. */
  seal(payload: Uint8Array): Uint8Array
}

/** Throws `FedmoteError` ("key") for anything but 32 bytes. */
export function signerOf(seed: Uint8Array): Signer {
  if (seed.length !== KEY_BYTES) throw notKey("private key", seed)
  const key = createPrivateKey({ key: der("302e020100300506032b657004220420", seed), format: "der", type: "pkcs8" })
  const publicKey = rawOf(createPublicKey(key))
  const keyId = keyIdOf(publicKey)
  return {
    publicKey,
    seal: (payload) =>
      encodeEnvelope({ keyId, payload, signature: new Uint8Array(sign(null, signedBytes({ keyId, payload }), key)) }),
  }
}

/** The public keys that a device trusts. */
export class TrustedKeys {
  readonly #keys: ReadonlyMap<string, KeyObject>

  /** Throws `FedmoteError` ("key") for a key that is not 32 bytes. */
  constructor(publicKeys: readonly Uint8Array[]) {
    this.#keys = new Map(publicKeys.map((each) => [hex(keyIdOf(each)), publicOf(each)]))
  }

  /**
   * The payload of an envelope, if one of the trusted keys has signed it: until then nothing of it is parsed. Throws `WireError` ("envelope") for what is
   * no envelope, `FedmoteError` ("unknown-key" or "signature").
   */
  open(envelope: Uint8Array): Uint8Array {
    const { keyId, payload, signature } = decodeEnvelope(envelope)
    const key = this.#keys.get(hex(keyId))
    if (key === undefined)
      throw new FedmoteError(
        "unknown-key",
        `expected a manifest signed with ${[...this.#keys.keys()].join(" or ") || "a trusted key, and there is none"}, got key ${hex(keyId)}`,
      )
    if (!verify(null, signedBytes({ keyId, payload }), key, signature))
      throw new FedmoteError("signature", `expected a signature of key ${hex(keyId)}, got one that does not fit`)
    return payload
  }
}

function publicOf(raw: Uint8Array): KeyObject {
  if (raw.length !== KEY_BYTES) throw notKey("public key", raw)
  return createPublicKey({ key: der("302a300506032b6570032100", raw), format: "der", type: "spki" })
}

function rawOf(key: KeyObject): Uint8Array {
  return new Uint8Array(key.export({ format: "der", type: "spki" }).subarray(-KEY_BYTES))
}

// RFC 8410: the key behind a prefix that is always the same.
function der(prefix: string, raw: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(prefix, "hex"), raw])
}

function notKey(what: string, got: Uint8Array): FedmoteError {
  return new FedmoteError("key", `${what}: expected ${KEY_BYTES} bytes, got ${got.length}`)
}
