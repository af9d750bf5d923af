import { Command, Option } from "commander"
import { readFileSync } from "node:fs"
import { brokerCommand } from "./broker.ts"
import { compareCommand } from "./compare.ts"
import { coordinatorCommand } from "./coordinator.ts"
import { demoCommand } from "./demo.ts"
import { deviceCommand } from "./device.ts"
import { run } from "./fail.ts"
import { keysCommand } from "./keys.ts"
import { LOG_LEVELS } from "./log.ts"
import { modelCommand } from "./model.ts"
import { moduleCommand } from "./module.ts"
import { planCommand } from "./plan.ts"
import { reproduceCommand } from "./reproduce.ts"
import { runsCommand } from "./runs.ts"
import { simulateCommand } from "./simulate.ts"
import { watchCommand } from "./watch.ts"

/** The whole command line. Throws `CommanderError` for one that is wrong, after saying what in one line. */
export function createProgram(): Command {
  const program = new Command("fedmote")
    .description("Federated learning for fleets of small devices.")
    .version(version())
    .addOption(new Option("--log <format>", "how to log to standard error").choices(["text", "json"]).default("text"))
    .addOption(new Option("--log-level <level>", "what to log").choices([...LOG_LEVELS]).default("info"))
  for (const command of [
    demoCommand(),
    simulateCommand(),
    coordinatorCommand(),
    runsCommand(),
    deviceCommand(),
    brokerCommand(),
    watchCommand(),
    planCommand(),
    modelCommand(),
    reproduceCommand(),
    compareCommand(),
    moduleCommand(),
    keysCommand(),
  ])
    program.addCommand(command)
  setUp(program)
  return program
}

// Subcommands that are added ready-made inherit nothing.
function setUp(command: Command): void {
  command
    .exitOverride()
    .allowExcessArguments(false)
    .configureOutput({
      outputError: (text, write) =>
        write(
          `fedmote: ${text
            .replace(/^error: /, "")
            .trim()
            .replace(/\s*\n\s*/g, " ")}\n`,
        ),
    })
  command.commands.forEach(setUp)
}

export async function main(argv: readonly string[]): Promise<void> {
  // Whoever reads the output may stop reading.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(0)
    throw error
  })
  await run(async () => {
    await createProgram().parseAsync(argv)
  })
}

function version(): string {
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8")
  return (JSON.parse(text) as { readonly version: string }).version
}
