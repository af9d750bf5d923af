import { existsSync, unwatchFile, watchFile } from "node:fs"

/** How often the file is looked for. */
const LOOK_MS = 1000

/** A file by whose presence a device's owner lets it take part. */
export interface WillingFile {
  readonly optedIn: () => boolean
  /** Calls `changed` when the file comes or goes. */
  watch(changed: () => void): void
  close(): void
}

export function willingFile(path: string): WillingFile {
  return {
    optedIn: () => existsSync(path),
    // Looks, since a file that is not there cannot be subscribed to.
    watch: (changed) => void watchFile(path, { interval: LOOK_MS }, changed),
    close: () => unwatchFile(path),
  }
}
