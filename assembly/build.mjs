/**
 * Builds the kernels into dist/wasm: `fedmote.simd.wasm`, `fedmote.scalar.wasm` (pure MVP), `fedmote.scalar.js` (the scalar module through
 * Binaryen's wasm2js), `fedmote.mcu.wasm` (the minimal profile). Runs on Node 20 and later.
 */
import { spawnSync } from "node:child_process"
import { mkdirSync, statSync, writeFileSync } from "node:fs"
import { createRequire } from "node:module"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { main as asc } from "assemblyscript/asc"

const root = join(dirname(fileURLToPath(import.meta.url)), "..")
const out = join(root, "dist", "wasm")

/** Largest size of each module, in bytes; test/kernel/size.test.ts holds them. */
const BUDGETS = { simd: 14 * 1024, scalar: 14 * 1024, mcu: 2 * 1024 }

/** @param {"simd" | "scalar" | "mcu"} target */
async function compile(target) {
  const entry = target === "mcu" ? "assembly/mcu.ts" : "assembly/index.ts"
  const { error, stderr } = await asc([entry, "--baseDir", root, "--target", target])
  if (error) {
    process.stderr.write(`${stderr}\n`)
    throw new Error(`the ${target} kernels do not compile: ${error.message}`)
  }
  const size = statSync(join(out, `fedmote.${target}.wasm`)).size
  const budget = BUDGETS[target]
  console.log(`fedmote.${target}.wasm  ${size} bytes${size > budget ? `: more than the budget of ${budget}` : ""}`)
}

/**
 * Turns the scalar module into an ES module `instantiate(pages)`: memory gets its size, in pages of 64 KiB, at construction and never grows.
 */
function toJavaScript() {
  const binaryen = dirname(createRequire(import.meta.url).resolve("binaryen/package.json"))
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [join(binaryen, "bin", "wasm2js"), join(out, "fedmote.scalar.wasm"), "-O", "--emscripten"],
    { encoding: "utf8", maxBuffer: 1 << 26 },
  )
  if (status !== 0) throw new Error(`wasm2js failed: ${stderr}`)
  let text = stdout
  /** @param {RegExp} from @param {string} to */
  const replace = (from, to) => {
    const next = text.replace(from, to)
    if (next === text) throw new Error(`wasm2js gave no ${from}`)
    text = next
  }
  replace(/^function instantiate\(info\) \{/, "export function instantiate(pages) {")
  replace(/return asmFunc\(info\);/, "return asmFunc({});")
  replace(/var buffer = new ArrayBuffer\(\d+\);/, "var buffer = new ArrayBuffer(pages * 65536);")
  replace(/ function __wasm_memory_size\(\)[\s\S]*?\n return \{/, " return {")
  replace(/"memory": Object\.create\([\s\S]*?\n {2}\}\)/, '"memory": { buffer }')
  writeFileSync(join(out, "fedmote.scalar.js"), text)
}

mkdirSync(out, { recursive: true })
await compile("simd")
await compile("scalar")
await compile("mcu")
toJavaScript()
