import { execFileSync } from "node:child_process"
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { delimiter, join } from "node:path"
import { fileURLToPath } from "node:url"

/** Where wabt keeps the runtime of what it generates. */
const RUNTIME = "/usr/share/wabt/wasm2c"

/** What is missing to build the witness, or undefined. */
export function missing(): string | undefined {
  const onPath = (name: string): boolean =>
    (process.env["PATH"] ?? "").split(delimiter).some((folder) => existsSync(join(folder, name)))
  if (!onPath("wasm2c") || !existsSync(RUNTIME)) return "wasm2c (package wabt)"
  return onPath("gcc") ? undefined : "gcc"
}

/** A program of commands for the witness, one a line; `get` and `call` answer with a line each. */
export class Script {
  readonly #lines: string[] = []

  put(address: number, bytes: Uint8Array): void {
    this.#lines.push(`put ${address} ${Buffer.from(bytes).toString("hex")}-`)
  }

  get(address: number, length: number): void {
    this.#lines.push(`get ${address} ${length}`)
  }

  call(name: string, ...values: readonly number[]): void {
    this.#lines.push(`call ${name} ${values.length} ${values.map((value) => value >>> 0).join(" ")}`)
  }

  get text(): string {
    return `${this.#lines.join("\n")}\n`
  }
}

/** The scalar module, turned into C by wasm2c and compiled by gcc: an engine that has nothing in common with V8. */
export class Witness {
  readonly #folder = mkdtempSync(join(tmpdir(), "fedmote-wasm2c-"))

  constructor(pages: number) {
    const file = (name: string): string => join(this.#folder, name)
    const module = fileURLToPath(new URL("../../dist/wasm/fedmote.scalar.wasm", import.meta.url))
    execFileSync("wasm2c", [module, "-o", file("kernels.c")])
    writeFileSync(file("main.c"), mainOf(readFileSync(file("kernels.h"), "utf8"), pages))
    const sources = [file("kernels.c"), file("main.c"), join(RUNTIME, "wasm-rt-impl.c")]
    execFileSync("gcc", ["-O1", "-ffp-contract=off", "-I", RUNTIME, "-o", file("kernels"), ...sources, "-lm"])
  }

  /** The answers, in order. */
  run(script: Script): string[] {
    const output = execFileSync(join(this.#folder, "kernels"), {
      input: script.text,
      encoding: "utf8",
      maxBuffer: 1 << 28,
    })
    return output.trim().split("\n")
  }

  close(): void {
    rmSync(this.#folder, { recursive: true })
  }
}

// Names differ from one version of wabt to the next: they are read from the header.
function mainOf(header: string, pages: number): string {
  const exports = [...header.matchAll(/\/\* export: '(\w+)' \*\/\n(u32|void) (\w+)\((\w+)\*((?:, u32)*)\);/g)]
  const instance = exports[0]![4]!
  const memory = /wasm_rt_memory_t\* (\w+)\(/.exec(header)![1]!
  const instantiate = /void (\w+instantiate)\(/.exec(header)![1]!
  const prepare = /void (\w+init_module)\(void\)/.exec(header)?.[1]
  const calls = exports.map(([, name, result, symbol, , parameters]) => {
    const values = Array.from({ length: parameters!.split(",").length - 1 }, (_, i) => `, v[${i}]`).join("")
    const call = `${symbol!}(&instance${values})`
    return `    if (!strcmp(name, "${name!}")) ${result === "void" ? call : `result = ${call}`};`
  })
  return `#include <stdio.h>
#include <string.h>
#include "kernels.h"
static ${instance} instance;
int main(void) {
  char word[16], name[32];
  u32 v[16], at, length, byte;
  wasm_rt_init();
  ${prepare === undefined ? "" : `${prepare}();`}
  ${instantiate}(&instance);
  wasm_rt_memory_t *memory = ${memory}(&instance);
  wasm_rt_grow_memory(memory, ${pages} - memory->pages);
  while (scanf("%15s", word) == 1) {
    if (!strcmp(word, "put")) {
      scanf("%u ", &at);
      while (scanf("%2x", &byte) == 1) memory->data[at++] = (u8)byte;
      scanf("-");
    } else if (!strcmp(word, "get")) {
      scanf("%u %u", &at, &length);
      for (; length > 0; length--) printf("%02x", memory->data[at++]);
      printf("\\n");
    } else {
      u32 result = 0;
      scanf("%31s %u", name, &length);
      for (u32 i = 0; i < length; i++) scanf("%u", &v[i]);
${calls.join("\n")}
      printf("%u\\n", result);
    }
  }
  return 0;
}
`
}
