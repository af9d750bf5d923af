import type { Reproduced } from "../../src/sim/reproduce/reproduce.ts"
import { sharedData } from "../data/shared.ts"
import { fedmote } from "../e2e/fedmote.ts"
import { measured } from "./result.ts"
import type { Measured } from "./result.ts"

const GROUP = "reproduce"

/** How often each is run, the fastest counting, and how long it may take from the start to the end of the process. */
const EXPERIMENTS: readonly { readonly name: string; readonly runs: number; readonly seconds?: number }[] = [
  { name: "flute-lr-mnist", runs: 3, seconds: 5 },
  { name: "codecs", runs: 1 },
  { name: "fedavg-mnist", runs: 1 },
]

/** The claims of the published experiments, from processes of their own; minutes in all. */
export async function bench(): Promise<Measured[]> {
  const results: Measured[] = []
  for (const { name, runs, seconds: most } of EXPERIMENTS) {
    let seconds = Infinity
    let claims: Reproduced["claims"] = []
    for (let run = 0; run < runs; run++) {
      const started = performance.now()
      claims = await claimsOf(name)
      seconds = Math.min(seconds, (performance.now() - started) / 1000)
    }
    for (const { text, value, atLeast, atMost } of claims) {
      const budget = atLeast === undefined ? { atMost: atMost ?? NaN } : { atLeast }
      results.push(measured({ group: GROUP, name: `${name}: ${text}`, value: value ?? NaN, unit: "", budget }))
    }
    const time = { group: GROUP, name: `${name}: start to end of the process`, value: seconds, unit: "s" }
    results.push(measured(most === undefined ? time : { ...time, budget: { atMost: most } }))
  }
  return results
}

async function claimsOf(name: string): Promise<Reproduced["claims"]> {
  const { code, stdout, stderr } = await fedmote(["reproduce", name, "--data", sharedData("."), "--json", "-"])
  // One whose claims do not hold writes them all the same.
  if (stdout === "") throw new Error(`reproduce ${name} ended with ${code}: ${stderr.trim().split("\n").at(-1)}`)
  return (JSON.parse(stdout) as Reproduced).claims
}
