import { Command } from "commander"
import type { RolloutFacts, RolloutStatus } from "../coordinator/rollout/status.ts"
import { FedmoteError } from "../core/error.ts"
import { clearModule, publishModule } from "../net/module-publish.ts"
import { signerOf } from "../net/signature.ts"
import type { Signer } from "../net/signature.ts"
import { MANIFEST_BOUNDS } from "../wire/manifest.ts"
import { ORDER_BOUNDS } from "../wire/order.ts"
import type { Order } from "../wire/order.ts"
import { withContext } from "./context.ts"
import type { Context } from "./context.ts"
import { readKey } from "./keys.ts"
import { checkedModule } from "./module-file.ts"
import type { CheckedModule } from "./module-file.ts"
import { Operator, addOperatorOptions } from "./module-operator.ts"
import type { OperatorFlags } from "./module-operator.ts"
import { addSignOptions, describedManifest, signModule } from "./module-sign.ts"
import type { SignFlags } from "./module-sign.ts"
import { formatStages, formatStatus, headline } from "./module-text.ts"
import { writeJson } from "./output.ts"
import { percent, slotName, whole } from "./parse.ts"

/** What `fedmote module publish --json` writes. */
const SCHEMA = "fedmote-publish/1"

interface Flags extends SignFlags, OperatorFlags {
  readonly sequence?: number
  readonly canary?: number
  readonly then?: readonly number[]
  readonly enough?: number
  readonly failures?: number
  readonly tolerance?: number
  readonly dryRun?: true
  readonly wait?: true
  readonly json?: string
}

export function modulePublishCommand(): Command {
  const command = new Command("publish")
    .description("check and sign a module, and roll it out to a fleet's gateways in stages")
    .argument("<file>", "WebAssembly module")
    .requiredOption("--to <tag>", "the devices with this tag, which the plan names; all: every device", slotName)
    .option("--sequence <number>", "default: one above all that the slot has had", whole(MANIFEST_BOUNDS.sequence.min))
    .option("--json <file>", "write what was ordered as fedmote-publish/1; - is standard output")
  return addStageOptions(addSignOptions(addOperatorOptions(command))).action(
    (file: string, flags: Flags, self: Command) => withContext(self, (context) => publish(file, flags, context)),
  )
}

function addStageOptions(command: Command): Command {
  const collect = (text: string, before: readonly number[] = []): readonly number[] => [
    ...before,
    percent(1, 100)(text),
  ]
  return command
    .option("--canary <percent>", "first to so many of the devices (5%); default: to all at once", percent(1, 100))
    .option("--then <percent>", "then to so many of them, any number of times; in the end to all", collect)
    .option("--enough <percent>", "of a stage's devices must confirm before the next (default: 90%)", percent(0, 100))
    .option("--failures <percent>", "of a stage's devices may fail before it is halted (default: 10%)", percent(0, 100))
    .option(
      "--tolerance <percent>",
      "by which the trials' mean loss may lie above that of the program before (default: 20%)",
      percent(ORDER_BOUNDS.tolerance.min, ORDER_BOUNDS.tolerance.max),
    )
    .option("--dry-run", "publish nothing: ask the coordinator which devices each stage would have")
    .option("--wait", "follow the rollout to its end; fails where it is halted or aborted")
}

/** Percentages that rise to 100: in the end all devices have it. Throws `FedmoteError` ("usage"). */
export function stagesOf(canary: number | undefined, then: readonly number[] = []): readonly number[] {
  const asked = [...(canary === undefined ? [] : [canary]), ...then]
  const stages = asked.at(-1) === 100 ? asked : [...asked, 100]
  const { max } = ORDER_BOUNDS.stageList
  if (stages.length <= max && stages.every((each, i) => i === 0 || each > stages[i - 1]!)) return stages
  const got = asked.map((each) => `${each}%`).join(", ")
  throw new FedmoteError("usage", `--canary and --then: expected at most ${max} rising percentages, got ${got}`)
}

