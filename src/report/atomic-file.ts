import { rename, rm, writeFile } from "node:fs/promises"
import { FedmoteError } from "../core/error.ts"

/** Writes all of `content` to `file` or leaves it as it was: readers never see half a file. Throws `FedmoteError` ("output"). */
export async function writeAtomically(file: string, content: string | Uint8Array): Promise<void> {
  const unfinished = `${file}.${process.pid}.tmp`
  try {
    await writeFile(unfinished, content)
    await rename(unfinished, file)
  } catch (error) {
    await rm(unfinished, { force: true })
    const { code } = error as NodeJS.ErrnoException
    const reason =
      code === "ENOENT" || code === "ENOTDIR"
        ? "its folder does not exist"
        : code === "EISDIR"
          ? "it is a folder"
          : code === "EACCES" || code === "EPERM" || code === "EROFS"
            ? "no permission"
            : (error as Error).message
    throw new FedmoteError("output", `cannot write ${file}: ${reason}`, { cause: error })
  }
}
