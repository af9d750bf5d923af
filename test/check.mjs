// What a change must hold before its tests are run: types, lint, format, layers, the C client's MISRA rules. Side by side, in well under a minute.
import { spawn } from "node:child_process"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

const root = fileURLToPath(new URL("..", import.meta.url))
const formatted = ["src/**/*.ts", "test/**/*.{ts,mjs}", "assembly/**/*.{ts,mjs}", "*.ts"]
// Clear as they are written here: sized arrays, lists written line by line, published constants with all their digits.
const allowed = ["unicorn/no-new-array", "unicorn/no-useless-spread", "no-loss-of-precision"]
const checks = {
  types: ["tsc", "-p", "."],
  lint: ["oxlint", "--deny-warnings", ...allowed.flatMap((rule) => ["-A", rule]), "src", "test"],
  format: ["prettier", "--check", "--log-level=warn", ...formatted],
  misra: ["node", "test/firmware/misra.ts"],
  layers: ["vitest", "run", "--reporter=dot", "test/layers.test.ts"],
}

function check(name, [program, ...args]) {
  const begin = performance.now()
  return new Promise((resolve) => {
    const child = spawn(join(root, "node_modules", ".bin", program), args, {
      cwd: root,
      stdio: ["ignore", "pipe", "pipe"],
    })
    let output = ""
    const add = (text) => (output += text)
    child.stdout.setEncoding("utf8").on("data", add)
    child.stderr.setEncoding("utf8").on("data", add)
    const done = (code) => {
      const seconds = ((performance.now() - begin) / 1000).toFixed(1)
      console.log(`${code === 0 ? "ok    " : "failed"} ${name} (${seconds} s)${code === 0 ? "" : `\n${output}`}`)
      resolve(code === 0)
    }
    child.once("error", (error) => {
      add(error.message)
      done(1)
    })
    child.once("close", done)
  })
}

const results = await Promise.all(Object.entries(checks).map(([name, command]) => check(name, command)))
process.exitCode = results.every(Boolean) ? 0 : 1
