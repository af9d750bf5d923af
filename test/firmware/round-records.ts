import { CODECS } from "../../src/core/codec.ts"
import type { CodecName } from "../../src/core/codec.ts"
import { vectors } from "../kernel/codec-support.ts"
import type { GoldenFederation, HostileVectors, RoundVectors } from "../kernel/golden.ts"
import { DECODERS, ENCODERS, bytes, double, isForC, keyWords, settingsWords } from "./kernel-records.ts"
import { Records } from "./records.ts"

export const FEDERATIONS: readonly GoldenFederation[] = vectors<RoundVectors>("round.json").cases

/** Whether the C client can take part in a golden federation with a codec: it carries no error on, and keeps no layers for itself. */
export function takesPart(federation: GoldenFederation, codec: CodecName): boolean {
  const { feedback = false, shared } = federation
  return isForC(federation) && ENCODERS.includes(codec) && !feedback && shared === undefined
}

/** What the C client does in the golden rounds, from the model to the payload; and the digest of every model that it would pull. */
export function roundRecords(): Records {
  const records = new Records()
  for (const federation of FEDERATIONS) {
    const { name, spec, settings, seed, devices, init, rounds } = federation
    let model = init
    for (const { round, updates, ...after } of rounds) {
      for (const [i, update] of updates.entries()) {
        if (!takesPart(federation, update.codec)) continue
        const { id, device, x, y } = devices[i]!
        records.add(
          "round",
          `${name}: ${id} in round ${round}`,
          settingsWords(spec, settings),
          keyWords({ seed, round, device }),
          ...[x, y, init, model, update.result].map(bytes),
          Float32Array.of(double(update.lossSum)),
          Uint32Array.of(update.steps, update.samples),
          Uint32Array.of(CODECS[update.codec].id),
          bytes(update.payload),
        )
      }
      ;({ model } = after)
      if (isForC(federation))
        records.add("sha256", `${name}: model ${after.version}`, bytes(model), bytes(after.digest))
    }
  }
  return records
}

/** Hostile payloads of the codecs that the C client decodes. The bound of the grid is the coordinator's alone. */
export function hostileRecords(): Records {
  const records = new Records()
  const { codecs, n, key, weight, g } = vectors<HostileVectors>("hostile.json")
  for (const { codec, payload, cases } of codecs.filter(({ codec }) => DECODERS.includes(codec))) {
    const numbers = Uint32Array.of(CODECS[codec].id, n, weight, -g)
    const good = bytes(payload)
    for (const { what, length = good.length, patches, fault, sum = "" } of cases) {
      if (fault === "bound") continue
      const bad = Buffer.alloc(Math.max(length, good.length))
      bad.set(good)
      for (const [at, patch] of patches) bad.set(bytes(patch), at)
      records.add("hostile", `${codec}: ${what}`, numbers, keyWords(key), good, bad.subarray(0, length), bytes(sum))
    }
  }
  return records
}
