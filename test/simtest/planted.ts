import { spawn } from "node:child_process"
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import type { Change } from "./mutants.ts"
import type { Violation } from "./referee.ts"

const ROOT = fileURLToPath(new URL("../../", import.meta.url))

/** What `npm run simtest -- --json -` prints. */
export interface SimtestResult {
  readonly schedules: number
  readonly failed: { readonly seed: number; readonly violation: Violation } | null
  readonly facts: Readonly<Record<string, number>>
}

/**
 * Runs simulated worlds against a copy of the sources in which these changes are made. Throws where one of them does not fit exactly one place. `shrinks`: looks
 * for the least that fails, and says what it finds in `output`.
 */
export async function simtestWith(
  changes: readonly Change[],
  args: readonly string[],
  shrinks = false,
): Promise<SimtestResult & { readonly output: string }> {
  const folder = await mkdtemp(join(tmpdir(), "fedmote-planted-"))
  try {
    await mkdir(join(folder, "test"))
    await cp(join(ROOT, "src"), join(folder, "src"), { recursive: true })
    await cp(join(ROOT, "test", "simtest"), join(folder, "test", "simtest"), { recursive: true })
    await cp(join(ROOT, "package.json"), join(folder, "package.json"))
    for (const name of ["node_modules", "dist"]) await symlink(join(ROOT, name), join(folder, name))
    for (const change of changes) await plant(join(folder, "src", change.file), change)
    return await simtest(shrinks ? args : [...args, "--no-shrink"], folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Runs simulated worlds against the sources in `folder`. */
export async function simtest(
  args: readonly string[],
  folder: string = ROOT,
): Promise<SimtestResult & { readonly output: string }> {
  const main = join(folder, "test", "simtest", "main.ts")
  const child = spawn(process.execPath, [main, "--json", "-", ...args], { stdio: ["ignore", "pipe", "pipe"] })
  let json = ""
  let output = ""
  child.stdout.setEncoding("utf8").on("data", (text: string) => (json += text))
  child.stderr.setEncoding("utf8").on("data", (text: string) => (output += text))
  await new Promise((resolve) => child.once("close", resolve))
  if (json === "") throw new Error(`the simulated worlds did not run: ${output}`)
  return { ...(JSON.parse(json) as SimtestResult), output }
}

async function plant(path: string, { from, to }: Change): Promise<void> {
  const text = await readFile(path, "utf8")
  const places = text.split(from).length - 1
  if (places !== 1) throw new Error(`${path}: expected ${JSON.stringify(from)} once, found it ${places} times`)
  await writeFile(
    path,
    text.replace(from, () => to),
  )
}
