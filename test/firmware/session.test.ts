import { expect, test } from "vitest"
import { build } from "./build.ts"

test.each(["gcc", "clang"] as const)("the MQTT session in C, against a broker of a script (%s)", (compiler) => {
  const built = build(compiler, ["tests"], true)
  try {
    expect(built.run("run_session", [])).toMatch(/^\d\d\d passed, 0 failed\n$/)
  } finally {
    built.remove()
  }
})
