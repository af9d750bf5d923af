import { flash, signedModule } from "./flash-rig.ts"
import { measured, median } from "./result.ts"
import type { Measured } from "./result.ts"

const GATEWAYS = 1000
/** Gateways that verify a module as the first thing that they do, one after the other. */
const ALONE = 5

/** A new training module on its way: 12 KB from one operator to a fleet's gateways over the embedded broker, all on this machine. */
export async function bench(): Promise<readonly Measured[]> {
  const { bytes, envelope } = signedModule()
  const alone: number[] = []
  for (let i = 0; i < ALONE; i++) alone.push(...(await flash(1)).verifiedMs)
  const fleet = await flash(GATEWAYS)
  const group = "flash"
  return [
    measured({
      group,
      name: `a module of ${bytes.length / 1024} KB to ${GATEWAYS.toLocaleString("en")} gateways, until the last has switched to it`,
      value: fleet.seconds,
      unit: "s",
      budget: { atMost: 15 },
    }),
    measured({
      group,
      name: "manifest, signed",
      value: envelope.length,
      unit: "bytes",
      budget: { atMost: 300 },
    }),
    measured({
      group,
      name: "verification and self-test on a gateway, from the last chunk, in a new process",
      value: median(alone),
      unit: "ms",
      budget: { atMost: 50 },
    }),
  ]
}
