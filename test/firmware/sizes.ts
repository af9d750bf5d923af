import { execFileSync } from "node:child_process"
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { FIRMWARE } from "./build.ts"
import { buildFor, runOnBoard } from "./qemu.ts"
import type { Board, BoardBuild } from "./qemu.ts"
import {
  HOW,
  IMAGES,
  PART_NAMES,
  SCENARIO,
  imageOf,
  imageVariables,
  memoryFloats,
  modulesImage,
} from "./sizes-image.ts"
import type { Image, ImageName } from "./sizes-image.ts"
import { stackOf } from "./sizes-stack.ts"

/**
 * How much of a microcontroller the C client takes: the table in firmware-bridge/README.md. `node test/firmware/sizes.ts` writes it anew; a test compares
 * it with a fresh measurement and holds the budgets.
 */

const README = join(FIRMWARE, "README.md")
const BEGIN = "<!-- sizes -->"
const END = "<!-- /sizes -->"

const KIB = 1024

export interface Row {
  readonly name: string
  readonly bytes: Readonly<Record<ImageName, number>>
  /** Of the least image; undefined: none. */
  readonly budget?: number
}

const BUDGETS: Readonly<Record<string, number>> = {
  CBOR: 1.5 * KIB,
  MQTT: 4 * KIB,
  kernels: 4 * KIB,
}

export interface Measured {
  readonly rows: readonly Row[]
  /** The worst chains of calls, for those who want a smaller stack. */
  readonly chains: readonly string[]
}

export function measure(): Measured {
  return withBuild("an385", ["size", "size-modules", "smallest", "bench"], (built) => {
    const [sizes, smallest, whole] = HOW.map((how) => each((name) => sizesOf(imageOf(built, how, name), ENTRIES[name])))
    const row = (name: string, budget: number | undefined, of: (sizes: Sizes) => number, from = sizes!): Row => ({
      name,
      bytes: each((image) => of(from[image])),
      ...(budget === undefined ? {} : { budget }),
    })
    return {
      rows: [
        ...PART_NAMES.map((part) => row(`flash: ${part}`, BUDGETS[part], ({ text }) => text.get(part)!)),
        row("flash: all", undefined, ({ total }) => total),
        row(`flash: all, ${SMALLEST}`, 14 * KIB, ({ total }) => total, smallest),
        row(`flash: all, ${SMALLEST} with libgcc's soft float`, undefined, ({ total }) => total, whole),
        row("RAM: context (`fm_device_t`)", 1 * KIB, ({ context }) => context),
        row("RAM: stack, at most", 1 * KIB, ({ stack }) => stack),
        row(`RAM: stack, at most, ${SMALLEST}`, 1 * KIB, ({ stack }) => stack, smallest),
        row("RAM: all", 24 * KIB, ({ ram }) => ram),
        ...moduleRows(built),
        ...instructionRows(built),
      ],
      chains: [...IMAGES.map((image) => sizes![image].chain), ...IMAGES.map((image) => smallest![image].chain)],
    }
  })
}

const SMALLEST = "as small as it gets"

/** What the unit for modules takes, beside a device or without one. */
function moduleRows(built: BoardBuild): Row[] {
  const image = modulesImage(built)
  const { bytes } = [...stackOf(image, OF_MODULES).values()].reduce((a, b) => (b.bytes > a.bytes ? b : a))
  const row = (name: string, value: number): Row => ({ name, bytes: each(() => value) })
  return [
    row("flash: modules, where they are wanted", image.text.get("modules")!),
    row("flash: modules, with the CBOR, SHA-256 and topics that a device has anyway", total(image)),
    row("RAM: context of modules (`fm_module_t`)", symbolBytes(image.elf, "image_module")),
    row("RAM: stack of modules, at most", bytes),
  ]
}

function total({ text }: Image): number {
  return [...text.values()].reduce((sum, bytes) => sum + bytes, 0)
}

function instructionRows(m3: BoardBuild): Row[] {
  const row = (name: string, count: number): Row => ({
    name: `instructions ${name}`,
    bytes: each(() => count),
  })
  const onM3 = (image: string): number => countInstructions("an385", m3, image)
  return [
    row("a sample, Cortex-M3", onM3("bench")),
    row(`a sample, Cortex-M3, ${SMALLEST}`, onM3("bench-smallest")),
    row(
      "a sample, Cortex-M4 with FPU",
      withBuild("an386", ["bench"], (m4) => countInstructions("an386", m4, "bench")),
    ),
    row("a SHA-256 block, Cortex-M3", onM3("bench_sha")),
    row(`a SHA-256 block, Cortex-M3, ${SMALLEST}`, onM3("bench_sha-smallest")),
  ]
}

