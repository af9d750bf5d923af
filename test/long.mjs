// `npm run test:long [-- NAME...]`: what takes too long for `npm test`, one program after the other; ends with "N passed, N failed".
import { spawn } from "node:child_process"
import { fileURLToPath } from "node:url"

const root = fileURLToPath(new URL("..", import.meta.url))

/** Each ends with exit code 0 where all is well. */
const PROGRAMS = {
  simtest: ["test/simtest/main.ts", "--schedules", "100000", "--workers", "0"],
  kills: ["test/e2e/kills-main.ts"],
  fuzz: ["test/firmware/fuzz-long.ts"],
}

const names = process.argv.slice(2)
const unknown = names.filter((name) => PROGRAMS[name] === undefined)
if (unknown.length > 0) {
  console.error(`no program ${unknown.join(", ")}; there are ${Object.keys(PROGRAMS).join(", ")}`)
  process.exit(2)
}
const failed = []
const wanted = names.length > 0 ? names : Object.keys(PROGRAMS)
for (const name of wanted) {
  console.log(`\n> node ${PROGRAMS[name].join(" ")}`)
  const child = spawn(process.execPath, PROGRAMS[name], { cwd: root, stdio: "inherit" })
  const code = await new Promise((resolve) => child.once("close", resolve))
  if (code !== 0) failed.push(name)
}
console.log(
  `\n${wanted.length - failed.length} passed, ${failed.length} failed${failed.map((name) => ` (${name})`).join("")}`,
)
process.exitCode = failed.length === 0 ? 0 : 1
