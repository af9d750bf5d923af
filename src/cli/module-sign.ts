import { Command } from "commander"
import { TRAINING_ABI } from "../kernel/training-module.ts"
import { keyIdOf, signerOf } from "../net/signature.ts"
import type { Signer } from "../net/signature.ts"
import { writeAtomically } from "../report/atomic-file.ts"
import { MANIFEST_BOUNDS, chunkCount, encodeManifest } from "../wire/manifest.ts"
import type { Manifest } from "../wire/manifest.ts"
import { readKey } from "./keys.ts"
import { hex } from "../net/digest.ts"
import { checkedModule } from "./module-file.ts"
import type { CheckedModule } from "./module-file.ts"
import { writeJson } from "./output.ts"
import { days, slotName, whole } from "./parse.ts"

/** What `fedmote module sign --json` writes. */
const SCHEMA = "fedmote-manifest/1"

/** What a manifest says of a module besides what the module is. */
export interface SignFlags {
  readonly key: string
  readonly slot: string
  /** A tag, or `all`. */
  readonly to: string
  /** Seconds from now. */
  readonly expires?: number
  readonly chunk: number
  /** KiB. */
  readonly memory: number
}

/** As much as gateways give a module unless they are told otherwise, and chunks of a size that most of them take in one packet. */
const DEFAULTS = { memoryKiB: 65536, chunkBytes: 4096 } as const

export function addSignOptions(command: Command): Command {
  const { chunkBytes, memoryKib } = MANIFEST_BOUNDS
  return command
    .requiredOption("--key <file>", "the private key to sign with, of `fedmote keys new`")
    .option("--slot <name>", "which slot of a gateway it is for", slotName, "train")
    .option("--expires <days>", "gateways with a clock do not take it any more after so many days (30d)", days)
    .option(
      "--chunk <bytes>",
      "in how many bytes each it travels",
      whole(chunkBytes.min, chunkBytes.max),
      DEFAULTS.chunkBytes,
    )
    .option(
      "--memory <kib>",
      "the most memory that it may take on a gateway",
      whole(memoryKib.min, memoryKib.max),
      DEFAULTS.memoryKiB,
    )
}

export function moduleSignCommand(): Command {
  const command = new Command("sign")
    .description("check a module and sign its manifest, without any connection")
    .argument("<file>", "WebAssembly module")
    .requiredOption(
      "--sequence <number>",
      "higher than of any module that this slot of the fleet has had",
      whole(MANIFEST_BOUNDS.sequence.min),
    )
    .option("--to <tag>", "only devices with this tag take it; all: every device", slotName, "all")
    .requiredOption("--out <file>", "where to write the signed manifest")
    .option("--json <file>", "write what it says as fedmote-manifest/1; - is standard output")
  return addSignOptions(command).action(async (file: string, flags: Flags) => {
    const signer = signerOf(await readKey(flags.key))
    const { manifest, envelope } = signModule(await checkedModule(file), flags, signer)
    await writeAtomically(flags.out, envelope)
    if (flags.json !== "-") process.stdout.write(describe(flags.out, manifest, envelope.length))
    if (flags.json !== undefined)
      await writeJson({ schema: SCHEMA, ...describedManifest(manifest, envelope, signer) }, flags.json)
  })
}

interface Flags extends SignFlags {
  readonly sequence: number
  readonly out: string
  readonly json?: string
}

export interface SignedModule {
  readonly manifest: Manifest
  /** Its bytes, signed. */
  readonly envelope: Uint8Array
}

/** Throws `WireError` ("bound") where the manifest would be too long. */
export function signModule(
  { bytes, facts, digest, selfTest }: CheckedModule,
  { slot, to, sequence, expires, chunk, memory }: SignFlags & { readonly sequence: number },
  signer: Signer,
): SignedModule {
  const manifest: Manifest = {
    sequence,
    slot,
    tags: to === "all" ? [] : [to],
    abi: TRAINING_ABI,
    features: facts.features,
    memoryKiB: memory,
    sizeBytes: bytes.length,
    digest,
    chunkBytes: chunk,
    selfTest,
    ...(expires !== undefined && { expires: Math.floor(Date.now() / 1000) + expires }),
  }
  return { manifest, envelope: signer.seal(encodeManifest(manifest)) }
}

/** A signed manifest for JSON: byte strings in hexadecimal. */
export function describedManifest(manifest: Manifest, envelope: Uint8Array, { publicKey }: Signer): object {
  const { digest, selfTest, ...fields } = manifest
  const bytes = { digest: hex(digest), selfTest: hex(selfTest) }
  return { ...fields, ...bytes, keyId: hex(keyIdOf(publicKey)), manifestBytes: envelope.length }
}

function describe(out: string, manifest: Manifest, size: number): string {
  const { sequence, slot, tags, sizeBytes, expires } = manifest
  const until = expires === undefined ? "" : `, until ${new Date(1000 * expires).toISOString()}`
  const to = tags.length === 0 ? "all devices" : `devices with tag ${tags.join(", ")}`
  return `${out}: module ${sequence} of slot ${slot} for ${to}${until}: ${sizeBytes} bytes in ${chunkCount(manifest)} chunks; the signed manifest has ${size} bytes\n`
}
