import { TYPES } from "../../src/wire/keys.ts"
import { INVALID, PLAIN_VECTORS, VECTORS, fromHex } from "../wire/vectors.ts"
import { Records } from "./records.ts"

/** The golden vectors of `test/vectors/wire`: messages, and bytes that are none. */
export function messageRecords(): Records {
  const records = new Records()
  for (const { name, bytes, message } of PLAIN_VECTORS)
    records.add("message", name, bytes, Uint32Array.of(TYPES[message.type]))
  // A client without modules refuses what is about them.
  for (const vector of VECTORS) if (!PLAIN_VECTORS.includes(vector)) records.add("noMessage", vector.name, vector.bytes)
  for (const { reason, hex } of INVALID) records.add("noMessage", reason, fromHex(hex))
  return records
}
