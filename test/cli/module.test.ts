import { execFile } from "node:child_process"
import { mkdtemp, readFile, rm, stat, symlink, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { openDataset } from "../../src/data/open.ts"
import { ModuleTrainer } from "../../src/kernel/module-trainer.ts"
import { TrainingModule } from "../../src/kernel/training-module.ts"
import { ROOT, fedmote } from "../e2e/fedmote.ts"
import { moduleWith } from "../kernel/foreign-modules.ts"

const run = promisify(execFile)
const { own, line } = JSON.parse(await readFile(`${ROOT}test/vectors/module/self-test.json`, "utf8")) as {
  readonly own: string
  readonly line: string
}

let folder = ""
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "fedmote-module-"))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

async function check(file: string): Promise<Record<string, unknown>> {
  const { code, stdout, stderr } = await fedmote(["module", "check", file, "--json", "-"], { cwd: folder })
  expect(code, stderr).toBe(0)
  return JSON.parse(stdout) as Record<string, unknown>
}

describe("fedmote module check", () => {
  test.each([
    ["scalar", "mvp"],
    ["simd", "simd"],
  ])("Fedmote's own %s kernels answer as another implementation of the arithmetic does", async (name, features) => {
    const file = `${ROOT}dist/wasm/fedmote.${name}.wasm`
    expect(await check(file)).toEqual({
      schema: "fedmote-module/1",
      sizeBytes: (await stat(file)).size,
      features,
      digest: (await run("sha256sum", [file])).stdout.slice(0, 64),
      selfTest: {
        digest: own,
        memoryBytes: 65536,
        model: { inputs: 4, loss: "softmax", parameters: 43, outputs: 3 },
      },
    })
  })

  test("a module in C, built as its comment says, answers as its arithmetic in Python does", async () => {
    const source = await readFile(`${ROOT}assembly/examples/line/line.c`, "utf8")
    const [, command] = /^ \* {3}(clang .*)$/m.exec(source)!
    const [program, ...args] = command!.split(" ")
    const files = args.map((arg) => (arg === "line.c" ? `${ROOT}assembly/examples/line/line.c` : arg))
    await run(program!, ["-Wall", "-Wextra", "-Werror", ...files], { cwd: folder })
    expect(await check("line.wasm")).toMatchObject({
      features: "mvp",
      selfTest: { digest: line, model: { inputs: 4, loss: "squared", parameters: 5, outputs: 1 } },
    })
  })

  test("says for people what it found", async () => {
    const { stdout } = await fedmote(["module", "check", `${ROOT}dist/wasm/fedmote.scalar.wasm`])
    expect(stdout).toMatch(/a training module of \d+ bytes\nneeds +WebAssembly 1\.0\n/)
    expect(stdout).toContain(`self-test  ${own}\n`)
  })

  test("refuses what is none, with everything that is wrong", async () => {
    await writeFile(join(folder, "imports.wasm"), moduleWith({ init: "" }, `(import "env" "now" (func (result f64)))`))
    const { code, stderr } = await fedmote(["module", "check", "imports.wasm"], { cwd: folder })
    expect(code).toBe(1)
    expect(stderr).toBe(
      "fedmote: no training module: expected no imports, got env.now; expected init: () -> nothing, got no such export\n",
    )
    expect((await fedmote(["module", "check", "nothing.wasm"], { cwd: folder })).stderr).toMatch(
      /cannot read the module/,
    )
    await writeFile(join(folder, "large.wasm"), new Uint8Array(1048577))
    expect((await fedmote(["module", "check", "large.wasm"], { cwd: folder })).stderr).toContain(
      "large.wasm: expected at most 1048576 bytes, got 1048577",
    )
  })
})

