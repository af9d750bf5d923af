#!/usr/bin/env node
// Nothing is imported before the version is known: an older Node could fail on what it imports, and say less.
const OLDEST = 24
const version = process.versions.node

if (Number.parseInt(version, 10) < OLDEST) {
  process.stderr.write(
    `fedmote: expected Node ${OLDEST} or later, this is ${version}: run "npx fedmote" or an npm script in the project's folder, which bring one along\n`,
  )
  process.exitCode = 1
} else {
  const { main } = await import("./program.ts")
  await main(process.argv)
}

export {}
