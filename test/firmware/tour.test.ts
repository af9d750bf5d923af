import { execFileSync, spawn } from "node:child_process"
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { basename, join } from "node:path"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { modelSpec } from "../../src/core/plan-model.ts"
import type { Samples } from "../../src/core/samples.ts"
import { mqttNetwork, openClient, parsePlan, startBroker } from "../../src/index.ts"
import { createTrainer } from "../../src/kernel/index.ts"
import { digestOf } from "../../src/sim/model-file.ts"
import { modelHeader } from "../../src/sim/model-header.ts"
import { FIRMWARE } from "./build.ts"
import { federate, watch, writeSamples } from "./federation.ts"
import type { Member, Outcome } from "./federation.ts"

/** The examples of firmware-bridge/README.md: compiled as they stand there, and taking part. */
const readme = readFileSync(join(FIRMWARE, "README.md"), "utf8")
const [MAIN, PAHO, , CLASSIFY] = [...readme.matchAll(/^```c\n([\s\S]*?)^```/gm)].map(([, text]) => text!)
const TOUR = join(FIRMWARE, "test/tour")
const CLIENT = join(FIRMWARE, "port/client")

const plan = parsePlan({
  fleet: "motes",
  seed: 5,
  cohort: 3,
  rounds: 3,
  selection: { overSelect: 1, minimumToStart: 3, timeoutSeconds: 30, settleSeconds: 0 },
  model: { features: 6, labels: ["0", "1", "2"], hidden: [16], standardize: false },
  train: { epochs: 2, batch: 8, learningRate: 0.1 },
  evaluate: { every: 0 },
  codecs: ["int8"],
})

let folder: string
let library: string[]
let members: Member[]
let samples: Samples
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "fedmote-tour-"))
  library = plainBuild()
  const label = (x: readonly number[]): number => Math.min(2, Math.max(0, Math.floor(x[0]! + x[1]! + 1)))
  members = await Promise.all(
    ["a", "b", "mote-7"].map(async (id, i) => ({ id, data: await writeSamples(folder, id, i + 1, 6, 75, label) })),
  )
  samples = (await openClient(members[2]!.data, { label: "label" })).train
  writeFileSync(join(folder, "readings.c"), readings(samples))
})
afterAll(() => {
  rmSync(folder, { recursive: true, force: true })
})

/** The sources that sources.mk lists, compiled as the README says where there is no package for a build: the objects. */
function plainBuild(): string[] {
  const flags = /^\| anything else \| .*? with `([^`]+)`/m.exec(readme)![1]!.split(" ")
  const sources = [...readFileSync(join(FIRMWARE, "sources.mk"), "utf8").matchAll(/^ {2}(src\/\S+\.c)/gm)]
  const objects = join(folder, "objects")
  mkdirSync(objects)
  const files = sources.map(([, path]) => join(FIRMWARE, path!))
  execFileSync("gcc", [...flags.map((flag) => flag.replace(/^-I/, `-I${FIRMWARE}`)), "-c", ...files], { cwd: objects })
  return sources.map(([, path]) => join(objects, basename(path!).replace(/c$/, "o")))
}

/** The training rows, label last, as an array of C. */
function readings({ rows, features, x, y }: Samples): string {
  const lines = Array.from({ length: rows }, (_, i) =>
    [...x.subarray(i * features, (i + 1) * features), y[i]!].map((value) => `${value.toExponential(8)}F`).join(", "),
  )
  return `#include "board.h"\nconst float readings[ROWS][FEATURES + 1U] = {\n{ ${lines.join(" },\n{ ")} }\n};\n`
}

const WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Wconversion", "-Wdouble-promotion", "-Werror"]
const FLAGS = ["-std=c99", "-D_POSIX_C_SOURCE=200809L", "-ffp-contract=off", "-g", ...WARNINGS]

function compile(name: string, source: string, ...more: readonly string[]): string {
  const file = join(folder, `${name}.c`)
  const program = join(folder, name)
  writeFileSync(file, source)
  const where = ["-I", join(FIRMWARE, "include"), "-I", TOUR, "-I", CLIENT]
  const parts = [file, join(TOUR, "board.c"), join(folder, "readings.c"), ...more]
  execFileSync(
    "gcc",
    [...FLAGS, `-DROWS=${samples.rows}U`, "-fsanitize=address,undefined", ...where, ...parts, "-o", program],
    {
      stdio: ["ignore", "ignore", "pipe"],
    },
  )
  return program
}

/** A federation in which the program is mote-7; without one, Node is. */
async function take(program?: string): Promise<Outcome> {
  const broker = await startBroker()
  try {
    const who = members.map((member) =>
      member.id !== "mote-7" || program === undefined
        ? member
        : {
            ...member,
            start: (_: string, url: string) =>
              watch(member.id, spawn(program, { env: { ...process.env, BROKER: url.replace(/^mqtt:/, "tcp:") } })),
          },
    )
    return await federate(plan, who, mqttNetwork(broker.url), broker.url)
  } finally {
    await broker.close()
  }
}

