import { distance } from "fastest-levenshtein"
import { FedmoteError } from "../../core/error.ts"
import { cmapss } from "./cmapss.ts"
import { codecs } from "./codecs.ts"
import type { Experiment } from "./experiment.ts"
import { fedavgMnist } from "./fedavg-mnist.ts"
import { fedproxSynthetic } from "./fedprox-synthetic.ts"
import { fluteLrMnist } from "./flute-lr-mnist.ts"
import { har } from "./har.ts"

/** Everything that `fedmote reproduce` knows. */
export const EXPERIMENTS: readonly Experiment[] = [
  codecs(),
  fedavgMnist(),
  fluteLrMnist(),
  fedproxSynthetic(),
  cmapss(),
  har(),
]

/** Throws `FedmoteError` ("usage"), which names the nearest one. */
export function experimentNamed(name: string): Experiment {
  const found = EXPERIMENTS.find((experiment) => experiment.name === name)
  if (found !== undefined) return found
  const names = EXPERIMENTS.map((experiment) => experiment.name)
  const nearest = names
    .map((known) => ({ known, steps: distance(known, name) }))
    .filter(({ known, steps }) => steps <= Math.max(known.length, name.length) * 0.4)
    .sort((a, b) => a.steps - b.steps)[0]
  const hint = nearest === undefined ? `there are ${names.join(", ")}` : `did you mean ${nearest.known}?`
  throw new FedmoteError("usage", `no experiment "${name}": ${hint}`)
}
