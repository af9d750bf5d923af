import { z } from "zod"

/** The sections of a plan that say how a round runs. */

// A custom message is the "expected ..." half of an error; PlanError adds the path and what came.
export const expected = (phrase: string): { error: () => string } => ({ error: () => phrase })

export const count = z.int().min(1).max(0xffff_ffff)
export const seconds = z
  .number()
  .gt(0)
  .max(7 * 24 * 3600)

// Aborting checks let the union's phrase speak.
const fraction = z.number().gt(0, { abort: true }).lt(1, { abort: true })
const countOrFraction = z.union(
  [fraction, count],
  expected("a count (1 or more) or a fraction of the cohort (between 0 and 1)"),
)

const tag = z.string().regex(/^[a-z0-9-]{1,32}$/, expected("a tag: 1 to 32 of a-z, 0-9 and -"))
const devices = z
  .array(z.string().regex(/^[a-z0-9*-]{1,64}$/, expected("a device id, in which * stands for any characters")))
  .min(1)
  .max(10_000)

export const roundSections = {
  tags: z
    .record(tag, devices)
    .exactOptional()
    .describe("Names for devices, given by the operator: of each the ids, in which * stands for any characters."),
  module: z
    .strictObject({
      slot: tag.default("train").describe("Of the devices' modules."),
      sequence: count.describe(
        "Devices with an earlier module, or none, are given the published one before they join.",
      ),
    })
    .exactOptional()
    .describe("The training program is a signed WebAssembly module that was rolled out; rounds take one version."),
  selection: z
    .strictObject({
      overSelect: z
        .union(
          [z.number().min(1, { abort: true }).max(10, { abort: true }), z.literal("adaptive")],
          expected('a number from 1 to 10 or "adaptive"'),
        )
        .default(1.3)
        .describe("Devices asked for each update wanted; adaptive: 1.3, then by the dropout that is observed."),
      sampling: z
        .enum(["uniform", "weighted", "poisson"])
        .default("uniform")
        .describe("weighted: by number of samples; poisson: each device by itself, with the probability rate."),
      rate: fraction
        .or(z.literal(1))
        .exactOptional()
        .describe("poisson: probability of each device in a round. Default: cohort / fleet."),
      tags: z.array(tag).max(16).exactOptional().describe("Only devices with all of these tags take part."),
      minimumSamples: count.default(1).describe("Training samples that a device needs to take part in training."),
      pool: count
        .default(10_000)
        .describe("Devices that stand ready at most; the others are told when to come back, one pool a round."),
      minimumToStart: countOrFraction.default(0.8),
      timeoutSeconds: seconds.default(60).describe("How long to wait for the whole cohort."),
      settleSeconds: z
        .number()
        .min(0)
        .max(3600)
        .default(1)
        .describe("How long to wait for more once the cohort is there."),
    })
    .prefault({}),
  mode: z
    .enum(["sync", "async"])
    .default("sync")
    .describe(
      "async: a commit for every so many updates as the cohort says, while overSelect times as many devices are at work at a time.",
    ),
  late: z
    .strictObject({
      policy: z
        .enum(["drop", "buffer"])
        .default("drop")
        .describe("Updates of earlier training rounds; buffer: the current one takes them. Always in async mode."),
      maxStaleness: z.int().min(1).max(1000).default(20).describe("Commits since the model that it was trained from."),
      exponent: z
        .union([z.literal(0), z.literal(0.5), z.literal(1)], expected("0, 0.5 or 1"))
        .default(0.5)
        .describe("Of staleness s the weight is times (1 + s)^-exponent."),
    })
    .prefault({}),
  report: z
    .strictObject({
      timeoutSeconds: seconds.default(120).describe("Deadline of a training round."),
      minimumToCommit: countOrFraction.default(0.5),
      finishSeconds: z
        .number()
        .min(0)
        .max(3600)
        .default(10)
        .describe('"Finish now" is said so long before the deadline.'),
    })
    .prefault({}),
  privacy: z
    .strictObject({
      deviceMetrics: z
        .boolean()
        .default(false)
        .describe("Log what single devices have and do: samples, steps, staleness, loss. Never stored either way."),
    })
    .prefault({}),
  upload: z
    .strictObject({
      shards: z.int().min(1).max(65535).default(1).describe("Aggregators that share the devices."),
      spreadSeconds: z.int().min(0).max(86400).default(0).describe("Uploads are spread over so long, by device."),
      chunkBytes: z
        .int()
        .min(256)
        .max(262144)
        .default(65536)
        .describe("Largest piece of a model or update in one message."),
      errorFeedback: z
        .boolean()
        .default(false)
        .describe(
          "Devices add to an update what the codec lost of the last: for fleets where most take part in every round.",
        ),
    })
    .prefault({}),
}
