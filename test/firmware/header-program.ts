import { execFileSync } from "node:child_process"
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { findings } from "./misra.ts"
import type { Board } from "./qemu.ts"
import { PORT, runOnBoard } from "./qemu.ts"

/** Programs around an exported header that say what its model predicts. */

const WARNINGS = [
  "-Wall",
  "-Wextra",
  "-Wpedantic",
  "-Wshadow",
  "-Wconversion",
  "-Wsign-conversion",
  "-Wdouble-promotion",
]
const FLAGS = [...WARNINGS, "-Werror", "-ffp-contract=off"]

/** Says, for each row, the answer and the bits of each output. */
function programOf(rows: readonly Float32Array[]): string {
  const bits = rows.map((row) => `{ ${[...new Uint32Array(row.slice().buffer)].map((each) => `${each}U`).join(", ")} }`)
  return `#include "model.h"
#include "say.h"
typedef union { uint32_t bits; float value; } pun;
static const uint32_t rows[${rows.length}][FM_PREDICT_FEATURES] = { ${bits.join(",\n")} };
int main(void)
{
    static float x[FM_PREDICT_FEATURES], outputs[FM_PREDICT_OUTPUTS], scratch[FM_PREDICT_SCRATCH];
    for (uint32_t row = 0U; row < ${rows.length}U; row++) {
        pun number;
        for (uint32_t i = 0U; i < FM_PREDICT_FEATURES; i++) {
            number.bits = rows[row][i];
            x[i] = number.value;
        }
        say(fm_predict(x, outputs, scratch));
        for (uint32_t i = 0U; i < FM_PREDICT_OUTPUTS; i++) {
            number.value = outputs[i];
            say(number.bits);
        }
    }
    return 0;
}
`
}

export interface Prediction {
  readonly answers: readonly number[]
  /** Bits of float32 numbers, row after row. */
  readonly outputs: readonly number[]
}

function write(folder: string, header: string, rows: readonly Float32Array[], say: string): string {
  writeFileSync(join(folder, "model.h"), header)
  writeFileSync(join(folder, "say.h"), say)
  const main = join(folder, "main.c")
  writeFileSync(main, programOf(rows))
  return main
}

function parse(text: string, rows: number): Prediction {
  const words = text.trim().split("\n").map(Number)
  const width = words.length / rows
  return { answers: words.filter((_, i) => i % width === 0), outputs: words.filter((_, i) => i % width !== 0) }
}

/** `compiler`: gcc, clang or g++ with the options that make it a language and an optimisation. */
export function predictOnHost(
  folder: string,
  header: string,
  rows: readonly Float32Array[],
  [compiler, ...options]: readonly [string, ...string[]],
): Prediction {
  const main = write(folder, header, rows, `#include <stdio.h>\n#define say(n) printf("%lu\\n", (unsigned long)(n))\n`)
  const program = join(folder, "program")
  execFileSync(compiler, [...FLAGS, ...options, main, "-o", program], { stdio: ["ignore", "ignore", "pipe"] })
  return parse(execFileSync(program, { encoding: "utf8" }), rows.length)
}

const CPU: Readonly<Record<Board, readonly string[]>> = {
  an385: ["-mcpu=cortex-m3"],
  an386: ["-mcpu=cortex-m4", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16"],
}

export function predictOnBoard(
  folder: string,
  header: string,
  rows: readonly Float32Array[],
  board: Board,
): Prediction {
  const say = `#include "board.h"\n#define say(n) do { board_log_number(n); board_log("\\n"); } while (0)\n`
  const main = write(folder, header, rows, say)
  const image = join(folder, "program.elf")
  const port = ["startup", "board", "clock", "uart", "semihost", "memory"].map((name) => join(PORT, `${name}.c`))
  const link = ["-nostartfiles", "--specs=nano.specs", "-T", join(PORT, "mps2.ld"), "-Wl,--no-warn-execstack"]
  const where = ["-I", PORT, "-I", join(PORT, "../../include")]
  const options = ["-mthumb", "-std=c99", "-Os", "-fno-tree-loop-distribute-patterns", "-Wl,--no-warn-rwx-segments"]
  const all = [...CPU[board], ...options, ...FLAGS, ...where, ...link, main, ...port, "-o", image]
  execFileSync("arm-none-eabi-gcc", all, { stdio: ["ignore", "ignore", "pipe"] })
  return parse(runOnBoard(board, image, []), rows.length)
}

const PREDICT = "uint32_t predict(const float *x, float *outputs, float *scratch)"
const ALONE = `#include "predict.h"
#include "model.h"

${PREDICT}
{
    return fm_predict(x, outputs, scratch);
}
`

/** Writes a file that includes the header and exports one function. */
function writeAlone(folder: string, header: string): string {
  const source = join(folder, "alone.c")
  writeFileSync(join(folder, "model.h"), header)
  writeFileSync(
    join(folder, "predict.h"),
    `#ifndef PREDICT_H\n#define PREDICT_H\n#include <stdint.h>\n${PREDICT};\n#endif\n`,
  )
  writeFileSync(source, ALONE)
  return source
}

/** The rules that the header breaks. */
export function misraOf(folder: string, header: string): string[] {
  const project = mkdtempSync(join(folder, "misra-"))
  for (const part of ["src", "include"]) mkdirSync(join(project, part))
  writeAlone(join(project, "src"), header)
  return findings(project).map(({ id }) => id)
}

/** What such a file needs from elsewhere. */
export function undefinedSymbols(folder: string, header: string): string[] {
  const source = writeAlone(folder, header)
  const object = join(folder, "alone.o")
  execFileSync("gcc", [...FLAGS, "-std=c99", "-O2", "-fno-pic", "-c", source, "-o", object])
  const names = execFileSync("nm", ["-u", object], { encoding: "utf8" }).match(/\w+$/gm) ?? []
  return names.filter((name) => name !== "memset" && name !== "memcpy" && name !== "U")
}

/** The strings of one of the header's arrays. */
export function stringsOf(folder: string, header: string, name: string, count: number): string[] {
  const source = join(folder, "strings.c")
  const program = join(folder, "strings")
  writeFileSync(join(folder, "model.h"), header)
  const body = `for (int i = 0; i < ${count}; i++) (void)fwrite(${name}[i], 1, strlen(${name}[i]) + 1U, stdout);`
  const includes = '#include <stdio.h>\n#include <string.h>\n#include "model.h"\n'
  writeFileSync(source, `${includes}int main(void)\n{\n    ${body}\n    return 0;\n}\n`)
  execFileSync("gcc", [...FLAGS, "-std=c99", source, "-o", program], { stdio: ["ignore", "ignore", "pipe"] })
  return execFileSync(program, { encoding: "utf8" }).split("\0").slice(0, -1)
}
