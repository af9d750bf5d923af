import { TYPES } from "../../src/wire/keys.ts"
import { INVALID, VECTORS, fromHex } from "../wire/vectors.ts"
import { Records } from "./records.ts"

/** The golden vectors of `test/vectors/wire`: messages, and bytes that are none. */
export function messageRecords(): Records {
  const records = new Records()
  for (const { name, bytes, message } of VECTORS)
    records.add("message", name, bytes, Uint32Array.of(TYPES[message.type]))
  for (const { reason, hex } of INVALID) records.add("noMessage", reason, fromHex(hex))
  return records
}
