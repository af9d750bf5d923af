import { execFile, execFileSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"
import { afterAll, beforeAll, expect, test } from "vitest"
import { mqttNetwork, startBroker } from "../../src/index.ts"
import { sha256 } from "../../src/net/digest.ts"
import { signerOf } from "../../src/net/signature.ts"
import { chunkModule } from "../../src/wire/chunk.ts"
import { encode } from "../../src/wire/codec.ts"
import { encodeManifest } from "../../src/wire/manifest.ts"
import { topics } from "../../src/wire/topics.ts"
import { ownModule } from "../kernel/foreign-modules.ts"
import { FIRMWARE, build } from "./build.ts"
import type { Build } from "./build.ts"

/** The README's example of modules: compiled as it stands there, it takes a real training module over a real broker. */

const README = readFileSync(join(FIRMWARE, "README.md"), "utf8")
const EXAMPLE = [...README.matchAll(/^```c\n([\s\S]*?)^```/gm)]
  .map(([, text]) => text!)
  .find((text) => text.includes("fm_module_t"))!
const OPERATOR = signerOf(new Uint8Array(32).fill(3))
const MODULE = ownModule("scalar")
const FLEET = topics("motes")

let folder: string
let program: string
let library: Build
let broker: Awaited<ReturnType<typeof startBroker>>
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "fedmote-modules-"))
  library = build("gcc", ["all"])
  broker = await startBroker()
  program = compile()
}, 120_000)
afterAll(async () => {
  await broker?.close()
  library?.remove()
  rmSync(folder, { recursive: true, force: true })
})

function compile(): string {
  const key = [...OPERATOR.publicKey].join(", ")
  writeFileSync(join(folder, "key.c"), `#include "modules.h"\nconst uint8_t operator_key[32] = { ${key} };\n`)
  writeFileSync(join(folder, "example.c"), EXAMPLE)
  const parts = ["include", "port/flash", "port/openssl", "test/tour"].map((part) => join(FIRMWARE, part))
  const sources = ["port/flash/fm_flash.c", "port/openssl/ed25519.c", "test/tour/modules.c"].map((file) =>
    join(FIRMWARE, file),
  )
  const warnings = [
    "-Wall",
    "-Wextra",
    "-Wpedantic",
    "-Wshadow",
    "-Wconversion",
    "-Werror",
    "-fsanitize=address,undefined",
  ]
  const own = ["example.c", "key.c"].map((file) => join(folder, file))
  const libraries = [library.path("libfedmote.a"), "-lcrypto", "-lpaho-mqtt3c"]
  const to = join(folder, "modules")
  execFileSync("gcc", [
    "-std=c99",
    "-D_POSIX_C_SOURCE=200809L",
    ...warnings,
    ...parts.map((part) => `-I${part}`),
    ...own,
    ...sources,
    ...libraries,
    "-o",
    to,
  ])
  return to
}

async function publish(sequence: number, module: Uint8Array): Promise<void> {
  const manifest = encodeManifest({
    sequence,
    slot: "train",
    tags: [],
    abi: 1,
    features: "mvp",
    memoryKiB: 256,
    sizeBytes: module.length,
    digest: sha256(MODULE),
    chunkBytes: 1024,
    selfTest: sha256(MODULE),
  })
  const link = await mqttNetwork(broker.url).connect({ clientId: `operator-${sequence}` })
  for (const chunk of chunkModule(module, sequence, 1024))
    await link.publish(FLEET.module("train", sequence, chunk.index), encode(chunk), { retain: true })
  await link.publish(FLEET.manifest("train", sequence), OPERATOR.seal(manifest), { retain: true })
  await link.close()
}

async function take(sequence: number): Promise<Buffer> {
  const env = { ...process.env, BROKER: broker.url.replace(/^mqtt:/, "tcp:"), SEQUENCE: String(sequence) }
  const { stdout } = await promisify(execFile)(program, { env, encoding: "buffer", timeout: 30_000 })
  return stdout
}

test("a signed module comes over a broker, and is run", async () => {
  await publish(1, MODULE)
  expect(Buffer.compare(await take(1), MODULE)).toBe(0)
})

test("one that is not what was signed does not run", async () => {
  const changed = MODULE.slice()
  changed[5000]! ^= 1
  await publish(2, changed)
  expect((await take(2)).length).toBe(0)
})

test("the port for flash takes no more flash than the README says", () => {
  const object = join(folder, "fm_flash.o")
  const where = ["include", "port/flash"].map((part) => `-I${join(FIRMWARE, part)}`)
  const flags = ["-mcpu=cortex-m3", "-mthumb", "-Os", "-std=c99", "-Wall", "-Wextra", "-Wconversion", "-Werror"]
  execFileSync("arm-none-eabi-gcc", [...flags, ...where, "-c", join(FIRMWARE, "port/flash/fm_flash.c"), "-o", object])
  const [, text] = execFileSync("arm-none-eabi-size", [object], { encoding: "utf8" }).split("\n")
  const [, said] = /read, program and erase; ([\d.]+) KB/.exec(README)!
  expect(Number(/\d+/.exec(text!)![0])).toBeLessThanOrEqual(1000 * Number(said))
})
