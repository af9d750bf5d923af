import type { Reproduced } from "../../src/sim/reproduce/reproduce.ts"
import { sharedData } from "../data/shared.ts"
import { fedmote } from "../e2e/fedmote.ts"
import { measured } from "./result.ts"
import type { Measured } from "./result.ts"

const GROUP = "reproduce"
const NAMES = ["flute-lr-mnist", "codecs", "fedavg-mnist"]

/** The claims of the published experiments, from processes of their own; minutes in all. */
export async function bench(): Promise<Measured[]> {
  const results: Measured[] = []
  for (const name of NAMES) {
    const started = performance.now()
    const { code, stdout, stderr } = await fedmote(["reproduce", name, "--data", sharedData("."), "--json", "-"])
    const seconds = (performance.now() - started) / 1000
    if (stdout === "") throw new Error(`reproduce ${name} ended with ${code}: ${stderr.trim().split("\n").at(-1)}`)
    const { claims } = JSON.parse(stdout) as Reproduced
    for (const { text, value, atLeast, atMost } of claims) {
      const budget = atLeast === undefined ? { atMost: atMost ?? NaN } : { atLeast }
      results.push(measured({ group: GROUP, name: `${name}: ${text}`, value: value ?? NaN, unit: "", budget }))
    }
    results.push(
      measured({
        group: GROUP,
        name: `${name}: start to end of the process`,
        value: seconds,
        unit: "s",
        ...(name === "flute-lr-mnist" && { budget: { atMost: 5 } }),
      }),
    )
  }
  return results
}
