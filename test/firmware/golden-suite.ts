import { expect, test } from "vitest"
import { CODECS } from "../../src/core/codec.ts"
import { classCount } from "../../src/core/model.ts"
import type { Notice } from "../../src/wire/message.ts"
import type { GoldenFederation } from "../kernel/golden.ts"
import type { Begin } from "./rig.ts"
import { FEDERATIONS, takesPart } from "./round-records.ts"
import { Federation, notice } from "./world.ts"

/** Each golden federation with each codec that its devices use, and what a device in C must say to it. */
const CASES = FEDERATIONS.flatMap((federation) => {
  const codecs = [...new Set(federation.rounds[0]!.updates.map(({ codec }) => codec))]
  return codecs.map((codec) => ({
    name: federation.name,
    codec,
    federation,
    answer: takesPart(federation, codec) ? "JOINED" : "UNFIT",
  }))
})

/** Golden federations that the C client has no code for are refused at once, and none other. */
export function goldenSuite(begin: Begin): void {
  test.each(CASES)("$name, $codec: $answer", async ({ codec, federation, answer }) => {
    const { spec } = federation
    const world = begin({ features: spec.inputs, classes: classCount(spec), memory: 1 << 18, incoming: 4096, all: 1 })
    const { training, model } = wanted(federation)
    new Federation(world, notice({ training, codecs: [CODECS[codec].id] }, model), () => model).open()
    expect(await world.until(answer, 5000)).toMatchObject({ result: answer === "UNFIT" ? "UNSUPPORTED" : "OK" })
    await world.pass(1000)
    expect(world.told.some(({ event }) => event === "JOINED")).toBe(answer === "JOINED")
  })
}

/** What the federation's Notices say of training, and its first model. */
function wanted({ spec, settings, shared, feedback = false, init }: GoldenFederation): {
  readonly training: Notice["training"]
  readonly model: Buffer
} {
  const { clipNorm, exampleClipNorm, schedule, momentum = 0, l2 = 0, proximal = 0, ...steps } = settings
  const step = clipNorm === undefined ? {} : { step: clipNorm }
  const example = exampleClipNorm === undefined ? {} : { example: exampleClipNorm }
  const clips = clipNorm !== undefined || exampleClipNorm !== undefined
  const training = {
    ...spec,
    standardized: false,
    ...steps,
    momentum,
    l2,
    proximal,
    ...(schedule !== undefined && { schedule: { warmup: 0, finalFraction: 0, ...schedule } }),
    ...(feedback && { errorFeedback: true }),
    ...(shared !== undefined && { shared }),
    ...(clips && { clipping: { ...step, ...example } }),
  }
  return { training, model: Buffer.from(init, "hex") }
}
