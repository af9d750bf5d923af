import { execFileSync } from "node:child_process"
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { createRequire } from "node:module"
import { tmpdir } from "node:os"
import { delimiter, join } from "node:path"
import { fileURLToPath } from "node:url"
import type { KernelFunctions, KernelInstance } from "../../src/kernel/module.ts"

/** Where wabt keeps the runtime of what it generates. */
const RUNTIME = "/usr/share/wabt/wasm2c"

const PAGE_BYTES = 65536

/** Programs without which there is no witness. */
function checkTools(): void {
  const onPath = (name: string): boolean =>
    (process.env["PATH"] ?? "").split(delimiter).some((folder) => existsSync(join(folder, name)))
  const missing = ["wasm2c", "gcc"].filter((name) => !onPath(name))
  if (missing.length > 0 || !existsSync(RUNTIME))
    throw new Error(`expected wasm2c (package wabt) and gcc, see test/system-packages.sh; missing: ${missing.join()}`)
}

/**
 * The scalar module, turned into C by wasm2c and compiled by gcc: an engine whose code has nothing in common with V8's. It is loaded as a native
 * addon, so that everything in src/kernel works on its memory as on any other.
 */
export function buildWitness(): (bytes: number) => KernelInstance {
  checkTools()
  const folder = mkdtempSync(join(tmpdir(), "fedmote-wasm2c-"))
  const file = (name: string): string => join(folder, name)
  try {
    const module = fileURLToPath(new URL("../../dist/wasm/fedmote.scalar.wasm", import.meta.url))
    execFileSync("wasm2c", [module, "-o", file("kernels.c")])
    writeFileSync(file("addon.c"), addonOf(readFileSync(file("kernels.h"), "utf8")))
    // Memory is checked by comparisons: the handler of wasm2c's other way would take V8's signals.
    const flags = ["-O1", "-ffp-contract=off", "-shared", "-fPIC", "-DWASM_RT_MEMCHECK_SIGNAL_HANDLER=0", "-I", RUNTIME]
    const sources = [file("kernels.c"), file("addon.c"), join(RUNTIME, "wasm-rt-impl.c")]
    execFileSync("gcc", [...flags, "-o", file("kernels.node"), ...sources, "-lm"])
    const addon = createRequire(import.meta.url)(file("kernels.node")) as {
      instantiate(pages: number): KernelFunctions & { readonly memory: ArrayBuffer }
    }
    return (bytes) => {
      // As for every kind, the first page is the module's own.
      const functions = addon.instantiate(Math.ceil(bytes / PAGE_BYTES) + 1)
      return { kind: "scalar", functions, memory: functions.memory, base: functions["base"]!() }
    }
  } finally {
    // What is loaded stays.
    rmSync(folder, { recursive: true })
  }
}

// Names differ from one version of wabt to the next: they are read from the header. Of Node-API only the few functions that are used are
// declared; it never changes.
function addonOf(header: string): string {
  const exports = [...header.matchAll(/\/\* export: '(\w+)' \*\/\n(u32|void) (\w+)\((\w+)\*((?:, u32)*)\);/g)]
  const type = exports[0]![4]!
  const memory = /wasm_rt_memory_t\* (\w+)\(/.exec(header)![1]!
  const instantiate = /void (\w+instantiate)\(/.exec(header)![1]!
  const free = /void (\w+_free)\(/.exec(header)![1]!
  const prepare = /void (\w+init_module)\(void\)/.exec(header)?.[1]
  const calls = exports.map(([, name, result, symbol, , parameters]) => {
    const values = Array.from({ length: parameters!.split(",").length - 1 }, (_, i) => `, (u32)v[${i}]`).join("")
    const call = `${symbol!}(instance${values})`
    return `FUNCTION(${name!}, ${result === "void" ? call : `result = (int32_t)${call}`})`
  })
  return `#include <stdlib.h>
#include "kernels.h"
#include "wasm-rt-impl.h"
typedef void *any;
int napi_create_object(any, any *);
int napi_create_int32(any, int32_t, any *);
int napi_get_value_int32(any, any, int32_t *);
int napi_get_cb_info(any, any, size_t *, any *, any *, any *);
int napi_create_external_arraybuffer(any, void *, size_t, void (*)(any, void *, void *), void *, any *);
int napi_create_function(any, const char *, size_t, any (*)(any, any), void *, any *);
int napi_set_named_property(any, any, const char *, any);
int napi_throw_error(any, const char *, const char *);

#define FUNCTION(name, call)                                          \\
  static any call_##name(any env, any info) {                         \\
    ${type} *instance;                                                \\
    any values[8], answer;                                            \\
    size_t count = 8;                                                 \\
    int32_t v[8] = {0}, result = 0;                                   \\
    napi_get_cb_info(env, info, &count, values, NULL, (any *)&instance); \\
    for (size_t i = 0; i < count && i < 8; i++) napi_get_value_int32(env, values[i], &v[i]); \\
    if (wasm_rt_impl_try() != 0) {                                    \\
      napi_throw_error(env, NULL, "the kernels trapped in " #name);   \\
      return NULL;                                                    \\
    }                                                                 \\
    call;                                                             \\
    napi_create_int32(env, result, &answer);                          \\
    return answer;                                                    \\
  }
${calls.join("\n")}

static void release(any env, void *data, void *instance) {
  ${free}(instance);
  free(instance);
}

static void export(any env, any object, const char *name, any (*function)(any, any), void *data) {
  any value;
  napi_create_function(env, name, strlen(name), function, data, &value);
  napi_set_named_property(env, object, name, value);
}

static any instantiate(any env, any info) {
  any object, value, pages;
  size_t count = 1;
  int32_t wanted = 0;
  napi_get_cb_info(env, info, &count, &pages, NULL, NULL);
  napi_get_value_int32(env, pages, &wanted);
  ${type} *instance = calloc(1, sizeof *instance);
  ${instantiate}(instance);
  wasm_rt_memory_t *memory = ${memory}(instance);
  if ((u32)wanted > memory->pages) wasm_rt_grow_memory(memory, (u32)wanted - memory->pages);
  napi_create_object(env, &object);
  napi_create_external_arraybuffer(env, memory->data, memory->size, release, instance, &value);
  napi_set_named_property(env, object, "memory", value);
${exports.map(([, name]) => `  export(env, object, "${name!}", call_${name!}, instance);`).join("\n")}
  return object;
}

any napi_register_module_v1(any env, any exports) {
  wasm_rt_init();
  ${prepare === undefined ? "" : `${prepare}();`}
  export(env, exports, "instantiate", instantiate, NULL);
  return exports;
}
`
}
