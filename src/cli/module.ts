import { cp, mkdir } from "node:fs/promises"
import { fileURLToPath } from "node:url"
import { Command } from "commander"
import { FedmoteError } from "../core/error.ts"
import { checkDevice } from "../wire/topics.ts"
import { moduleAuditCommand } from "./module-audit.ts"
import { moduleControlCommands, moduleStatusCommand } from "./module-control.ts"
import { hex } from "../net/digest.ts"
import { checkedModule } from "./module-file.ts"
import type { CheckedModule } from "./module-file.ts"
import { modulePublishCommand } from "./module-publish.ts"
import { moduleSignCommand } from "./module-sign.ts"
import { writeJson } from "./output.ts"

/** What `fedmote module check --json` writes. */
const SCHEMA = "fedmote-module/1"

/** Beside this file in the sources and as it is built: two folders up. */
const TEMPLATE = fileURLToPath(new URL("../../assembly/examples/autoencoder", import.meta.url))

export function moduleCommand(): Command {
  const command = new Command("module")
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
    .addCommand(moduleSignCommand())
    .addCommand(modulePublishCommand())
    .addCommand(moduleStatusCommand())
  for (const control of moduleControlCommands()) command.addCommand(control)
  return command.addCommand(moduleAuditCommand())
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
  const module = await checkedModule(file)
  if (json !== "-") process.stdout.write(describe(file, module))
  if (json !== undefined) {
    const { sizeBytes, features } = module.facts
    const { model, memoryBytes } = module.test
    const selfTest = { digest: hex(module.selfTest), memoryBytes, model }
    await writeJson({ schema: SCHEMA, sizeBytes, features, digest: hex(module.digest), selfTest }, json)
  }
}

function describe(file: string, { facts, test, digest, selfTest }: CheckedModule): string {
  const { inputs, loss, parameters, outputs } = test.model
  return [
    `${file}: a training module of ${facts.sizeBytes} bytes`,
    `needs      ${facts.features === "mvp" ? "WebAssembly 1.0" : "WebAssembly with SIMD"}`,
    `memory     ${test.memoryBytes / 1024} KiB in the self-test`,
    `trains     ${parameters} parameters on ${inputs} features, ${outputs} outputs, ${loss} loss, in the self-test`,
    `sha-256    ${hex(digest)}`,
    `self-test  ${hex(selfTest)}`,
    "",
  ].join("\n")
}
