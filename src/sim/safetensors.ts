import { FedmoteError } from "../core/error.ts"

/**
 * The safetensors format (github.com/huggingface/safetensors): the header's length as 8 bytes, little-endian; the header in JSON; the
 * tensors' bytes. Here: float32 only, and as strict as the format's own reader - no overlap, no hole, no byte that belongs to nothing.
 */

export interface Tensor {
  readonly shape: readonly number[]
  /** As many values as the shape says, row-major. */
  readonly values: Float32Array
}

export interface TensorFile {
  readonly tensors: ReadonlyMap<string, Tensor>
  readonly metadata: { readonly [key: string]: string }
}

/** Largest header that is read; the format's own bound is 100 MB. */
const MAX_HEADER_BYTES = 16 << 20
const METADATA = "__metadata__"

/** The file's bytes. Tensors lie in the order of the map; the header is padded with spaces to a multiple of 8. */
export function writeSafetensors({ tensors, metadata }: TensorFile): Uint8Array {
  const header: { [name: string]: unknown } = { [METADATA]: metadata }
  let dataBytes = 0
  for (const [name, { shape, values }] of tensors) {
    const end = dataBytes + 4 * values.length
    header[name] = { dtype: "F32", shape, data_offsets: [dataBytes, end] }
    dataBytes = end
  }
  const json = new TextEncoder().encode(JSON.stringify(header))
  const headerBytes = (json.length + 7) & ~7
  const bytes = new Uint8Array(8 + headerBytes + dataBytes).fill(0x20, 8, 8 + headerBytes)
  const view = new DataView(bytes.buffer)
  view.setBigUint64(0, BigInt(headerBytes), true)
  bytes.set(json, 8)
  let at = 8 + headerBytes
  for (const { values } of tensors.values()) for (const value of values) view.setFloat32((at += 4) - 4, value, true)
  return bytes
}

/** Reads a file's bytes; the values are copies. Throws `FedmoteError` ("safetensors"), one line that begins with `name`. */
export function readSafetensors(bytes: Uint8Array, name = "model"): TensorFile {
  const fail = (text: string): never => {
    throw new FedmoteError("safetensors", `${name}: ${text}`)
  }
  if (bytes.length < 8) return fail(`expected a safetensors file, got ${bytes.length} bytes`)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const headerBytes = view.getBigUint64(0, true)
  if (headerBytes > BigInt(Math.min(MAX_HEADER_BYTES, bytes.length - 8)))
    return fail(`not a safetensors file, or cut off: its header would have ${headerBytes} bytes`)
  const dataAt = 8 + Number(headerBytes)
  const header = parseHeader(bytes.subarray(8, dataAt), fail)
  const dataBytes = bytes.length - dataAt
  const entries = Object.entries(header)
    .filter(([key]) => key !== METADATA)
    .map(([key, value]) => ({ key, ...checkEntry(key, value, dataBytes, fail) }))
    .sort((a, b) => a.from - b.from || a.to - b.to)
  let covered = 0
  for (const { key, from, to } of entries) {
    if (from < covered) fail(`tensor ${JSON.stringify(key)} overlaps another at byte ${from}`)
    if (from > covered) fail(`bytes ${covered} to ${from} belong to no tensor`)
    covered = to
  }
  if (covered !== dataBytes) fail(`expected ${covered} bytes of tensors, got ${dataBytes}`)
  const tensors = new Map<string, Tensor>()
  for (const { key, shape, from, to } of entries) {
    const values = new Float32Array((to - from) / 4)
    for (let i = 0; i < values.length; i++) values[i] = view.getFloat32(dataAt + from + 4 * i, true)
    tensors.set(key, { shape, values })
  }
  return { tensors, metadata: checkMetadata(header[METADATA], fail) }
}

type Fail = (text: string) => never

function parseHeader(bytes: Uint8Array, fail: Fail): { readonly [key: string]: unknown } {
  let header: unknown
  try {
    header = JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes))
  } catch {
    return fail("not a safetensors file: its header is not JSON")
  }
  return isRecord(header) ? header : fail("not a safetensors file: its header is not an object")
}

function checkEntry(
  key: string,
  value: unknown,
  dataBytes: number,
  fail: Fail,
): { readonly shape: readonly number[]; readonly from: number; readonly to: number } {
  const where = `tensor ${JSON.stringify(key)}`
  if (!isRecord(value)) return fail(`${where}: expected dtype, shape and data_offsets`)
  const { dtype, shape, data_offsets: offsets } = value
  if (dtype !== "F32") fail(`${where}: expected dtype F32, got ${JSON.stringify(dtype)}`)
  if (!isCounts(shape)) return fail(`${where}: expected a shape of whole numbers, got ${JSON.stringify(shape)}`)
  if (!isCounts(offsets) || offsets.length !== 2 || offsets[0]! > offsets[1]!)
    return fail(`${where}: expected two data_offsets, got ${JSON.stringify(offsets)}`)
  const [from, to] = [offsets[0]!, offsets[1]!]
  if (to > dataBytes) fail(`${where}: ends at byte ${to}, the file has ${dataBytes} bytes of tensors`)
  const wanted = shape.reduce((size, side) => size * side, 4)
  if (to - from !== wanted) fail(`${where}: expected ${wanted} bytes for shape [${shape.join(", ")}], got ${to - from}`)
  return { shape, from, to }
}

function checkMetadata(value: unknown, fail: Fail): { readonly [key: string]: string } {
  if (value === undefined) return {}
  if (!isRecord(value) || !Object.values(value).every((each) => typeof each === "string"))
    return fail("expected metadata of strings")
  return value as { readonly [key: string]: string }
}

function isRecord(value: unknown): value is { readonly [key: string]: unknown } {
  return typeof value === "object" && value !== null && !Array.isArray(value)
}

function isCounts(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((each) => Number.isSafeInteger(each) && each >= 0)
}
