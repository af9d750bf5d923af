import type { CodecName } from "../core/codec.ts"
import type { Downlink } from "../core/global-model.ts"
import { sharedParameters } from "../core/plan-model.ts"
import type { Plan } from "../core/plan.ts"
import { NO_DEVICE } from "../core/random.ts"
import type { RandomKey } from "../core/random.ts"
import { seedsOf } from "../core/seeds.ts"
import { createDecoder } from "./codec-decode.ts"
import { createEncoder } from "./encoder.ts"
import type { KernelKind } from "./types.ts"

export interface DownlinkOptions {
  /** One of least squared error; rotated blocks take the biased scale. */
  readonly codec: CodecName
  /** Shared parameters. */
  readonly size: number
  /** The federation's. */
  readonly seed: number
  readonly kind?: KernelKind | undefined
}

/**
 * Quantises what devices' models lack, and decodes it as they do (assembly/CODECS.md, "Downlink"), in kernel memory of its own. `quantise`
 * throws `KernelError` ("delta") for another length or a value that is not finite.
 */
export function createDownlink({ codec, size, seed, kind }: DownlinkOptions): Downlink {
  const encoder = createEncoder(size, kind)
  const decoder = createDecoder(size, kind)
  return {
    quantise(drift, version) {
      const key = downlinkKey(seed, version)
      const payload = encoder.encode(codec, drift, key, { biased: true })
      return { payload, change: decoder.decode(codec, payload, key) }
    },
  }
}

/** What a plan's federation needs as its `downlink`; undefined where the plan has none. */
export function downlinkOf(plan: Plan, kind?: KernelKind): Downlink | undefined {
  if (plan.downlink === undefined) return undefined
  const { from, to } = sharedParameters(plan)
  return createDownlink({ codec: plan.downlink.codec, size: to - from, seed: seedsOf(plan).training, kind })
}

/** The key of the delta that leads to `version`: of no device. */
export function downlinkKey(seed: number, version: number): RandomKey {
  return { seed, round: version, device: NO_DEVICE }
}
