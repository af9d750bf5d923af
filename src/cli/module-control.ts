import { Command } from "commander"
import { FedmoteError } from "../core/error.ts"
import { signerOf } from "../net/signature.ts"
import { withContext } from "./context.ts"
import type { Context } from "./context.ts"
import { readKey } from "./keys.ts"
import { Operator, addOperatorOptions, addSlotOption } from "./module-operator.ts"
import type { OperatorFlags } from "./module-operator.ts"
import { formatStatus } from "./module-text.ts"
import { writeJson } from "./output.ts"

interface Flags extends OperatorFlags {
  readonly json?: string
}

interface ControlFlags extends Flags {
  readonly key: string
}

export function moduleStatusCommand(): Command {
  return addCommon(
    new Command("status").description("where a slot's rollout is, which devices train with what, and who failed"),
  ).action((flags: Flags, self: Command) =>
    withContext(self, (context) =>
      withOperator(flags, context, async (operator) => {
        const status = await operator.status()
        if (flags.json !== "-") process.stdout.write(formatStatus(status))
        if (flags.json !== undefined) await writeJson(status, flags.json)
      }),
    ),
  )
}

const CONTROLS = {
  pause: "let a rollout tell no more devices",
  resume: "let a rollout go on that was paused",
  abort: "end a rollout for good: every device that has the module goes back",
} as const

export function moduleControlCommands(): readonly Command[] {
  return Object.entries(CONTROLS).map(([name, description]) => {
    const action = name as keyof typeof CONTROLS
    return addCommon(new Command(name).description(description))
      .requiredOption("--key <file>", "the private key to sign the order with, of `fedmote keys new`")
      .action((flags: ControlFlags, self: Command) =>
        withContext(self, (context) => withOperator(flags, context, (operator) => control(action, operator, flags))),
      )
  })
}

function addCommon(command: Command): Command {
  return addSlotOption(addOperatorOptions(command)).option(
    "--json <file>",
    "write what the coordinator says as fedmote-rollout/1; - is standard output",
  )
}

async function withOperator(
  flags: OperatorFlags,
  context: Context,
  work: (operator: Operator) => Promise<void>,
): Promise<void> {
  const operator = await Operator.connect(flags, context)
  try {
    await work(operator)
  } finally {
    await operator.close()
  }
}

async function control(
  action: keyof typeof CONTROLS,
  operator: Operator,
  { key, slot, json }: ControlFlags,
): Promise<void> {
  const signer = signerOf(await readKey(key))
  const { rollout } = await operator.status()
  if (rollout === undefined)
    throw new FedmoteError("rollout", `slot ${slot}: expected a rollout to ${action}, there was none yet`)
  const { sequence } = rollout
  const answer = await operator.order({ action, sequence }, signer)
  if (json !== "-")
    process.stdout.write(`slot ${slot}: the coordinator has taken the order to ${action} module ${sequence}\n`)
  if (json !== undefined) await writeJson(answer, json)
}
