// The one test command: system programs, build, checks, then every test; ends with "N passed, N failed".
import { spawn } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

const root = fileURLToPath(new URL("..", import.meta.url))
const folder = mkdtempSync(join(tmpdir(), "fedmote-test-"))
const report = join(folder, "vitest.json")
let passed = 0
let failed = 0

/** Runs a program with its output on ours; resolves with its exit code. */
function run(command, args, env = {}) {
  console.log(`\n> ${[command, ...args].join(" ")}`)
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, stdio: "inherit", env: { ...process.env, ...env } })
    child.once("error", (error) => {
      console.error(`${command}: ${error.message}`)
      resolve(1)
    })
    child.once("close", (code) => resolve(code ?? 1))
  })
}

function count(good) {
  if (good) passed++
  else failed++
  return good
}

try {
  // Without a program its tests fail, and say so.
  await run("sh", ["test/system-packages.sh"])
  if (count((await run("npm", ["run", "build"])) === 0)) {
    count((await run(process.execPath, ["test/check.mjs"])) === 0)
    const arguments_ = ["run", "--reporter=default", "--reporter=json", `--outputFile=${report}`]
    const vitest = join(root, "node_modules", "vitest", "vitest.mjs")
    const code = await run(process.execPath, [vitest, ...arguments_, ...process.argv.slice(2)], { FEDMOTE_DIST: "1" })
    const before = failed
    try {
      const { numPassedTests, numFailedTests, testResults } = JSON.parse(readFileSync(report, "utf8"))
      passed += numPassedTests
      failed += numFailedTests
      // A file that could not be loaded has no tests that fail.
      failed += testResults.filter((file) => file.status === "failed" && file.assertionResults.length === 0).length
    } catch (error) {
      console.error(`no test report: ${error.message}`)
      failed++
    }
    if (code !== 0 && failed === before) failed++
  }
} finally {
  rmSync(folder, { recursive: true, force: true })
}
console.log(`\n${passed} passed, ${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1
