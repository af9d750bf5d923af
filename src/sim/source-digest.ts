import { createHash } from "node:crypto"
import type { Hash } from "node:crypto"
import { createReadStream } from "node:fs"
import { readdir, stat } from "node:fs/promises"
import { basename, dirname, join } from "node:path"
import { pipeline } from "node:stream/promises"
import { isIdxName } from "../data/idx.ts"

/**
 * SHA-256 of what a data source holds, wherever it lies: of a file its bytes, of a folder the names and bytes of its files, of a source that is built in or
 * generated its name. Lower-case hexadecimal.
 */
export async function sourceDigest(source: string): Promise<string> {
  const hash = createHash("sha256")
  const stats = await stat(source).catch(() => undefined)
  if (stats === undefined) return hash.update(source).digest("hex")
  if (stats.isDirectory()) await addFolder(hash, source, "")
  else if (describesFolder(source)) await addFolder(hash, dirname(source), "")
  else await addFile(hash, source)
  return hash.digest("hex")
}

// A folder may be given by the file in it that describes it.
function describesFolder(file: string): boolean {
  const name = basename(file)
  return name === "meta.json" || isIdxName(name)
}

async function addFolder(hash: Hash, folder: string, path: string): Promise<void> {
  const entries = await readdir(folder, { withFileTypes: true })
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const inside = `${path}/${entry.name}`
    if (entry.isDirectory()) await addFolder(hash, join(folder, entry.name), inside)
    else {
      hash.update(`${inside}\0`)
      await addFile(hash, join(folder, entry.name))
    }
  }
}

/** A file's own digest goes in, so that no other files run together into the same bytes. */
async function addFile(hash: Hash, file: string): Promise<void> {
  const own = createHash("sha256")
  await pipeline(createReadStream(file, { highWaterMark: 1 << 20 }), own)
  hash.update(own.digest())
}
