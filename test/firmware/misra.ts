import { spawnSync } from "node:child_process"
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { FIRMWARE } from "./build.ts"

/**
 * The gate: the C client held to MISRA C:2012 by cppcheck's addon, and to cppcheck's own checks. `node test/firmware/misra.ts` prints what it finds, and fails
 * where that is something.
 */

export interface Finding {
  readonly file: string
  readonly line: number
  /** `misra-c2012-<rule>`, or the name of one of cppcheck's own checks. */
  readonly id: string
}

/** What is wrong in `src/` and `include/` of this folder, deviations apart. */
export function findings(folder: string): Finding[] {
  const work = mkdtempSync(join(tmpdir(), "fedmote-misra-"))
  try {
    const { status, stdout, stderr, error } = spawnSync("cppcheck", arguments_(work), { cwd: folder, encoding: "utf8" })
    if (error !== undefined || status !== 0) throw new Error(`cppcheck (${status}): ${error?.message ?? stdout}`)
    return (
      stderr
        .split("\n")
        .flatMap((text) => {
          const [, file, line, id] = /^(.*):(\d+):([\w.-]+)$/.exec(text) ?? []
          return id === undefined ? [] : [{ file: file!, line: Number(line), id }]
        })
        // The C library's headers are not there for every target, and not needed.
        .filter(({ id }) => id !== "missingIncludeSystem")
    )
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

/** The rules that the addon has code for. */
export function checkedRules(): string[] {
  const addon = readFileSync(addonFile(), "utf8")
  const rules = new Set([...addon.matchAll(/def misra_(\d+)_(\d+)\(/g)].map(([, a, b]) => `${a}.${b}`))
  return [...rules]
}

function arguments_(work: string): string[] {
  // cppcheck drops what stands at the same place with the same text, so each rule has one of its own.
  const texts = checkedRules().map((rule) => `Rule ${rule} Required\nBreach of ${rule}`)
  const rules = join(work, "rules.txt")
  const addon = join(work, "misra.json")
  writeFileSync(rules, ["Appendix A Summary of guidelines", ...texts, ""].join("\n"))
  writeFileSync(addon, JSON.stringify({ script: "misra.py", args: [`--rule-texts=${rules}`] }))
  return [
    "-j2",
    "--quiet",
    "--std=c99",
    "--platform=unix32",
    "--enable=warning,style,performance,portability,information",
    "--inline-suppr",
    `--addon=${addon}`,
    "--template={file}:{line}:{id}",
    "-U__cplusplus",
    "-Iinclude",
    "-Isrc",
    "src",
  ]
}

function addonFile(): string {
  const { stdout } = spawnSync("find", ["/usr/lib", "/usr/share", "-path", "*cppcheck/addons/misra.py"], {
    encoding: "utf8",
  })
  const [file] = stdout.split("\n")
  if (file === undefined || file === "") throw new Error("cppcheck's MISRA addon is not there; npm test installs it")
  return file
}

/** A place where the code deviates on purpose. */
export interface Deviation {
  readonly file: string
  readonly id: string
  /** Its number in MISRA.md; undefined where it has none. */
  readonly ref: string | undefined
}

/** Every suppression in the sources. */
export function deviations(): Deviation[] {
  return ["include", "src"]
    .flatMap((part) => readdirSync(join(FIRMWARE, part)).map((name) => `${part}/${name}`))
    .flatMap((file) =>
      [...readFileSync(join(FIRMWARE, file), "utf8").matchAll(/cppcheck-suppress.*/g)].map(([text]) => {
        const [, id, ref] = /^cppcheck-suppress ([\w.-]+) ; MISRA Ref ([\d.]+) \*\/$/.exec(text) ?? []
        return { file, id: id ?? text, ref }
      }),
    )
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const found = findings(FIRMWARE)
  for (const { file, line, id } of found) console.log(`${file}:${line}: ${id}`)
  process.exitCode = found.length === 0 ? 0 : 1
}
