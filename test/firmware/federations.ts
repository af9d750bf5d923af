import type { Notice, WireTraining } from "../../src/wire/index.ts"
import type { Puppet, Setup } from "./puppet.ts"
import { Federation, World, modelBytes, notice } from "./world.ts"
import type { Round } from "./world.ts"

/** Federations of one device on its rig that between them take every path of a device that all goes well for. */

/** As fuzz_device.c has them: what it takes its devices' size from is in `kind`. */
const DEVICE = { incoming: 512, outgoing: 300, memory: 65536, features: 4, rows: 12, test: 5, all: 1 } as const

export interface Example {
  readonly name: string
  /** Labels are class indices below this; 1: they are real numbers. */
  readonly classes: 1 | 2 | 3
  readonly first: Notice
  readonly rounds: readonly Round[]
  readonly model: (version: number) => Buffer
  readonly change?: (version: number) => Buffer
}

const softmax = notice().training

function dense(units: readonly number[], activation: "relu" | "tanh"): WireTraining["layers"] {
  return units.map((each, i) => ({
    kind: "dense",
    units: each,
    activation: i + 1 < units.length ? activation : "identity",
  }))
}

function example(
  name: string,
  classes: Example["classes"],
  parameters: number,
  training: Partial<WireTraining>,
  rounds: readonly Round[] = [],
  changes: Partial<Notice> = {},
): Example {
  const model = (version: number): Buffer => modelBytes(parameters, version)
  return {
    name,
    classes,
    first: notice({ training: { ...softmax, ...training }, ...changes }, model(1)),
    rounds,
    model,
  }
}

/** Version `version` of a model that changes in whole levels of 1/8: each version is the one before, and its change. */
function level(version: number, i: number): number {
  return ((i * 5 + version) % 9) - 4
}

/** `int8-nearest` of the levels: blocks of 64, each with its scale as a bfloat16. */
function levelChange(parameters: number, version: number): Buffer {
  const blocks: Buffer[] = []
  for (let at = 0; at < parameters; at += 64) {
    const levels = Int8Array.from({ length: Math.min(64, parameters - at) }, (_, i) => level(version, at + i))
    blocks.push(Buffer.from([0x00, 0x3e]), Buffer.from(levels.buffer))
  }
  return Buffer.concat(blocks)
}

function levelModel(parameters: number, version: number): Buffer {
  const values = new Float32Array(parameters)
  for (let v = 2; v <= version; v++) values.forEach((value, i) => (values[i] = value + level(v, i) / 8))
  return Buffer.from(values.buffer)
}

const PARAMETERS = 9 * 5 + 10 * 3
const CHANGED: Example = {
  name: "changes on the way down",
  classes: 3,
  first: notice(
    {
      training: { ...softmax, layers: dense([9, 3], "tanh"), momentum: 0.5, l2: 0.125, proximal: 0.25 },
      codecs: [5],
    },
    levelModel(PARAMETERS, 1),
  ),
  rounds: [{ version: 2, deltas: { base: 1, codec: 2 } }, { version: 3 }, { version: 5 }],
  model: (version) => levelModel(PARAMETERS, version),
  change: (version) => levelChange(PARAMETERS, version),
}

/** Changes of rotated blocks whose scale is 0: the model stays as it is. */
function still(codec: number, bits: number): Example {
  const parameters = 15
  // One block of 32 values.
  const change = Buffer.alloc(2 + (32 * bits) / 8)
  return {
    name: `changes that change nothing, of ${bits} bits`,
    classes: 3,
    first: notice({}, modelBytes(parameters, 1)),
    rounds: [{ version: 2, deltas: { base: 1, codec } }, { version: 3 }],
    model: () => modelBytes(parameters, 1),
    change: () => change,
  }
}

export const EXAMPLES: readonly Example[] = [
  example("softmax, int8", 3, 15, {}, [{ version: 2 }, { version: 2, kind: "evaluate" }, { kind: "statistics" }]),
  example(
    "logistic, standardised, f32",
    2,
    8 + 4 * 6 + 6 + 7,
    { layers: dense([6, 1], "relu"), loss: "logistic", positiveWeight: 2, standardized: true },
    [{ kind: "evaluate", version: 3 }],
    { codecs: [0], spreadSeconds: 2 },
  ),
  example("squared, eden1", 1, 5, { layers: dense([1], "relu"), loss: "squared" }, [{ kind: "evaluate" }], {
    codecs: [5],
  }),
  CHANGED,
  still(5, 1),
  still(6, 2),
  still(7, 4),
]

export function setupOf({ classes }: Example): Setup {
  return { ...DEVICE, classes }
}

/** Runs one to its release. */
export async function play(puppet: Puppet, example: Example): Promise<Federation> {
  const { first, model, rounds, change } = example
  const federation = new Federation(new World(puppet), first, model, rounds, change)
  federation.open()
  await federation.world.until("RELEASED", 600_000)
  return federation
}
