import { execFileSync } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { expect, test } from "vitest"
import { FIRMWARE, build } from "./build.ts"
import type { Compiler } from "./build.ts"

const WARNINGS = "-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wcast-qual -Wdouble-promotion -Wvla"

test.each<Compiler>(["gcc", "clang"])("a session over somebody else's MQTT client, built by %s", (compiler) => {
  const folder = mkdtempSync(join(tmpdir(), "fedmote-client-"))
  const library = build(compiler, [], true)
  try {
    const program = join(folder, "run_client")
    const where = ["include", "src", "port/client"].flatMap((part) => ["-I", join(FIRMWARE, part)])
    const sources = ["test/run_client.c", "port/client/fm_client.c"].map((part) => join(FIRMWARE, part))
    const options = ["-std=c99", ...WARNINGS.split(" "), "-Werror", "-fsanitize=address,undefined"]
    execFileSync(compiler, [...options, ...where, ...sources, library.path("libfedmote.a"), "-o", program])
    expect(execFileSync(program, { encoding: "utf8" })).toMatch(/^\d+ passed, 0 failed\n$/)
  } finally {
    library.remove()
    rmSync(folder, { recursive: true, force: true })
  }
})
