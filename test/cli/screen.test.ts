import { afterEach, describe, expect, it } from "vitest"
import { createScreen } from "../../src/cli/screen.ts"
import type { Progress } from "../../src/cli/screen.ts"
import { FakeTerminal } from "./terminal.ts"

describe("a screen", () => {
  let progress: Progress | undefined
  afterEach(() => progress?.end())

  it("keeps lines above the progress bar, and takes the bar away in the end", () => {
    const terminal = new FakeTerminal()
    const screen = createScreen(terminal, {})
    screen.write("before\n")
    progress = screen.progress("training", 4)
    progress.update(1, "round 1")
    screen.write("one\n")
    expect(terminal.screen).toEqual(["before", "one", `training ${"█".repeat(6)}${"░".repeat(18)} 1/4 round 1`])
    progress.update(2)
    screen.write("two\nthree\n")
    expect(terminal.screen.slice(0, 4)).toEqual(["before", "one", "two", "three"])
    expect(terminal.screen[4]).toMatch(/^training █{12}░{12} 2\/4 round 1$/)
    progress.end()
    screen.write("after\n")
    expect(terminal.screen).toEqual(["before", "one", "two", "three", "after"])
    progress.end()
    expect(terminal.screen.at(-1)).toBe("after")
  })

  it("replaces a bar by the next one", () => {
    const terminal = new FakeTerminal()
    const screen = createScreen(terminal, {})
    const first = screen.progress("first", 2)
    progress = screen.progress("second", 2)
    first.end()
    screen.write("line\n")
    expect(terminal.screen).toEqual(["line", `second ${"░".repeat(24)} 0/2`])
  })

  it("shows no bar to a file", () => {
    let text = ""
    const screen = createScreen({ write: (more) => (text += more) }, {})
    progress = screen.progress("training", 4)
    progress.update(2)
    screen.write("line\n")
    progress.end()
    expect(text).toBe("line\n")
    expect(screen).toMatchObject({ interactive: false, color: false, columns: 80 })
  })

  it("follows NO_COLOR and TERM", () => {
    expect(createScreen(new FakeTerminal(), {}).color).toBe(true)
    expect(createScreen(new FakeTerminal(), { NO_COLOR: "1" })).toMatchObject({ color: false, interactive: true })
    expect(createScreen(new FakeTerminal(), { TERM: "dumb" })).toMatchObject({ color: false, interactive: false })
  })
})