async function publish(file: string, flags: Flags, context: Context): Promise<void> {
  const stages = stagesOf(flags.canary, flags.then)
  const signer = signerOf(await readKey(flags.key))
  const module = await checkedModule(file)
  context.log.info({ file, bytes: module.bytes.length }, "the module passes its self-test")
  const operator = await Operator.connect(flags, context)
  try {
    const sequence = nextSequence(flags, await operator.status())
    const publishing = { operator, signer, module, sequence, stages }
    const outcome = flags.dryRun ? await plan(publishing, flags) : await start(publishing, flags, context)
    await say(outcome, flags.json)
    const { rollout } = outcome.status ?? {}
    if (rollout?.phase === "halted" || rollout?.phase === "aborted")
      throw new FedmoteError("rollout", headline(rollout))
  } finally {
    await operator.close()
  }
}

async function say({ facts, begun, status }: Outcome, json: string | undefined): Promise<void> {
  const text = status ? formatStatus(status) : formatStages(begun?.stages ?? [])
  if (json !== "-") process.stdout.write(text)
  if (json !== undefined) await writeJson({ schema: SCHEMA, ...facts, begun, ended: status?.rollout }, json)
}

/** Throws `FedmoteError` ("sequence") for one that no gateway would take. */
function nextSequence({ sequence, slot }: Flags, { highest }: RolloutStatus): number {
  if (sequence === undefined) return highest + 1
  if (sequence > highest) return sequence
  throw new FedmoteError(
    "sequence",
    `--sequence: expected more than ${highest}, the highest that slot ${slot} has had, got ${sequence}`,
  )
}

interface Publishing {
  readonly operator: Operator
  readonly signer: Signer
  readonly module: CheckedModule
  readonly sequence: number
  readonly stages: readonly number[]
}

interface Outcome {
  readonly facts: object
  /** As it was when it began, with the devices of each stage. */
  readonly begun: RolloutFacts | undefined
  /** How it ended. */
  readonly status?: RolloutStatus
}

async function plan({ operator, signer, sequence, stages }: Publishing, flags: Flags): Promise<Outcome> {
  const { rollout } = await operator.order({ action: "plan", sequence, stages, ...limitsOf(flags) }, signer)
  return { facts: { dryRun: true, slot: flags.slot, sequence }, begun: rollout }
}

async function start(publishing: Publishing, flags: Flags, context: Context): Promise<Outcome> {
  const { operator, signer, module, sequence, stages } = publishing
  const { log, signal } = context
  const { manifest, envelope } = signModule(module, { ...flags, sequence }, signer)
  const to = { link: operator.link, topics: operator.topics, signal }
  await publishModule(manifest, { envelope, bytes: module.bytes }, to)
  log.info({ slot: flags.slot, sequence, manifestBytes: envelope.length }, "the module is at the broker")
  const order = operator.order({ action: "start", sequence, stages, ...limitsOf(flags) }, signer)
  const { rollout } = await order.catch(async (error: unknown) => {
    // Nobody needs what is not rolled out. Without an answer that is not known.
    if (error instanceof FedmoteError && error.code === "order") await clearModule(manifest, to)
    throw error
  })
  log.info({ slot: flags.slot, sequence }, "the coordinator has begun the rollout")
  const outcome = { facts: { dryRun: false, ...describedManifest(manifest, envelope, signer) }, begun: rollout }
  return flags.wait ? { ...outcome, status: await untilOver(operator, sequence, context) } : outcome
}

function limitsOf({ to, enough, failures, tolerance }: Flags): Partial<Order> {
  return {
    ...(to !== "all" && { tag: to }),
    ...(enough !== undefined && { enough }),
    ...(failures !== undefined && { failures }),
    ...(tolerance !== undefined && { tolerance }),
  }
}

/** Follows a rollout to its end, saying on standard error where it is. */
async function untilOver(operator: Operator, sequence: number, { log, screen }: Context): Promise<RolloutStatus> {
  let bar: ReturnType<typeof screen.progress> | undefined
  let said = ""
  try {
    return await operator.follow(({ rollout }) => {
      if (rollout?.sequence !== sequence) return false
      const count = (of: "devices" | "confirmed"): number => rollout.stages.reduce((sum, each) => sum + each[of], 0)
      bar ??= screen.progress(`module ${sequence}`, count("devices"))
      bar.update(count("confirmed"), `stage ${rollout.stage + 1} of ${rollout.stages.length}`)
      const now = headline(rollout)
      if (now !== said) log.info(now)
      said = now
      return rollout.phase !== "running" && rollout.phase !== "paused"
    })
  } finally {
    bar?.end()
  }
}
