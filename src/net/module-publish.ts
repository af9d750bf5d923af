import { chunkModule } from "../wire/chunk.ts"
import { encode } from "../wire/codec.ts"
import { chunkCount } from "../wire/manifest.ts"
import type { Manifest } from "../wire/manifest.ts"
import type { Topics } from "../wire/topics.ts"
import type { Link } from "./link.ts"

/** Messages that wait for the broker's acknowledgement at a time. */
const WINDOW = 16
const NOTHING = new Uint8Array(0)

export interface ModulePublishing {
  readonly link: Link
  readonly topics: Topics
  readonly signal?: AbortSignal
}

/**
 * Retains a module where gateways pull it from: all chunks first, the signed manifest when the broker has them. Doing it again changes nothing. Throws
 * `LinkError`, and the signal's reason.
 */
export async function publishModule(
  { slot, sequence, chunkBytes }: Pick<Manifest, "slot" | "sequence" | "chunkBytes">,
  module: { readonly envelope: Uint8Array; readonly bytes: Uint8Array },
  to: ModulePublishing,
): Promise<void> {
  const { topics } = to
  const chunks = chunkModule(module.bytes, sequence, chunkBytes)
  await retainAll(chunks, (chunk) => [topics.module(slot, sequence, chunk.index), encode(chunk)], to)
  await retainAll([module.envelope], (envelope) => [topics.manifest(slot, sequence), envelope], to)
}

/** Takes a module back from where gateways pull it from, the manifest first. Throws `LinkError`, and the signal's reason. */
export async function clearModule(
  { slot, sequence, ...shape }: Pick<Manifest, "slot" | "sequence" | "sizeBytes" | "chunkBytes">,
  from: ModulePublishing,
): Promise<void> {
  const { topics } = from
  await retainAll([topics.manifest(slot, sequence)], (topic) => [topic, NOTHING], from)
  const indices = Array.from({ length: chunkCount(shape) }, (_, index) => index)
  await retainAll(indices, (index) => [topics.module(slot, sequence, index), NOTHING], from)
}

async function retainAll<T>(
  parts: readonly T[],
  message: (part: T) => readonly [topic: string, payload: Uint8Array],
  { link, signal }: ModulePublishing,
): Promise<void> {
  // One iterator that all share.
  const left = parts.values()
  const work = async (): Promise<void> => {
    for (const part of left) await link.publish(...message(part), { retain: true, ...(signal && { signal }) })
  }
  await Promise.all(Array.from({ length: Math.min(WINDOW, parts.length) }, work))
}
