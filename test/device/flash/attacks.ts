import { chunkModule } from "../../../src/wire/chunk.ts"
import { encode } from "../../../src/wire/codec.ts"
import type { ModuleChunk } from "../../../src/wire/message.ts"
import { encodeOrder } from "../../../src/wire/order.ts"
import { moduleWith, ownModule, scalarNamed } from "../../kernel/foreign-modules.ts"
import { names } from "../fake-coordinator.ts"
import { OPERATOR, STRANGER, signed } from "./signed.ts"
import type { Signed } from "./signed.ts"

/** What somebody puts onto the broker to get something else onto a gateway than its operator wants: retained topics and their bytes. */
export type Attack = (sequence: number) => readonly (readonly [topic: string, bytes: Uint8Array])[]

/** The sequence of the module that the gateways of these tests run, and the one before. */
export const OLD = signed(scalarNamed("old"), { sequence: 2 })
export const OLDER = signed(scalarNamed("older"), { sequence: 1 })

const NEW = scalarNamed("new")
const wasm = (change: Parameters<typeof moduleWith>[0], more = ""): Uint8Array => moduleWith(change, more)
const IMPORTS = wasm({}, `(import "env" "steal" (func))`)
const GROWS = wasm({ init: `(func (export "init") (drop (memory.grow (i32.const 1))))` })

/** With their reasons, as a gateway reports them. */
export const ATTACKS: readonly (readonly [name: string, attack: Attack, reason: RegExp])[] = [
  [
    "a wrong signature",
    (sequence) => {
      const module = signed(NEW, { sequence })
      const envelope = module.envelope.slice()
      envelope[envelope.length - 1]! ^= 1
      return published({ ...module, envelope })
    },
    /^signature: /,
  ],
  [
    "a manifest that was changed after it was signed",
    (sequence) => {
      const module = signed(NEW, { sequence })
      const envelope = module.envelope.slice()
      envelope[40]! ^= 1
      return published({ ...module, envelope })
    },
    /^signature: /,
  ],
  ["an unknown key", (sequence) => published(signed(NEW, { sequence }, STRANGER)), /^unknown-key: /],
  [
    "a manifest that has expired",
    (sequence) => published(signed(NEW, { sequence, expires: 1_700_000_000 })),
    /^expired: /,
  ],
  [
    "the manifest of the module that runs, replayed",
    (sequence) => published(OLD, sequence),
    /^sequence: .* got the manifest of 2/,
  ],
  [
    "the manifest of an older module, replayed",
    (sequence) => published(OLDER, sequence),
    /^sequence: .* got the manifest of 1/,
  ],
  [
    "a module for other devices",
    (sequence) => published(signed(NEW, { sequence, tags: ["pump"] })),
    /^target: it is for pump/,
  ],
  ["a module for another slot", (sequence) => published(signed(NEW, { sequence, slot: "score" }), sequence), /^slot: /],
  ["a module of another ABI", (sequence) => published(signed(NEW, { sequence, abi: 2 })), /^abi: /],
  [
    "a manifest that is cut off",
    (sequence) => {
      const module = signed(NEW, { sequence })
      return published({ ...module, envelope: module.envelope.slice(0, -1) })
    },
    /^envelope: /,
  ],
  [
    "an order in the place of a manifest",
    (sequence) => {
      const order = {
        action: "start",
        slot: "train",
        sequence,
        issued: 1,
        nonce: 1,
        tag: "a-tag-of-some-length",
      } as const
      return published({ ...signed(NEW, { sequence }), envelope: OPERATOR.seal(encodeOrder(order)) })
    },
    /^(manifest|envelope): /,
  ],
  [
    "a chunk that is cut off",
    (sequence) => chunks(sequence, (chunk) => ({ ...chunk, payload: chunk.payload.subarray(1) })),
    /^chunk: /,
  ],
  [
    "a module that is cut off",
    (sequence) => {
      const module = signed(NEW, { sequence })
      const short = signed(NEW.slice(0, -100), { sequence })
      return published({ ...module, envelope: short.envelope, bytes: short.bytes })
    },
    /^module: /,
  ],
  [
    "a manifest with too many chunks",
    (sequence) => published(signed(NEW, { sequence, sizeBytes: 1_048_576, chunkBytes: 64 })),
    /^count: expected at most 4096 chunks, got 16384/,
  ],
  [
    "chunks that say there are too many of them",
    (sequence) => chunks(sequence, (chunk) => ({ ...chunk, count: 65535 })),
    /^count: /,
  ],
  [
    "chunks that were swapped",
    (sequence) =>
      chunks(sequence, (chunk, all) => ({
        ...all.at(chunk.index < 2 ? 1 - chunk.index : chunk.index)!,
        index: chunk.index,
      })),
    /^digest: /,
  ],
  [
    "chunks on each other's topics",
    (sequence) => chunks(sequence, (chunk, all) => all[chunk.index === 0 ? 1 : 0]!),
    /^chunk: /,
  ],
  [
    "another module than was signed",
    (sequence) => published({ ...signed(NEW, { sequence }), bytes: flipped(NEW) }),
    /^digest: /,
  ],
  [
    "a module with imports",
    (sequence) => published(signed(IMPORTS, { sequence })),
    /^module: .*expected no imports, got env.steal/,
  ],
  [
    "a module that grows its memory",
    (sequence) => published(signed(GROWS, { sequence })),
    /^module: .*the module grows it/,
  ],
  ["no module at all", (sequence) => published(signed(new Uint8Array(64), { sequence })), /^module: /],
  ["more memory than there is", (sequence) => published(signed(NEW, { sequence, memoryKiB: 1_000_000 })), /^memory: /],
  [
    "instructions that are not declared",
    (sequence) => published(signed(ownModule("simd"), { sequence })),
    /^features: /,
  ],
  [
    "answers of another module",
    (sequence) => published(signed(NEW, { sequence, selfTest: new Uint8Array(32) })),
    /^self-test: /,
  ],
  [
    "a module that traps in the self-test",
    (sequence) => published(signed(wasm({ begin: `(func (export "begin") unreachable)` }), { sequence })),
    /^self-test: the module trapped/,
  ],
]

/** All that a publisher of a module retains, under the topics of `sequence`. */
export function published(
  { envelope, bytes, manifest }: Signed,
  sequence = manifest.sequence,
): (readonly [string, Uint8Array])[] {
  return [
    [names.manifest("train", sequence), envelope],
    ...chunkModule(bytes, sequence, manifest.chunkBytes).map(
      (chunk) => [names.module("train", sequence, chunk.index), encode(chunk)] as const,
    ),
  ]
}

function chunks(
  sequence: number,
  change: (chunk: ModuleChunk, all: readonly ModuleChunk[]) => ModuleChunk,
): (readonly [string, Uint8Array])[] {
  const { envelope, bytes, manifest } = signed(NEW, { sequence })
  const all = chunkModule(bytes, sequence, manifest.chunkBytes)
  return [
    [names.manifest("train", sequence), envelope],
    ...all.map((chunk) => [names.module("train", sequence, chunk.index), encode(change(chunk, all))] as const),
  ]
}

function flipped(bytes: Uint8Array): Uint8Array {
  const other = bytes.slice()
  other[other.length - 1]! ^= 1
  return other
}
