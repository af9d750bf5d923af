import { readFile } from "node:fs/promises"
import type { Command } from "commander"
import { FedmoteError } from "../core/error.ts"
import { KEY_BYTES } from "../net/signature.ts"

export interface TrustFlags {
  readonly trust?: readonly string[]
}

/** `--trust`, for those who check what an operator has signed: several keys, so that a new one can take an old one's place. */
export function addTrustOption(command: Command): Command {
  return command.option(
    "--trust <key...>",
    "public keys whose modules are taken: as `fedmote keys show` prints them, or files with one a line",
  )
}

/** The public keys that are trusted, each once; undefined where the option is not there. Throws `FedmoteError` ("key"). */
export async function trustedKeys({ trust }: TrustFlags): Promise<readonly Uint8Array[] | undefined> {
  if (trust === undefined) return undefined
  const found = await Promise.all(trust.map(async (text) => (isKey(text) ? [text] : keysIn(text))))
  return [...new Set(found.flat().map((key) => key.toLowerCase()))].map(
    (key) => new Uint8Array(Buffer.from(key, "hex")),
  )
}

/** Lines that are empty or begin with `#` are none. */
async function keysIn(file: string): Promise<readonly string[]> {
  const lines = (await textOf(file)).split("\n").map((line) => line.trim())
  const keys = lines.flatMap((line, i) => {
    if (line === "" || line.startsWith("#")) return []
    if (isKey(line)) return [line]
    // Not what is there: it could be a private key.
    throw new FedmoteError("key", `${file}, line ${i + 1}: expected ${A_KEY}, got ${line.length} characters`)
  })
  if (keys.length === 0) throw new FedmoteError("key", `${file}: expected a public key a line, got none`)
  return keys
}

const A_KEY = `a public key in ${2 * KEY_BYTES} hexadecimal digits`

function isKey(text: string): boolean {
  return text.length === 2 * KEY_BYTES && /^[0-9a-f]+$/i.test(text)
}

async function textOf(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8")
  } catch (cause) {
    throw new FedmoteError("key", `--trust: expected ${A_KEY}, or a file of them; ${(cause as Error).message}`, {
      cause,
    })
  }
}
