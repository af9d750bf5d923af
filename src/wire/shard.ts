/** FNV-1a, 32 bits (RFC 9923), of an ASCII string: unsigned. */
export function fnv1a(text: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ (text.charCodeAt(i) & 0xff), 0x01000193)
  return hash >>> 0
}

/** The shard that a device's updates go to, 0 to `shards - 1`: whoever serves the shard sees all chunks of its devices. */
export function shardOf(device: string, shards: number): number {
  return fnv1a(device) % shards
}
