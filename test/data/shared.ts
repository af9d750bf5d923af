import { existsSync, readFileSync } from "node:fs"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { expect } from "vitest"
import type { Samples } from "../../src/core/samples.ts"
import { DataError } from "../../src/data/error.ts"

/** A folder of the shared data, beside the project's root. */
export function sharedData(name: string): string {
  return fileURLToPath(new URL(`../../../shared/data/${name}`, import.meta.url))
}

/** Whether it is missing, and what a skipped test says then. */
export function absence(name: string): { readonly absent: boolean; readonly note: string } {
  const absent = !existsSync(sharedData(name))
  return { absent, note: absent ? ` (skipped: ../shared/data/${name} is not there)` : "" }
}

export interface Facts {
  readonly rows: number
  readonly labelSum: number
  readonly mean: number
  readonly checksum: number
}

/** Figures of `reference.py`, from numpy. */
export const REFERENCE = JSON.parse(readFileSync(new URL("reference.json", import.meta.url), "utf8"))

/** The same figures of samples as a reader gave them. */
export function factsOf({ rows, x, y }: Samples): Facts {
  let sum = 0
  let weighted = 0
  for (let i = 0; i < x.length; i++) {
    sum += x[i]!
    weighted += x[i]! * ((i % 1009) + 1)
  }
  return {
    rows,
    labelSum: y.reduce((total, label) => total + label, 0),
    mean: sum / x.length,
    checksum: weighted / x.length,
  }
}

/** Equal up to the order in which numpy adds. */
export function expectFacts(samples: Samples, facts: Facts): void {
  const got = factsOf(samples)
  expect(got.rows).toBe(facts.rows)
  expect(got.labelSum).toBe(facts.labelSum)
  expect(Math.abs(got.mean / facts.mean - 1)).toBeLessThan(1e-9)
  expect(Math.abs(got.checksum / facts.checksum - 1)).toBeLessThan(1e-9)
}

/** A folder for one test's files, removed when the scope ends. */
export function temporaryFolder(): {
  readonly path: string
  write(name: string, content: string | Uint8Array): string
  [Symbol.dispose](): void
} {
  const path = mkdtempSync(join(tmpdir(), "fedmote-data-"))
  return {
    path,
    write(name, content) {
      const file = join(path, name)
      writeFileSync(file, content)
      return file
    },
    [Symbol.dispose]() {
      rmSync(path, { recursive: true, force: true })
    },
  }
}

/** The message of the `DataError` that `action` rejects with; it must be one line. */
export async function dataError(action: Promise<unknown> | (() => unknown)): Promise<string> {
  try {
    await (typeof action === "function" ? action() : action)
  } catch (error) {
    expect(error).toBeInstanceOf(DataError)
    const { message } = error as DataError
    expect(message).not.toContain("\n")
    return message
  }
  throw new Error("expected a DataError, nothing was thrown")
}
