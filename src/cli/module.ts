import { cp, mkdir, readFile } from "node:fs/promises"
import { fileURLToPath } from "node:url"
import { Command } from "commander"
import { FedmoteError } from "../core/error.ts"
import { selfTestApart } from "../kernel/self-test-apart.ts"
import type { SelfTest } from "../kernel/self-test.ts"
import { TrainingModule } from "../kernel/training-module.ts"
import type { ModuleFacts } from "../kernel/training-module.ts"
import { sha256 } from "../net/digest.ts"
import { checkDevice } from "../wire/topics.ts"
import { MANIFEST_BOUNDS } from "../wire/manifest.ts"
import { writeJson } from "./output.ts"

/** What `fedmote module check --json` writes. */
const SCHEMA = "fedmote-module/1"

/** Beside this file in the sources and as it is built: two folders up. */
const TEMPLATE = fileURLToPath(new URL("../../assembly/examples/autoencoder", import.meta.url))

export function moduleCommand(): Command {
  return new Command("module")
    .description("kernel modules: training programs that are flashed to gateways")
    .addCommand(
      new Command("new")
        .description(
          "make a folder with a training module to start from, in AssemblyScript: an autoencoder for anomaly scores",
        )
        .argument("<name>", "of the folder")
        .action(create),
    )
    .addCommand(
      new Command("check")
        .description(
          "whether a module is a training module that gateways would take: exports, features, memory, and the self-test",
        )
        .argument("<file>", "WebAssembly module")
        .option("--json <file>", "write what it is as fedmote-module/1; - is standard output")
        .action(check),
    )
}

async function create(name: string): Promise<void> {
  checkDevice(name)
  try {
    await mkdir(name)
  } catch (cause) {
    const why = (cause as NodeJS.ErrnoException).code === "EEXIST" ? "it is there already" : (cause as Error).message
    throw new FedmoteError("module", `cannot make the folder ${name}: ${why}`, { cause })
  }
  await cp(TEMPLATE, name, { recursive: true })
  process.stdout.write(`${name}: cd ${name} && npm install && npm run build, then fedmote module check module.wasm\n`)
}

async function check(file: string, { json }: { readonly json?: string }): Promise<void> {
  const bytes = await readModule(file)
  const { facts } = new TrainingModule(bytes)
  const test = await selfTestApart(bytes)
  const digest = hex(sha256(bytes))
  const selfTest = hex(sha256(test.answers))
  if (json !== "-") process.stdout.write(describe(file, facts, test, digest, selfTest))
  if (json !== undefined) {
    const { model, memoryBytes } = test
    const { sizeBytes, features } = facts
    await writeJson(
      { schema: SCHEMA, sizeBytes, features, digest, selfTest: { digest: selfTest, memoryBytes, model } },
      json,
    )
  }
}

/** A module's bytes. Throws `FedmoteError` ("module") where there are none, or too many. */
export async function readModule(file: string): Promise<Uint8Array> {
  let bytes: Uint8Array
  try {
    bytes = new Uint8Array(await readFile(file))
  } catch (cause) {
    throw new FedmoteError("module", `cannot read the module ${file}: ${(cause as Error).message}`, { cause })
  }
  const { max } = MANIFEST_BOUNDS.moduleBytes
  if (bytes.length > max)
    throw new FedmoteError("module", `${file}: expected at most ${max} bytes, got ${bytes.length}`)
  return bytes
}

function describe(
  file: string,
  facts: ModuleFacts,
  { model, memoryBytes }: SelfTest,
  digest: string,
  selfTest: string,
): string {
  const { inputs, loss, parameters, outputs } = model
  return [
    `${file}: a training module of ${facts.sizeBytes} bytes`,
    `needs      ${facts.features === "mvp" ? "WebAssembly 1.0" : "WebAssembly with SIMD"}`,
    `memory     ${memoryBytes / 1024} KiB in the self-test`,
    `trains     ${parameters} parameters on ${inputs} features, ${outputs} outputs, ${loss} loss, in the self-test`,
    `sha-256    ${digest}`,
    `self-test  ${selfTest}`,
    "",
  ].join("\n")
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex")
}
