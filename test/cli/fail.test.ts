import { describe, expect, it } from "vitest"
import { exitCodeOf, failureText, run } from "../../src/cli/fail.ts"
import { FedmoteError } from "../../src/core/error.ts"

const running = async (error: unknown, debug = false): Promise<{ text: string; code: number }> => {
  const out = { text: "", code: 0 }
  await run(() => Promise.reject(error), {
    write: (text) => void (out.text += text),
    exit: (code) => void (out.code = code),
    debug,
  })
  return out
}

const system = (code: string, message: string): Error => Object.assign(new Error(message), { code })

describe("a command that fails", () => {
  it.each([
    [
      new FedmoteError("plan", "plan: rounds: expected at least 1, got 0"),
      2,
      "fedmote: plan: rounds: expected at least 1, got 0\n",
    ],
    [
      new FedmoteError("data", "a.csv:3:2: expected a number\n  got x"),
      2,
      "fedmote: a.csv:3:2: expected a number got x\n",
    ],
    [new FedmoteError("link", "cannot reach mqtt://127.0.0.1:1"), 3, "fedmote: cannot reach mqtt://127.0.0.1:1\n"],
    [new FedmoteError("output", "cannot write x: no permission"), 1, "fedmote: cannot write x: no permission\n"],
    [system("ECONNREFUSED", "connect ECONNREFUSED 127.0.0.1:1"), 3, "fedmote: connect ECONNREFUSED 127.0.0.1:1\n"],
    [
      system("ENOENT", "ENOENT: no such file or directory, open 'x'"),
      1,
      "fedmote: ENOENT: no such file or directory, open 'x'\n",
    ],
    [
      new TypeError("x is not a function"),
      1,
      "fedmote: internal error: x is not a function (FEDMOTE_DEBUG=1 shows where)\n",
    ],
    ["just text", 1, "fedmote: internal error: just text (FEDMOTE_DEBUG=1 shows where)\n"],
    [undefined, 1, "fedmote: internal error: undefined (FEDMOTE_DEBUG=1 shows where)\n"],
  ])("says so in one line: %s", async (error, code, text) => {
    expect(await running(error)).toEqual({ text, code })
  })

  it("leaves it to commander to explain the command line", async () => {
    const unknown = Object.assign(new Error("error: unknown command 'x'"), {
      code: "commander.unknownCommand",
      exitCode: 1,
    })
    expect(await running(unknown)).toEqual({ text: "", code: 2 })
    const help = Object.assign(new Error("(outputHelp)"), { code: "commander.helpDisplayed", exitCode: 0 })
    expect(await running(help)).toEqual({ text: "", code: 0 })
  })

  it("shows stack and cause only to who debugs", async () => {
    const error = new FedmoteError("plan", "wrong", { cause: new Error("deeper") })
    expect((await running(error)).text).not.toContain("at ")
    const { text } = await running(error, true)
    expect(text).toContain("fail.test.ts")
    expect(text).toContain("caused by Error: deeper")
  })

  it("has nothing to say when it succeeds", async () => {
    let text = ""
    await run(() => Promise.resolve(), { write: (more) => (text += more), exit: (code) => (text += code), debug: true })
    expect(text).toBe("")
  })

  it("keeps the parts apart for other uses", () => {
    expect(exitCodeOf(new FedmoteError("usage", "x"))).toBe(2)
    expect(failureText(new FedmoteError("usage", "x"))).toBe("x")
  })
})
