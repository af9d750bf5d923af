import { Command, Option } from "commander"
import { FedmoteError } from "../core/error.ts"
import { withData } from "../core/plan-model.ts"
import { seedsOf } from "../core/seeds.ts"
import { openDataset } from "../data/open.ts"
import { unpackModel } from "../device/model-bytes.ts"
import { pullModel } from "../device/model-pull.ts"
import { systemClock } from "../net/clock.ts"
import type { Link } from "../net/link.ts"
import { importModel, modelBytes, readModel } from "../sim/model-file.ts"
import type { ModelToExport } from "../sim/model-file.ts"
import { simulate } from "../sim/simulate.ts"
import { decode } from "../wire/codec.ts"
import type { Notice } from "../wire/message.ts"
import { topics } from "../wire/topics.ts"
import { networkAt } from "./brokers.ts"
import { withContext } from "./context.ts"
import type { Context } from "./context.ts"
import { addDataOptions, dataOptions } from "./data-options.ts"
import type { DataFlags } from "./data-options.ts"
import { sayPrivate, writeHeader, writeModel } from "./export.ts"
import { readPlan } from "./plan-file.ts"
import { checkDigest, readResult } from "./replay.ts"
import { labelsFor, planOf } from "./wire-plan.ts"

interface Flags extends DataFlags {
  readonly cHeader?: string
  readonly broker?: string
  readonly fleet?: string
  readonly plan?: string
  readonly from?: string
  readonly data?: string
}

export function modelCommand(): Command {
  const command = new Command("export")
    .description("write a model with all that is needed to use it: the one a fleet released, or a result's")
    .argument("[file]", "safetensors file to write")
    .option("--c-header <file>", "C header to write: the model as const arrays, and fm_predict()")
    .addOption(new Option("--broker <url>", "take the released model from this broker").conflicts("from"))
    .option("--fleet <name>", "of the released model")
    .option("--plan <file>", "names of features and labels for the released model")
    .option(
      "--from <file>",
      "replay this result (recorded with --record-cohorts); or a .safetensors file of this command",
    )
    .option("--data <source>", "the data that the result was made with")
  return new Command("model").description("models as files").addCommand(
    addDataOptions(command).action((file: string | undefined, flags: Flags, self: Command) =>
      withContext(self, async (context) => {
        const { cHeader, from } = flags
        if (file === undefined && cHeader === undefined)
          throw new FedmoteError("usage", "say what to write: FILE, --c-header FILE, or both")
        if (from?.endsWith(MODEL_ENDING) === true) await convert(from, file, cHeader, context)
        else {
          const model = from === undefined ? await fromFleet(flags, context) : await fromResult(from, flags, context)
          if (file !== undefined) await writeModel(file, model, context)
          else sayPrivate(model, context)
          if (cHeader !== undefined) await writeHeader(cHeader, readModel(modelBytes(model)), context)
        }
        for (const written of [file, cHeader]) if (written !== undefined) process.stdout.write(`${written}\n`)
      }),
    ),
  )
}

const MODEL_ENDING = ".safetensors"

async function convert(
  from: string,
  file: string | undefined,
  header: string | undefined,
  context: Context,
): Promise<void> {
  if (file !== undefined || header === undefined)
    throw new FedmoteError("usage", `${from} is a model's file already: say --c-header FILE, and no other file`)
  await writeHeader(header, await importModel(from), context)
}

async function fromResult(from: string, flags: Flags, { signal }: Context): Promise<ModelToExport> {
  if (flags.data === undefined)
    throw new FedmoteError("usage", "--from needs the data that the result was made with (--data SOURCE)")
  const result = await readResult(from)
  const dataset = await openDataset(flags.data, dataOptions(flags, seedsOf(result.plan).partition))
  const plan = withData(result.plan, dataset)
  const replayed = await simulate({ plan, dataset, replay: result, baselines: false, signal })
  checkDigest(result, replayed.result, from)
  const { parameters, standardizer, threshold } = replayed
  return { plan, parameters, standardizer, threshold }
}

const NOTICE_TIMEOUT_MS = 5000
const MAX_PACKET_BYTES = 1 << 20

async function fromFleet({ broker, fleet, plan }: Flags, context: Context): Promise<ModelToExport> {
  if (broker === undefined || fleet === undefined)
    throw new FedmoteError(
      "usage",
      "say where the model is: --broker URL --fleet NAME for a released one, or --from RESULT --data SOURCE",
    )
  const names = plan === undefined ? undefined : (await readPlan(plan)).model
  const all = topics(fleet)
  const { signal } = context
  const link = await networkAt(broker, context).connect({ clientId: `model-${process.pid}`, signal })
  try {
    const notice = await retainedNotice(link, all.round, fleet, signal)
    const bytes = await pullModel(notice, {
      link,
      topics: all,
      clock: systemClock,
      maxPacketBytes: MAX_PACKET_BYTES,
      signal,
    })
    const { parameters, standardizer } = unpackModel(bytes, notice)
    const model = planOf(notice.training, names)
    const labels = names?.labels ?? labelsFor(notice.training)
    return { plan: model, parameters, standardizer, labels }
  } finally {
    await link.close()
  }
}

async function retainedNotice(link: Link, topic: string, fleet: string, signal: AbortSignal): Promise<Notice> {
  const { promise, resolve, reject } = Promise.withResolvers<Notice>()
  const patience = AbortSignal.any([signal, AbortSignal.timeout(NOTICE_TIMEOUT_MS)])
  patience.addEventListener("abort", () =>
    reject(
      signal.aborted ? signal.reason : new FedmoteError("model-file", `fleet ${fleet} has no model at this broker`),
    ),
  )
  await link.subscribe(topic, (_, payload) => {
    try {
      const message = decode(payload)
      if (message.type !== "notice") return
      if (message.phase === "released") resolve(message)
      else
        reject(
          new FedmoteError(
            "model-file",
            `fleet ${fleet} has not released its model yet (round ${message.round}, ${message.phase})`,
          ),
        )
    } catch (error) {
      reject(error)
    }
  })
  return promise
}
