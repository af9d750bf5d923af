import { createHash } from "node:crypto"
import { mkdtemp, readFile, readdir, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Script } from "node:vm"
import { afterEach, describe, expect, it } from "vitest"
import { parsePlan } from "../../src/core/plan.ts"
import type { Result } from "../../src/core/result.ts"
import { curves } from "../../src/report/curves.ts"
import { renderReport, writeReport } from "../../src/report/report.ts"
import { exampleResult, exampleSimulation } from "./example.ts"

const page = renderReport(exampleSimulation())
const scripts = (text: string): { attributes: string; body: string }[] =>
  [...text.matchAll(/<script([^>]*)>([\s\S]*?)<\/script>/g)].map(([, attributes, body]) => ({
    attributes: attributes!,
    body: body!,
  }))

describe("a report", () => {
  it("shows the comparison, the plan, the machine and the digest", () => {
    for (const text of [
      "8 clients learned one model: average precision 0.794",
      "the best client alone reaches 0.480, all data pooled in one place 0.913",
      "mote-1 alone",
      "learningRate: 0.1",
      "Example CPU, 2 cores, linux-x64",
      "3f".repeat(32),
      "239", // 30 rounds of 8 updates, one of 7
    ])
      expect(page).toContain(text)
  })

  it("asks nothing of the network", () => {
    const references = page.match(/(?:\ssrc|\shref|\saction|\sposter|@import|url\()[^>\n]{0,60}/g)
    expect(references).toBeNull()
    // The chart library names its origin in its first comment; nothing else has an address.
    expect(page.match(/https?:\/\/[^\s"'<)]+/g)).toEqual(["https://github.com/leeoniya/uPlot"])
    expect(page).toContain("default-src &#39;none&#39;")
  })

  it("admits exactly its own scripts, and they compile", () => {
    const [data, ...code] = scripts(page)
    expect(data!.attributes).toContain("application/json")
    expect(code).toHaveLength(2)
    for (const { body } of code) {
      expect(() => new Script(body)).not.toThrow()
      expect(page).toContain(`sha256-${createHash("sha256").update(body).digest("base64")}`)
    }
  })

  it("hands the curves to the page", () => {
    const result = exampleResult()
    expect(JSON.parse(scripts(page)[0]!.body)).toEqual(JSON.parse(JSON.stringify(curves(result))))
  })

  it("escapes what devices and data sources are called", () => {
    const evil = `</script><img src=x onerror=alert(1)>"'&`
    const result = exampleResult()
    const alone = result.baselines.alone!
    const hostile: Result = {
      ...result,
      plan: parsePlan({ model: { features: [evil], labels: [evil, "other"] } }),
      data: { ...result.data, name: evil },
      stopped: evil,
      machine: { ...result.machine, cpu: evil, kernel: evil },
      baselines: { alone: { ...alone, clients: alone.clients!.map((client) => ({ ...client, device: evil })) } },
    }
    const text = renderReport(hostile)
    expect(text).not.toContain("<img")
    expect(text).toContain("&lt;img src=x onerror=alert(1)&gt;")
    expect(scripts(text)).toHaveLength(scripts(page).length)
  })

  it("of many clients shows the best and the worst", () => {
    const result = exampleResult()
    const clients = Array.from({ length: 100 }, (_, i) => ({
      device: `phone-${i}`,
      metrics: { averagePrecision: i / 100 },
    }))
    const text = renderReport({
      ...result,
      baselines: { alone: { ...result.baselines.alone!, clients } },
    })
    expect(text).toContain("phone-99 alone")
    expect(text).toContain("phone-0 alone")
    expect(text).not.toContain("phone-50 alone")
    expect(text).toContain("76 more between")
  })

  it("of nothing has no charts", () => {
    const text = renderReport({ ...exampleResult(), rounds: [], baselines: {}, final: { metrics: {} } })
    expect(scripts(text)).toEqual([])
    expect(text).toContain("8 clients learned one model")
  })
})

describe("writing a report", () => {
  let folder = ""
  afterEach(() => rm(folder, { recursive: true, force: true }))

  it("leaves one whole file", async () => {
    folder = await mkdtemp(join(tmpdir(), "fedmote-report-"))
    await writeReport(exampleSimulation(), join(folder, "report.html"))
    expect(await readdir(folder)).toEqual(["report.html"])
    expect(await readFile(join(folder, "report.html"), "utf8")).toBe(page)
  })
})
