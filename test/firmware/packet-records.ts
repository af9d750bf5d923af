import { VECTORS } from "../wire/vectors.ts"
import * as mqtt from "./mqtt.ts"
import { Records } from "./records.ts"

/** What a broker sends: its answers, and every golden message of `test/vectors/wire` that fits a packet of 512 bytes, with QoS 0 and 1. */
export function packetRecords(): Records {
  const records = new Records()
  const add = (name: string, packet: Buffer, isMessage: number): void =>
    records.add("packet", name, packet, Uint32Array.of(isMessage))
  add("SUBACK", mqtt.suback(1), 0)
  add("PUBACK", mqtt.puback(65535), 0)
  add("UNSUBACK", mqtt.unsuback(3), 0)
  add("PINGRESP", mqtt.pingresp(), 0)
  for (const { name, bytes } of VECTORS)
    for (const id of [0, 0x1234]) {
      const packet = mqtt.publish("fm1/motes/round", bytes, id, id === 0)
      if (packet.length <= 512) add(`${name}, QoS ${id === 0 ? 0 : 1}`, packet, 1)
    }
  return records
}
