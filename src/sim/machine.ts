import { readFileSync } from "node:fs"
import { availableParallelism, cpus } from "node:os"
import type { Result } from "../core/result.ts"
import { defaultKind } from "../kernel/module.ts"
import type { KernelKind } from "../kernel/types.ts"

/** Where a result was made. */
export function machineFacts(kernel: KernelKind = defaultKind(), workers?: number): Result["machine"] {
  const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
    readonly version: string
  }
  return {
    fedmote: version,
    node: process.versions.node,
    platform: `${process.platform}-${process.arch}`,
    cpu: cpus()[0]?.model.trim() || "unknown",
    cores: availableParallelism(),
    kernel,
    ...(workers === undefined ? {} : { workers }),
  }
}
