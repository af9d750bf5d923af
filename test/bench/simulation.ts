import { execFile } from "node:child_process"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { sharedData } from "../data/shared.ts"
import { fedmote } from "../e2e/fedmote.ts"
import { measured } from "./result.ts"
import type { Measured } from "./result.ts"
import { updateSeconds } from "./simulation-kernels.ts"
import { mlp } from "./mlp.ts"
import type { Taken } from "./simulation-process.ts"

const GROUP = "simulation"
const SOFTMAX = mlp(60, 10)
const NETWORK = mlp(784, 200, 200, 10)
const POPULATION = 15_000_000
const CORES = 2

/** How fast a fleet that does not exist is, and how small. */
export async function bench(): Promise<Measured[]> {
  return [
    await flute(),
    ...(await memory()),
    await each(POPULATION / 10, POPULATION),
    ...(await overhead()),
    ...(await workers()),
    ...(await besideNumpy()),
    ...(await har()),
  ]
}

/** Every client of the population once, no less. */
export async function benchFull(): Promise<Measured[]> {
  return [await each(POPULATION, POPULATION)]
}

async function flute(): Promise<Measured> {
  const begun = performance.now()
  const { code } = await fedmote([
    "reproduce",
    "flute-lr-mnist",
    "--data",
    sharedData("."),
    "--workers",
    String(CORES),
    "--json",
    "-",
  ])
  if (code !== 0) throw new Error(`reproduce flute-lr-mnist ended with ${code}`)
  const value = (performance.now() - begun) / 1000
  return measured({
    group: GROUP,
    name: "flute-lr-mnist, start to end of the process",
    value,
    unit: "s",
    budget: { atMost: 5 },
  })
}

async function memory(): Promise<Measured[]> {
  const [large, small] = [
    await simulated("population", POPULATION, 1000, 100),
    await simulated("population", 1500, 1000, 100),
  ]
  const name = (clients: string): string => `peak memory, ${clients} clients, 1,000 a round, 100 rounds`
  return [
    measured({ group: GROUP, name: name("15,000,000"), value: large.peakMb, unit: "MB", budget: { atMost: 400 } }),
    measured({
      group: GROUP,
      name: `${name("15,000,000")}, against 1,500`,
      value: large.peakMb,
      unit: "MB",
      against: "1,500 clients",
      ratio: large.peakMb / small.peakMb,
      budget: { atMost: 1.1 },
    }),
  ]
}

/** So many clients, each of them once; where they are not all of the population, the time that all would take. */
async function each(clients: number, population: number): Promise<Measured> {
  const begun = performance.now()
  const { updates } = await simulated("population", clients, 1000, clients / 1000)
  if (updates !== clients) throw new Error(`expected ${clients} updates, got ${updates}`)
  const value = ((performance.now() - begun) / 1000) * (population / clients)
  const part = clients === population ? "" : ", from a tenth of them"
  return measured({
    group: clients === population ? `${GROUP}-full` : GROUP,
    name: `15,000,000 clients trained once each, softmax of 610 parameters, 20 rows${part}`,
    value,
    unit: "s",
    budget: { atMost: 120 },
  })
}

async function overhead(): Promise<Measured[]> {
  const times = { short: Infinity, long: Infinity, own: Infinity }
  const [few, many] = [200, 1200]
  // What a process does once is in both. In turns, the fastest of each counting, so that what else the machine does hits all.
  for (let turn = 0; turn < 2; turn++) {
    const cpuSeconds = async (rounds: number): Promise<number> =>
      (await simulated("population", POPULATION, 1000, rounds, 1)).cpuSeconds
    times.short = Math.min(times.short, await cpuSeconds(few))
    times.long = Math.min(times.long, await cpuSeconds(many))
    times.own = Math.min(times.own, updateSeconds(SOFTMAX, 20, "int8", 2000).mean)
  }
  const { own } = times
  const value = ((times.long - times.short) / (1000 * (many - few))) * 1e6
  return [
    measured({ group: GROUP, name: "one client, softmax of 610 parameters, 20 rows, int8", value, unit: "us" }),
    measured({
      group: GROUP,
      name: "of that beside training, encoding and folding",
      value: value - own * 1e6,
      unit: "us",
      budget: { atMost: 3 },
    }),
  ]
}

async function workers(): Promise<Measured[]> {
  // Long enough for the threads' own beginning to be a small part.
  const network = async (count: number): Promise<number> => rate(await simulated("mnist-2nn", 100, 20, 160, count))
  const one = await network(1)
  const two = await network(2)
  return [
    measured({
      group: GROUP,
      name: "two workers, MNIST 2NN of 199,210 parameters",
      value: two,
      unit: "updates/s",
      against: "one worker",
      ratio: two / one,
      budget: { atLeast: 1.8 },
    }),
  ]
}

async function besideNumpy(): Promise<Measured[]> {
  const results: Measured[] = []
  for (const { model, name, spec, rows, atLeast } of NUMPY) {
    // In turns, the fastest of each counting, so that what else the machine does hits both.
    let numpy = Infinity
    let own = Infinity
    for (let turn = 0; turn < 3; turn++) {
      numpy = Math.min(numpy, await numpySeconds(model))
      own = Math.min(own, updateSeconds(spec, rows, "f32", 1500).least)
    }
    results.push(
      measured({
        group: GROUP,
        name: `updates of a client, ${name}, one thread`,
        value: 1 / own,
        unit: "updates/s",
        against: "numpy, OpenBLAS",
        ratio: numpy / own,
        budget: { atLeast },
      }),
    )
  }
  return results
}

const NUMPY = [
  { model: "2nn", name: "MNIST 2NN, 600 samples, batches of 10", spec: NETWORK, rows: 600, atLeast: 1 },
  {
    model: "softmax",
    name: "softmax of 610 parameters, 100 samples, batches of 10",
    spec: SOFTMAX,
    rows: 100,
    atLeast: 10,
  },
]

const run = promisify(execFile)

/** Debian's Python, whose numpy is Debian's. */
async function numpySeconds(model: string): Promise<number> {
  const script = fileURLToPath(new URL("simulation_numpy.py", import.meta.url))
  const { stdout } = await run("/usr/bin/python3", [script, model, "1.5"])
  const { seconds, openblas } = JSON.parse(stdout) as { readonly seconds: number; readonly openblas: boolean }
  if (!openblas) throw new Error("expected numpy with OpenBLAS: sh test/system-packages.sh")
  return seconds
}

async function har(): Promise<Measured[]> {
  const begun = performance.now()
  const { peakMb, updates } = await simulated("har", 1000, 100, 100)
  const seconds = (performance.now() - begun) / 1000
  const name = `UCI-HAR, 561 features, 1,000 clients, 100 a round, 100 rounds (${updates} updates of 5 epochs)`
  return [
    measured({ group: GROUP, name, value: seconds, unit: "s" }),
    measured({ group: GROUP, name: "the same, peak memory", value: peakMb, unit: "MB" }),
  ]
}

function rate({ updates, seconds }: Taken): number {
  return updates / seconds
}

async function simulated(
  scenario: string,
  clients: number,
  cohort: number,
  rounds: number,
  threads = CORES,
): Promise<Taken> {
  const script = fileURLToPath(new URL("simulation-process.ts", import.meta.url))
  const { stdout } = await run(process.execPath, [script, scenario, ...[clients, cohort, rounds, threads].map(String)])
  return JSON.parse(stdout) as Taken
}
