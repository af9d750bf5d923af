import { describe, expect, it } from "vitest"
import { createLog } from "../../src/cli/log.ts"
import type { LogFormat, LogLevel } from "../../src/cli/log.ts"
import { FedmoteError } from "../../src/core/error.ts"

const logged = (
  use: (log: ReturnType<typeof createLog>) => void,
  format: LogFormat = "json",
  options: { level?: LogLevel; color?: boolean } = {},
): string => {
  let text = ""
  const screen = {
    interactive: false,
    color: options.color ?? false,
    columns: 80,
    write: (more: string) => void (text += more),
    progress: () => ({ update: () => {}, end: () => {} }),
  }
  use(createLog({ format, level: options.level ?? "info", screen }))
  return text
}

describe("the log", () => {
  it("in JSON has one object a line", () => {
    const text = logged((log) => {
      log.info({ round: 3 }, "round committed")
      log.warn("careful")
    })
    const [first, second, rest] = text.split("\n")
    expect(JSON.parse(first!)).toEqual({
      level: "info",
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
      round: 3,
      msg: "round committed",
    })
    expect(JSON.parse(second!)).toMatchObject({ level: "warn", msg: "careful" })
    expect(rest).toBe("")
  })

  it("in text is readable", () => {
    const text = logged(
      (log) => log.warn({ round: 3, why: "too few updates", device: "m-1" }, "round abandoned"),
      "text",
    )
    expect(text).toMatch(/^\d\d:\d\d:\d\d warn {2}round abandoned {2}round=3 why="too few updates" device=m-1\n$/)
    expect(logged((log) => log.info("hello"), "text")).toMatch(/^\d\d:\d\d:\d\d hello\n$/)
  })

  it("has colours only where they are wanted", () => {
    expect(logged((log) => log.error("x"), "text", { color: true })).toContain("\u001b[31merror \u001b[39m")
    expect(logged((log) => log.error("x"), "text")).not.toContain("\u001b")
  })

  it("keeps to its level", () => {
    const use = (log: ReturnType<typeof createLog>): void => log.debug("detail")
    expect(logged(use)).toBe("")
    expect(logged(use, "text", { level: "debug" })).toContain("debug detail")
  })

  it("never shows a payload, however deep", () => {
    const secret = new Uint8Array([101, 102, 103])
    const text = logged((log) =>
      log.info({
        payload: secret,
        update: { delta: Float32Array.of(0.101), parts: [Buffer.from(secret)] },
        values: Array.from({ length: 100 }, () => 101),
        buffer: secret.buffer,
        deep: { a: { b: { c: { d: secret } } } },
        count: 5n,
      }),
    )
    expect(text).not.toMatch(/10[123]|0\.101/)
    expect(JSON.parse(text)).toMatchObject({
      payload: "<3 bytes>",
      update: { delta: "<4 bytes>", parts: ["<3 bytes>"] },
      values: "<100 values>",
      buffer: "<3 bytes>",
      count: "5",
    })
  })

  it("shows an error as code and message, without a stack", () => {
    const text = logged((log) => log.error({ err: new FedmoteError("link", "broker is gone") }, "lost"))
    expect(JSON.parse(text)).toMatchObject({ err: "link: broker is gone", msg: "lost" })
    expect(logged((log) => log.error(new Error("plain")))).not.toContain("at ")
  })

  it("lets no name steer the terminal", () => {
    const evil = "m\u001b[2J\u0007\nx"
    const text = logged((log) => log.info({ device: evil }, `hello ${evil}`), "text", { color: true })
    expect(text.replaceAll(/\p{Cc}\[\d+m/gu, "")).toMatch(/^\P{Cc}+\n$/u)
  })
})
