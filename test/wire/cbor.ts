/** A writer of CBOR for tests, of its own, so that they may build what the codec would not. Numbers must be integers. */
export type Item = number | boolean | string | Uint8Array | readonly Item[] | Map<number, Item>

export function cbor(item: Item): Uint8Array {
  const out: number[] = []
  write(out, item)
  return Uint8Array.from(out)
}

function write(out: number[], item: Item): void {
  if (typeof item === "boolean") out.push(item ? 0xf5 : 0xf4)
  else if (typeof item === "number") head(out, item < 0 ? 1 : 0, item < 0 ? -1 - item : item)
  else if (typeof item === "string") block(out, 3, new TextEncoder().encode(item))
  else if (item instanceof Uint8Array) block(out, 2, item)
  else if (item instanceof Map) {
    head(out, 5, item.size)
    for (const [key, value] of item) {
      write(out, key)
      write(out, value)
    }
  } else {
    head(out, 4, item.length)
    for (const each of item) write(out, each)
  }
}

function block(out: number[], major: number, bytes: Uint8Array): void {
  head(out, major, bytes.length)
  for (const byte of bytes) out.push(byte)
}

function head(out: number[], major: number, value: number): void {
  const size = value < 24 ? 0 : value < 2 ** 8 ? 1 : value < 2 ** 16 ? 2 : value < 2 ** 32 ? 4 : 8
  out.push((major << 5) | (size === 0 ? value : 24 + Math.log2(size)))
  for (let i = size - 1; i >= 0; i--) out.push(Math.floor(value / 256 ** i) % 256)
}
