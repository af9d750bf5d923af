import { readFileSync, readdirSync } from "node:fs"
import { dirname, join } from "node:path"
import type { BoardBuild } from "./qemu.ts"

/** An image of nothing but the library, and what its linker says. */

/** What each source file belongs to. */
const PART_OF: readonly (readonly [part: string, files: RegExp])[] = [
  ["CBOR", /^fm_(cbor|utf8|writer)$/],
  ["messages and topics", /^fm_(message|notice|fields|topic)$/],
  ["MQTT", /^fm_(mqtt|session)$/],
  ["kernels", /^fm_(model|training|loss_\w+|terms|curve_\w+|math|random|init|sum|moments|evaluation)$/],
  ["kernels", /^fm_(codec(_\w+)?|decoder_\w+|eden)$/],
  ["SHA-256", /^fm_sha256(_roots)?$/],
  [
    "device",
    /^fm_(device|greeting|plan|membership|pull|work|upload|round_\w+|parts_\w+|changes|leave|predict|result)$/,
  ],
  ["modules", /^fm_(module\w*|manifest|envelope|reason)$/],
  ["memcpy and the like", /^memory$/],
  ["soft float (libgcc)", /^_\w+$/],
]

export const PART_NAMES: readonly string[] = [...new Set(PART_OF.map(([part]) => part))]

/** The library that was compiled as a whole, and the port's float operations. */
const WHOLE = "whole"
const WHOLE_FILES = /^(ltrans|float|roots)$/

/** For a 64-32-4 softmax model whose features are standardised, batches of 8, 512-byte packets, 256 rows. */
export const SCENARIO = { features: 64, hidden: 32, classes: 4, batch: 8, packetBytes: 512, rows: 256 } as const

/** Floats of working memory that fedmote.h's formula asks for, for training without momentum. */
export function memoryFloats(): number {
  const { features, hidden, classes, batch } = SCENARIO
  const parameters = (features + 1) * hidden + (hidden + 1) * classes
  return 2 * features + 2 * parameters + batch * (2 * hidden + classes + 1)
}

export interface Image {
  readonly elf: string
  /** What gcc says of the library's functions: .ci files. */
  readonly graphs: readonly string[]
  /** Bytes of code and constants, by part; in an image that is as small as it gets all of them are of one. */
  readonly text: ReadonlyMap<string, number>
}

/** An image as -Os makes it of the library's files, as small as it gets, or that with libgcc's float operations: port/cortex-m/Makefile. */
export const HOW = ["size", "smallest", "whole"] as const

/** By the parts that they name: fm_parts_least, fm_parts_small, fm_parts_all. The last one makes the calls too that not every firmware needs. */
export const IMAGES = ["least", "small", "all"] as const
export type ImageName = (typeof IMAGES)[number]

/** Variables for `make size`. */
export function imageVariables(): string[] {
  const sizes = { FLOATS: memoryFloats(), PACKET_BYTES: SCENARIO.packetBytes, ROWS: SCENARIO.rows }
  return [
    `SIZE=${Object.entries(sizes)
      .map(([name, value]) => `-D${name}=${value}`)
      .join(" ")}`,
  ]
}

/** The image of nothing but the unit for modules. */
export function modulesImage(built: BoardBuild): Image {
  const graphs = readdirSync(built.path("src")).filter((file) => file.endsWith(".ci"))
  return {
    elf: built.path("size-modules.elf"),
    graphs: graphs.map((file) => join(built.path("src"), file)),
    text: textByPart(readFileSync(built.path("size-modules.map"), "utf8")),
  }
}

export function imageOf(built: BoardBuild, how: (typeof HOW)[number], name: ImageName): Image {
  const elf = built.path(`${how}-${name}.elf`)
  const text = textByPart(readFileSync(built.path(`${how}-${name}.map`), "utf8"))
  const folder = how === "size" ? built.path("src") : dirname(elf)
  const graphs = readdirSync(folder).filter((file) => file.endsWith(".ci"))
  const own = how === "size" ? graphs : graphs.filter((file) => file.startsWith(`${how}-${name}.elf.`))
  return { elf, graphs: own.map((file) => join(folder, file)), text }
}

/** Adds up the sections that were linked: name, address, size and file of each, the name on a line of its own where it is long. */
function textByPart(map: string): Map<string, number> {
  const text = new Map([...PART_NAMES, WHOLE].map((part) => [part, 0]))
  const linked = map.slice(map.indexOf("Linker script and memory map"))
  for (const [, size, file] of linked.matchAll(/^ \.(?:text|rodata)\S*\s+0x[0-9a-f]+\s+0x([0-9a-f]+) (\S+)$/gm)) {
    const bytes = Number.parseInt(size!, 16)
    const object = /([\w-]+)\.o\)?$/.exec(file!)?.[1] ?? file!
    if (bytes === 0 || object.startsWith("size-")) continue
    const part = WHOLE_FILES.test(object) ? WHOLE : PART_OF.find(([, files]) => files.test(object))?.[0]
    if (part === undefined) throw new Error(`${file} belongs to no part of the table: add it to PART_OF`)
    text.set(part, text.get(part)! + bytes)
  }
  return text
}