describe("fedmote module new", () => {
  test("gives a module that builds with one command, and learns what is normal", async () => {
    const made = await fedmote(["module", "new", "anomalies"], { cwd: folder })
    expect(made.code, made.stderr).toBe(0)
    // What `npm install` would put there.
    const module = join(folder, "anomalies")
    await symlink(`${ROOT}node_modules`, join(module, "node_modules"))
    await run("npm", ["run", "build"], { cwd: module })
    expect(await check("anomalies/module.wasm")).toMatchObject({
      features: "mvp",
      selfTest: { model: { inputs: 4, loss: "squared", parameters: 13, outputs: 1 } },
    })

    // A mote's readings, as a mote would standardise them; most of them are normal.
    const dataset = await openDataset("telosb")
    const { rows, features, x, y } = dataset.train(0)
    const scaled = standardized(x, features)
    const limits = { batch: 16, rows }
    const spec = {
      inputs: features,
      layers: [{ kind: "dense", units: 1, activation: "identity" }],
      loss: "squared",
      positiveWeight: 1,
    } as const
    const trainer = new ModuleTrainer(
      new TrainingModule(new Uint8Array(await readFile(join(module, "module.wasm")))),
      spec,
      limits,
    )
    const samples = { rows, features, x: scaled, y: y.map(() => 0) }
    const key = { seed: 1, round: 1, device: [1, 2] } as const
    const start = trainer.init(key)
    const settings = { epochs: 20, batch: 16, learningRate: 0.1, momentum: 0, l2: 0, proximal: 0 }
    trainer.train(start, samples, settings, key)
    const learned = trainer.result.slice()
    // Half the squared error of each row: whoever gave the mean for everything would have a half a row.
    expect(trainer.evaluate(learned, samples).lossSum / rows).toBeLessThan(0.3)
    // Noise of the same size is nothing that it has seen.
    const noise = scaled.map((_, i) => scaled[(i * 7919) % scaled.length]!)
    const score = (values: Float32Array): number =>
      trainer.predict(learned, { ...samples, x: values }).reduce((sum, value) => sum + value, 0) / rows
    expect(score(noise)).toBeGreaterThan(1.4 * score(scaled))
  })

  test("does not write over what is there, and wants a name", async () => {
    await fedmote(["module", "new", "twice"], { cwd: folder })
    const again = await fedmote(["module", "new", "twice"], { cwd: folder })
    expect([again.code, again.stderr]).toEqual([1, "fedmote: cannot make the folder twice: it is there already\n"])
    expect((await fedmote(["module", "new", "../out"], { cwd: folder })).stderr).toContain(
      `expected 1 to 64 of a-z, 0-9 and "-"`,
    )
  })
})

describe("fedmote keys", () => {
  test("makes a key that only its owner reads, and shows its public part", async () => {
    const made = await fedmote(["keys", "new", "operator.key"], { cwd: folder })
    expect(made.code, made.stderr).toBe(0)
    const [, publicKey, id] = /^public key ([0-9a-f]{64})\nid {9}([0-9a-f]{16})\n$/.exec(made.stdout)!
    const file = join(folder, "operator.key")
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    expect(made.stdout).not.toContain((await readFile(file, "utf8")).slice(-65, -1))
    const shown = await fedmote(["keys", "show", "operator.key", "--json", "-"], { cwd: folder })
    expect(JSON.parse(shown.stdout)).toEqual({ schema: "fedmote-key/1", id, publicKey })
    const again = await fedmote(["keys", "new", "operator.key"], { cwd: folder })
    expect([again.code, again.stderr]).toEqual([
      2,
      "fedmote: cannot write the key operator.key: there is a file already\n",
    ])
  })

  test("has the public key of RFC 8032 for its seed", async () => {
    const seed = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"
    await writeFile(join(folder, "rfc.key"), `fedmote-private-key-1:${seed}\n`)
    const { stdout } = await fedmote(["keys", "show", "rfc.key"], { cwd: folder })
    expect(stdout).toContain("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
  })

  test("refuses a file that is none", async () => {
    await writeFile(join(folder, "short.key"), "fedmote-private-key-1:00\n")
    const { code, stderr } = await fedmote(["keys", "show", "short.key"], { cwd: folder })
    expect(code).toBe(2)
    expect(stderr).toMatch(/short\.key: expected fedmote-private-key-1: and 64 hexadecimal digits/)
    expect((await fedmote(["keys", "show", "none.key"], { cwd: folder })).stderr).toMatch(
      /cannot read the key none\.key/,
    )
  })
})

function standardized(x: Float32Array, features: number): Float32Array {
  const out = x.slice()
  for (let j = 0; j < features; j++) {
    const column = x.filter((_, i) => i % features === j)
    const mean = column.reduce((sum, value) => sum + value, 0) / column.length
    const deviation = Math.sqrt(column.reduce((sum, value) => sum + (value - mean) ** 2, 0) / column.length) || 1
    for (let i = j; i < x.length; i += features) out[i] = (x[i]! - mean) / deviation
  }
  return out
}