const OF_MODULES = ["begin", "want", "topic", "on_message", "poll", "revert"].map((name) => `fm_module_${name}`)
const TAKES_PART = ["fm_device_begin", "fm_device_poll"]
const ENTRIES: Readonly<Record<ImageName, readonly string[]>> = {
  least: TAKES_PART,
  small: TAKES_PART,
  all: [...TAKES_PART, "fm_device_predict", "fm_device_leave"],
}

function each<T>(of: (image: ImageName) => T): Record<ImageName, T> {
  return { least: of("least"), small: of("small"), all: of("all") }
}

function withBuild<T>(board: Board, goals: readonly string[], use: (built: BoardBuild) => T): T {
  const built = buildFor(board, goals, imageVariables())
  try {
    return use(built)
  } finally {
    built.remove()
  }
}

interface Sizes {
  readonly text: ReadonlyMap<string, number>
  readonly total: number
  readonly context: number
  readonly stack: number
  readonly ram: number
  readonly chain: string
}

function sizesOf(image: Image, functions: readonly string[]): Sizes {
  const stacks = [...stackOf(image, functions).values()]
  const worst = stacks.reduce((a, b) => (b.bytes > a.bytes ? b : a))
  const context = symbolBytes(image.elf, "image_device")
  const { packetBytes, rows } = SCENARIO
  return {
    text: image.text,
    total: total(image),
    context,
    stack: worst.bytes,
    ram: context + worst.bytes + 2 * packetBytes + 2 * rows + 4 * memoryFloats(),
    chain: worst.chain.join(" > "),
  }
}

function symbolBytes(elf: string, symbol: string): number {
  const lines = execFileSync("arm-none-eabi-nm", ["-S", elf], { encoding: "utf8" }).split("\n")
  const found = lines.map((line) => line.split(" ")).find((fields) => fields[3] === symbol)
  if (found === undefined) throw new Error(`${elf} has no ${symbol}`)
  return Number.parseInt(found[1]!, 16)
}

function countInstructions(board: Board, built: BoardBuild, image: string): number {
  return Number(runOnBoard(board, built.path(`${image}.elf`), [], ["-icount", "shift=0"]))
}

// ---- the table ----

/** What others say of their own; flash. */
const COMPARISON = [
  "coreMQTT 2.3.1 alone, MQTT 3.1.1, Cortex-M4, `-Os` | 7.0 KB",
  "WebAssembly Micro Runtime alone, Cortex-M4F, ahead of time | 29.4 KB",
  "the same as an interpreter | 56.3 to 58.9 KB",
]

const grouped = (value: number): string => String(value).replaceAll(/\B(?=(\d{3})+$)/g, " ")

export function tableOf({ rows }: Measured): string {
  const lines = rows.map(({ name, bytes, budget }) =>
    [name, ...IMAGES.map((image) => grouped(bytes[image])), budget === undefined ? "" : grouped(budget)].join(" | "),
  )
  return [
    "| bytes | least | small | all | budget of the least |",
    "|---|--:|--:|--:|--:|",
    ...lines.map((line) => `| ${line} |`),
    ...COMPARISON.map((line) => `| for comparison: ${line} | | | |`),
  ].join("\n")
}

/** The table that is committed: the numbers of each row, by its name. */
export function committedRows(): Map<string, readonly number[]> {
  const readme = readFileSync(README, "utf8")
  const table = readme.slice(readme.indexOf(BEGIN), readme.indexOf(END)).split("\n")
  const cells = table.filter((line) => /^\| (flash|RAM|instructions)/.test(line))
  return new Map(
    cells.map((line) => {
      const [, name, ...numbers] = line.split("|").map((cell) => cell.trim())
      return [name!, numbers.slice(0, IMAGES.length).map((text) => Number(text.replaceAll(" ", "")))]
    }),
  )
}

function write(measured: Measured): void {
  const readme = readFileSync(README, "utf8")
  const from = readme.indexOf(BEGIN)
  const to = readme.indexOf(END)
  if (from < 0 || to < 0) throw new Error(`expected ${BEGIN} and ${END} in ${README}`)
  writeFileSync(README, `${readme.slice(0, from)}${BEGIN}\n\n${tableOf(measured)}\n\n${readme.slice(to)}`)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const measured = measure()
  write(measured)
  console.log(tableOf(measured))
  for (const chain of measured.chains) console.log(`stack: ${chain}`)
}
