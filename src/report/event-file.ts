import { crc32c } from "./crc32c.ts"

/**
 * TensorBoard's event files: TFRecord frames (tensorflow/core/lib/io/record_writer.h), each with one `Event` message in Protocol Buffers' wire format
 * (tensorflow/core/util/event.proto, tensorflow/core/framework/summary.proto). Only what scalars need.
 */

export interface ScalarEvent {
  /** Seconds since 1970. */
  readonly wallTime: number
  /** From 0, whole. */
  readonly step: number
  /** Rounded to float32 in the file. */
  readonly scalars: readonly { readonly tag: string; readonly value: number }[]
}

/** A whole file, with the frame that says its version at the head. */
export function eventFile(startTime: number, events: readonly ScalarEvent[]): Uint8Array {
  const head = [...double(1, startTime), ...lengthDelimited(3, Buffer.from("brain.Event:2"))]
  return Buffer.concat([head, ...events.map(eventMessage)].map((message) => frame(Uint8Array.from(message))))
}

/** Length, its checksum, the message, its checksum; all little-endian. */
export function frame(message: Uint8Array): Uint8Array {
  const bytes = Buffer.alloc(message.length + 16)
  bytes.writeBigUInt64LE(BigInt(message.length), 0)
  bytes.writeUInt32LE(maskedCrc(bytes.subarray(0, 8)), 8)
  bytes.set(message, 12)
  bytes.writeUInt32LE(maskedCrc(message), message.length + 12)
  return bytes
}

// Masked, since a checksum of data that holds checksums of itself says little.
function maskedCrc(bytes: Uint8Array): number {
  const crc = crc32c(bytes)
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0
}

function eventMessage({ wallTime, step, scalars }: ScalarEvent): number[] {
  const values = scalars.flatMap(({ tag, value }) =>
    lengthDelimited(1, [...lengthDelimited(1, Buffer.from(tag)), ...float(2, value)]),
  )
  // Proto3 leaves out what is zero.
  return [...double(1, wallTime), ...(step === 0 ? [] : [key(2, 0), ...varint(step)]), ...lengthDelimited(5, values)]
}

function key(field: number, wireType: number): number {
  return (field << 3) | wireType
}

function varint(value: number): number[] {
  const bytes: number[] = []
  for (; value >= 128; value = Math.floor(value / 128)) bytes.push((value % 128) | 128)
  return [...bytes, value]
}

function double(field: number, value: number): number[] {
  const bytes = Buffer.alloc(8)
  bytes.writeDoubleLE(value)
  return value === 0 ? [] : [key(field, 1), ...bytes]
}

function float(field: number, value: number): number[] {
  const bytes = Buffer.alloc(4)
  bytes.writeFloatLE(value)
  return [key(field, 5), ...bytes]
}

function lengthDelimited(field: number, bytes: ArrayLike<number>): number[] {
  return [key(field, 2), ...varint(bytes.length), ...Array.from(bytes)]
}
