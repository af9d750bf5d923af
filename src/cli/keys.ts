import { randomBytes } from "node:crypto"
import { readFile, writeFile } from "node:fs/promises"
import { Command } from "commander"
import { FedmoteError } from "../core/error.ts"
import { keyIdOf, signerOf } from "../net/signature.ts"
import { writeJson } from "./output.ts"

/** What `fedmote keys --json` writes. */
const SCHEMA = "fedmote-key/1"

/** How a private key's file begins; 32 bytes in hexadecimal follow. */
const PRIVATE_PREFIX = "fedmote-private-key-1:"

interface Flags {
  readonly json?: string
}

export function keysCommand(): Command {
  const common = (command: Command): Command =>
    command
      .argument("<file>", "of the private key")
      .option("--json <file>", "write the public key as fedmote-key/1; - is standard output")
  return new Command("keys")
    .description("the keys that sign kernel modules (Ed25519)")
    .addCommand(
      common(new Command("new"))
        .description(
          "make a key: the private part goes into a file that only its owner reads, the public one is printed",
        )
        .action(async (file: string, flags: Flags) => {
          const seed = randomBytes(32)
          await writeKey(file, seed)
          await show(seed, flags)
        }),
    )
    .addCommand(
      common(new Command("show"))
        .description("print the public part of a key, which gateways are to trust")
        .action(async (file: string, flags: Flags) => show(await readKey(file), flags)),
    )
}

/** The seed in a private key's file. Throws `FedmoteError` ("key"). */
export async function readKey(file: string): Promise<Uint8Array> {
  let text: string
  try {
    text = await readFile(file, "utf8")
  } catch (cause) {
    throw new FedmoteError("key", `cannot read the key ${file}: ${(cause as Error).message}`, { cause })
  }
  const [, hex] = new RegExp(`^${PRIVATE_PREFIX}([0-9a-f]{64})\\s*$`).exec(text) ?? []
  if (hex === undefined)
    throw new FedmoteError(
      "key",
      `${file}: expected ${PRIVATE_PREFIX} and 64 hexadecimal digits, as \`fedmote keys new\` writes it`,
    )
  return new Uint8Array(Buffer.from(hex, "hex"))
}

// Never over a key that is there.
async function writeKey(file: string, seed: Uint8Array): Promise<void> {
  try {
    await writeFile(file, `${PRIVATE_PREFIX}${Buffer.from(seed).toString("hex")}\n`, { mode: 0o600, flag: "wx" })
  } catch (cause) {
    const why =
      (cause as NodeJS.ErrnoException).code === "EEXIST" ? "there is a file already" : (cause as Error).message
    throw new FedmoteError("key", `cannot write the key ${file}: ${why}`, { cause })
  }
}

async function show(seed: Uint8Array, { json }: Flags): Promise<void> {
  const { publicKey } = signerOf(seed)
  const [key, id] = [publicKey, keyIdOf(publicKey)].map((bytes) => Buffer.from(bytes).toString("hex"))
  if (json !== "-") process.stdout.write(`public key ${key}\nid         ${id}\n`)
  if (json !== undefined) await writeJson({ schema: SCHEMA, id, publicKey: key }, json)
}
