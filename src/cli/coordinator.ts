import { Command, Option } from "commander"
import { setTimeout as sleep } from "node:timers/promises"
import { Coordinator } from "../coordinator/coordinator.ts"
import type { Journal } from "../coordinator/journal/journal.ts"
import { openModuleKeeping } from "../coordinator/rollout/modules.ts"
import { FedmoteError } from "../core/error.ts"
import { modelSpec, withData } from "../core/plan-model.ts"
import { mergePlan } from "../core/plan.ts"
import type { Plan } from "../core/plan.ts"
import { seedsOf } from "../core/seeds.ts"
import { openDataset } from "../data/open.ts"
import { fleetData, liveResult } from "../sim/live-result.ts"
import { probabilityOf } from "../sim/simulate.ts"
import { embedBroker, networkAt } from "./brokers.ts"
import { withContext } from "./context.ts"
import type { Context } from "./context.ts"
import { addDataOptions, dataOptions } from "./data-options.ts"
import type { DataFlags } from "./data-options.ts"
import { addResultOptions, deliver, followRounds } from "./deliver.ts"
import type { ResultFlags } from "./deliver.ts"
import { initialParameters } from "./initial-model.ts"
import { addJournalOptions, openFlaggedJournal } from "./journal-options.ts"
import type { JournalFlags } from "./journal-options.ts"
import { address } from "./parse.ts"
import type { Address } from "./parse.ts"
import { writeModel } from "./export.ts"
import { readPlan } from "./plan-file.ts"
import { addPlanOptions, planOverrides, warnAbout } from "./plan-options.ts"
import type { PlanFlags } from "./plan-options.ts"
import { tryOut } from "./probe.ts"
import { addTrustOption, trustedKeys } from "./trust.ts"
import type { TrustFlags } from "./trust.ts"

interface Flags extends DataFlags, JournalFlags, PlanFlags, ResultFlags, TrustFlags {
  readonly plan: string
  readonly broker?: string
  readonly listen?: Address
  readonly data?: string
  readonly init?: string
  readonly export?: string
  readonly probe: boolean
}

const DEFAULT_LISTEN: Address = { host: "127.0.0.1", port: 1883 }

export function coordinatorCommand(): Command {
  const command = new Command("coordinator")
    .description("run a federation over a broker, until its model is released")
    .requiredOption("--plan <file>", "the plan, in YAML")
    .addOption(new Option("--broker <url>", "mqtt:// or mqtts:// URL").conflicts("listen"))
    .addOption(
      new Option("--listen <host:port>", "run the embedded broker here (default: 127.0.0.1:1883)").argParser(address),
    )
    .option("--no-probe", "do not measure whether the broker at --broker loses messages of a busy fleet")
    .option(
      "--init <file>",
      "start from this model (safetensors); a custom one: from what this training module begins with",
    )
    .option("--export <file>", "write the released model (safetensors)")
    .option("--data <source>", "take names of features and classes from here, where the plan has none; nothing else")
  return addResultOptions(addDataOptions(addPlanOptions(addTrustOption(addJournalOptions(command))))).action(
    (flags: Flags, self: Command) => withContext(self, (context) => coordinate(flags, context)),
  )
}

async function coordinate(flags: Flags, context: Context): Promise<void> {
  const plan = await completePlan(flags)
  warnAbout(plan, context, { init: flags.init !== undefined })
  const init = flags.init === undefined ? undefined : await initialParameters(flags.init, plan)
  const trusted = await trustedKeys(flags)
  if (trusted !== undefined && flags.dataDir === undefined)
    context.log.warn("--trust without --data-dir: modules are not rolled out, a restart would forget where they are")
  const journal = await openFlaggedJournal(flags, context)
  try {
    await federate({ plan, init, trusted, journal }, flags, context)
  } finally {
    journal?.close()
  }
}

interface Federating {
  readonly plan: Plan
  readonly init: Float32Array | undefined
  readonly trusted: readonly Uint8Array[] | undefined
  readonly journal: Journal | undefined
}

async function federate({ plan, init, trusted, journal }: Federating, flags: Flags, context: Context): Promise<void> {
  const { log, signal } = context
  const embedded = flags.broker === undefined ? await embedBroker(flags.listen ?? DEFAULT_LISTEN, context) : undefined
  const network = embedded?.network ?? networkAt(flags.broker!, context)
  if (embedded !== undefined) log.info(`broker at ${embedded.broker.url}`)
  const bar = followRounds(plan, context, { lines: false })
  const over = new AbortController()
  const probed =
    flags.broker === undefined || !flags.probe
      ? undefined
      : tryOut(flags.broker, plan, context, AbortSignal.any([signal, over.signal]))
  const coordinator = new Coordinator({
    plan,
    network,
    log,
    recordCohorts: flags.recordCohorts ?? false,
    onRound: bar.onRound,
    ...(init === undefined ? {} : { init }),
    ...(journal === undefined ? {} : { journal }),
    ...(trusted === undefined ? {} : { trusted }),
    ...(flags.dataDir === undefined ? {} : { modules: openModuleKeeping(flags.dataDir) }),
  })
  try {
    log.info({ fleet: plan.fleet }, "waiting for devices")
    const outcome = await coordinator.run(signal)
    bar.end()
    const { fleet, seconds, parameters, standardizer } = outcome
    await deliver(liveResult(outcome, { plan, data: fleetData(plan, fleet), timing: { seconds } }), flags, context)
    if (flags.export !== undefined) {
      const threshold = probabilityOf(outcome.threshold)
      await writeModel(flags.export, { plan, parameters, standardizer, threshold }, context)
    }
    if (embedded !== undefined) await untilLeft(() => coordinator.present, signal)
  } finally {
    bar.end()
    over.abort()
    await probed
    await coordinator.close()
    await embedded?.broker.close()
  }
}

/** The plan with its flags, and with what the data say. A live coordinator must know features and labels before any device comes. */
async function completePlan(flags: Flags): Promise<Plan> {
  const plan = mergePlan(await readPlan(flags.plan), planOverrides(flags))
  if (plan.model.loss === "custom") {
    if (plan.module !== undefined) return plan
    throw new FedmoteError(
      "plan",
      `${flags.plan}: a custom model needs the library, where its trainer is a program of yours, or a module that the plan names`,
    )
  }
  if (flags.data === undefined) {
    modelSpec(plan)
    return plan
  }
  return withData(plan, await openDataset(flags.data, dataOptions(flags, seedsOf(plan).partition)))
}

/** Longer than the longest pause between two attempts of a device to connect. */
const LEAVE_TIMEOUT_MS = 90_000
const LEAVE_CHECK_MS = 50

// The embedded broker ends with this process: devices pull the released model first, and each leaves when it has it.
async function untilLeft(present: () => number, signal: AbortSignal): Promise<void> {
  const until = performance.now() + LEAVE_TIMEOUT_MS
  while (present() > 0 && performance.now() < until && !signal.aborted)
    await sleep(LEAVE_CHECK_MS, undefined, { signal }).catch(() => undefined)
}