let node: Outcome
beforeAll(async () => {
  node = await take()
})

/** Every byte is that of Node's device, and so are its predictions with the released model. */
function expectSame(outcome: Outcome): void {
  expect(outcome.updates).toEqual(node.updates)
  expect(outcome.updates.get("mote-7")!.length).toBeGreaterThanOrEqual(plan.rounds)
  expect(outcome.digest).toBe(node.digest)
  const row = { rows: 1, features: 6, x: samples.x.slice(0, 6), y: new Float32Array(1) }
  const predicted = createTrainer(modelSpec(plan), { batch: 1, rows: 1 }).predict(node.parameters, row)
  const bits = [...new Uint32Array(predicted.buffer)].map((each) => each.toString(16).padStart(8, "0"))
  expect(outcome.digests).toEqual([bits.join("")])
}

describe("the README's examples", () => {
  test("main.c takes part", async () => {
    expectSame(await take(compile("main", MAIN!, ...library)))
  })

  test("the same with Paho's client takes part", async () => {
    const source = MAIN!
      .replace(/static const fm_port_t port = .*\n/, PAHO!)
      .replace(".port = &port", ".port = &client.port")
      .replace("fm_result_t result =", "begin();\n    fm_result_t result =")
      .replace("sleep_until_byte_or_ms(50U)", "receive(50U)")
    const paho = [join(CLIENT, "fm_client.c"), ...library, "-lpaho-mqtt3c"]
    expectSame(await take(compile("paho", source, ...paho)))
  })

  test("an exported model classifies", () => {
    const { parameters } = node
    const model = { spec: modelSpec(plan), parameters, digest: digestOf(parameters) }
    const more = { standardizer: undefined, labels: ["0", "1", "2"], features: [], threshold: undefined }
    writeFileSync(join(folder, "model.h"), modelHeader({ ...model, ...more }))
    const main = `#include <stdio.h>
#include "board.h"
int main(void)
{
    for (uint32_t row = 0U; row < ROWS; row++) {
        printf("%s\\n", fm_predict_labels[classify(readings[row])]);
    }
    return 0;
}
`
    const program = compile("classify", CLASSIFY! + main, "-I", folder)
    const outputs = createTrainer(model.spec, { batch: 1, rows: samples.rows }).predict(parameters, samples)
    const classes = Array.from({ length: samples.rows }, (_, i) => {
      const own = outputs.subarray(3 * i, 3 * i + 3)
      return String(own.indexOf(Math.max(...own)))
    })
    expect(new Set(classes).size).toBeGreaterThan(1)
    expect(execFileSync(program, { encoding: "utf8" }).trim().split("\n")).toEqual(classes)
  })
})

test("each layer needs only those above it", () => {
  const [, table] = /^## The layers\n([\s\S]*?)^## /m.exec(readme)!
  const layers = [...table!.matchAll(/^\| [^|]+ \| (`fm_[^|]+) \|/gm)].map(([, names]) => names!.match(/fm_\w+/g)!)
  expect(layers).toHaveLength(8)
  // A file is of the layer whose name its own begins with; the last layer has all others.
  const layerOf = (file: string): number => {
    const at = layers.findIndex((names) => names.some((name) => new RegExp(`^${name}[_.]`).test(file)))
    return at < 0 ? layers.length - 1 : at
  }
  const src = join(FIRMWARE, "src")
  for (const file of readdirSync(src))
    for (const [, other] of readFileSync(join(src, file), "utf8").matchAll(/^#include "(fm_\w+\.h)"/gm))
      expect(layerOf(other!), `${file} includes ${other}`).toBeLessThanOrEqual(layerOf(file))
})

const CORTEX_M3 = ["-mcpu=cortex-m3", "-mthumb", "-Os", "-std=c99", "-ffp-contract=off", ...WARNINGS]

function compileForCortexM3(source: string): string {
  const object = join(folder, `${basename(source, ".c")}.o`)
  const where = ["-DROWS=8U", "-I", join(FIRMWARE, "include"), "-I", TOUR]
  execFileSync("arm-none-eabi-gcc", [...CORTEX_M3, ...where, "-c", source, "-o", object])
  return object
}

test("main.c is one for a microcontroller too", () => {
  const source = join(folder, "firmware.c")
  writeFileSync(source, MAIN!)
  compileForCortexM3(source)
})

test("the client's port takes no more flash than the README says", () => {
  const object = compileForCortexM3(join(CLIENT, "fm_client.c"))
  const [, text] = execFileSync("arm-none-eabi-size", [object], { encoding: "utf8" }).split("\n")
  const [, said] = /one more file to compile, ([\d.]+) KB/.exec(readme)!
  expect(Number(/\d+/.exec(text!)![0])).toBeLessThanOrEqual(1000 * Number(said))
})
