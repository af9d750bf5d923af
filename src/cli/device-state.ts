import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeSync } from "node:fs"
import { FedmoteError } from "../core/error.ts"
import type { DeviceMemory } from "../device/keeping.ts"

/** A device's state in a file: whole or as it was before, also where the power fails. Throws `FedmoteError` ("state", "output"). */
export function fileMemory(file: string): DeviceMemory {
  return {
    load() {
      try {
        return readFileSync(file)
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined
        throw new FedmoteError("state", `cannot read: ${(error as Error).message}`, { cause: error })
      }
    },
    save(bytes) {
      const unfinished = `${file}.${process.pid}.tmp`
      try {
        const descriptor = openSync(unfinished, "w", 0o600)
        try {
          for (let at = 0; at < bytes.length;) at += writeSync(descriptor, bytes, at)
          fsyncSync(descriptor)
        } finally {
          closeSync(descriptor)
        }
        renameSync(unfinished, file)
      } catch (error) {
        rmSync(unfinished, { force: true })
        throw new FedmoteError("output", `cannot write ${file}: ${(error as Error).message}`, { cause: error })
      }
    },
  }
}
