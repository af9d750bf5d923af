import { execFileSync } from "node:child_process"
import { readFileSync } from "node:fs"
import { resolve } from "node:path"
import { PORT } from "./qemu.ts"
import type { Image } from "./sizes-image.ts"

/**
 * The deepest stack under each public function: the frames that gcc states (`-fcallgraph-info=su`, which has the numbers of `-fstack-usage`
 * with the calls), added up along the worst chain of calls. A frame counts as long as its function may still be in it, and before a last call too.
 */

/** Whom a call through a pointer may reach, by the pointer's name; undefined: the firmware's own function, which is not counted here. */
const POINTERS: Readonly<Record<string, RegExp | undefined>> = {
  open: undefined,
  read: undefined,
  write: undefined,
  reset: undefined,
  now_ms: undefined,
  random: undefined,
  value: undefined,
  event: undefined,
  willing: undefined,
  verify: undefined,
  now: undefined,
  run: undefined,
  highest: undefined,
  load: undefined,
  has: undefined,
  start: undefined,
  finish: undefined,
  install: undefined,
  revert: undefined,
  erase: undefined,
  fits: /^(fm_is_class|\w+_fits)$/,
  gradient: /_gradient$/,
  counts: /^(softmax|logistic|squared)_counts$/,
  tally: /^(softmax|logistic|squared)_tally$/,
  turn: /^(logistic|squared)_turn$/,
  span: /(^|_)(span)$/,
  bytes: /^(f32|int8|eden\d?|decoder_\w+)_bytes$/,
  encode: /_encode$/,
  add: /^decoder_(int8|eden\d)_add$/,
  bend: /^fm_tanh$/,
  slope: /^tanh_slope$/,
  floats: /^terms_floats$/,
  place: /^terms_place$/,
  adjust: /^terms_adjust$/,
  memory: /^(training|statistics|evaluation)_memory$/,
  begin: /^(training|statistics|evaluation|changes)_begin$/,
  advance: /^(training|statistics|evaluation)_advance$/,
  take: /^changes_take$/,
  digest: /^changes_digest$/,
}

interface Function {
  frame: number
  readonly callees: Set<string>
  /** Names of pointers that it calls through. */
  readonly pointers: Set<string>
}

export interface Stack {
  readonly bytes: number
  /** The worst chain, outermost first. */
  readonly chain: readonly string[]
}

export function stackOf({ graphs, elf }: Image, functions: readonly string[]): Map<string, Stack> {
  const graph = readGraph(graphs)
  addLibraryCode(graph, elf)
  const linked = [...graph.keys()].filter((name) => symbolsOf(elf).has(name))
  const known = new Map<string, Stack>()
  return new Map(functions.map((name) => [name, deepest(graph, linked, name, [], known)]))
}

function deepest(
  graph: ReadonlyMap<string, Function>,
  linked: readonly string[],
  name: string,
  above: readonly string[],
  known: Map<string, Stack>,
): Stack {
  const before = known.get(name)
  if (before !== undefined) return before
  if (above.includes(name)) throw new Error(`recursion: ${[...above, name].join(" > ")}`)
  const own = graph.get(name)
  if (own === undefined) throw new Error(`${above.join(" > ")}: nothing is known of ${name}`)
  const targets = [...own.callees, ...[...own.pointers].flatMap((pointer) => pointees(pointer, name, linked))]
  let worst: Stack = { bytes: 0, chain: [] }
  for (const target of targets) {
    const below = deepest(graph, linked, target, [...above, name], known)
    if (below.bytes > worst.bytes) worst = below
  }
  const stack = { bytes: own.frame + worst.bytes, chain: [name, ...worst.chain] }
  known.set(name, stack)
  return stack
}

function pointees(pointer: string, caller: string, linked: readonly string[]): string[] {
  if (!Object.hasOwn(POINTERS, pointer))
    throw new Error(`${caller} calls ${pointer}: say in POINTERS whom that may reach`)
  const pattern = POINTERS[pointer]
  return pattern === undefined ? [] : linked.filter((name) => pattern.test(name.replace(/\..*$/, "")))
}

// ---- what gcc states ----

function readGraph(files: readonly string[]): Map<string, Function> {
  const graph = new Map<string, Function>()
  const at = (name: string): Function => {
    const found = graph.get(name) ?? { frame: -1, callees: new Set(), pointers: new Set() }
    graph.set(name, found)
    return found
  }
  for (const file of files) {
    const text = readFileSync(file, "utf8")
    for (const [, title, bytes, kind] of text.matchAll(
      /^node: \{ title: "([^"]+)" label: "[^"]*\\n(\d+) bytes \((.*?)\)/gm,
    )) {
      if (kind !== "static") throw new Error(`${title}: the size of its frame is ${kind}`)
      const name = plain(title!)
      if (at(name).frame >= 0) throw new Error(`two functions are called ${name}`)
      at(name).frame = Number(bytes)
    }
    const edges = /^edge: \{ sourcename: "([^"]+)" targetname: "([^"]+)"(?: label: "([^"]*)")?/gm
    for (const [, source, target, where] of text.matchAll(edges)) {
      const { callees, pointers } = at(plain(source!))
      if (target === "__indirect_call") for (const pointer of pointersAt(where!)) pointers.add(pointer)
      else callees.add(plain(target!))
    }
  }
  return graph
}

/** A static function's title has its file in front. A copy that the compiler made has a suffix: a function of its own. */
function plain(title: string): string {
  return title.replace(/^.*:/, "")
}

/** Names of the pointers that the statement at FILE:LINE:COLUMN calls through. */
function pointersAt(where: string): string[] {
  const [file, line, column] = where.split(":")
  const lines = readFileSync(resolve(PORT, file!), "utf8")
    .split("\n")
    .slice(Number(line) - 1)
  const statement = lines
    .join("\n")
    .slice(Number(column) - 1)
    .split(/[;{]/)[0]!
  const names = [...statement.matchAll(/(?:->|\.)(\w+)\(/g)].map(([, name]) => name!)
  if (names.length === 0) throw new Error(`${where}: expected a call through a pointer, got ${statement}`)
  return names
}

// ---- the compiler's own library, which is assembly ----

/** Frames and calls of functions that gcc says nothing of, from their instructions. A function may have several names. */
function addLibraryCode(graph: Map<string, Function>, elf: string): void {
  const arguments_ = ["-d", "--no-show-raw-insn", elf]
  const code = execFileSync("arm-none-eabi-objdump", arguments_, { encoding: "utf8", maxBuffer: 1 << 26 })
  const addresses = symbolsOf(elf)
  for (const body of code.split("\n\n")) {
    const [, start, label] = /^([0-9a-f]+) <([\w.]+)>:/m.exec(body) ?? []
    const calls = body.matchAll(/\tbl?(?:[a-z]{2})?(?:\.[nw])?\t[0-9a-f]+ <([\w.]+)(?:\+0x[0-9a-f]+)?>/g)
    const callees = [...calls].map(([, target]) => target!).filter((target) => target !== label)
    for (const [name, address] of addresses)
      if (address === start && (graph.get(name)?.frame ?? -1) < 0)
        graph.set(name, { frame: frameOf(body), callees: new Set(callees), pointers: new Set() })
  }
}

/** All that a function's instructions put on the stack. */
function frameOf(body: string): number {
  let bytes = 0
  for (const [, list] of body.matchAll(/\t(?:push|stmdb\tsp!,) ?\t?\{([^}]*)\}/g)) bytes += 4 * registers(list!)
  for (const [, size] of body.matchAll(/\tstr\w*(?:\.w)?\t\w+, \[sp, #-(\d+)\]!/g)) bytes += Number(size)
  for (const [, size] of body.matchAll(/\tsub(?:\.w)?\tsp, (?:sp, )?#(\d+)/g)) bytes += Number(size)
  return bytes
}

function registers(list: string): number {
  return list.split(",").reduce((count, each) => {
    const [, from, to] = /r(\d+)-r(\d+)/.exec(each) ?? []
    return count + (from === undefined ? 1 : Number(to) - Number(from) + 1)
  }, 0)
}

const symbols = new Map<string, ReadonlyMap<string, string>>()

/** Functions in an image, and their addresses. */
function symbolsOf(elf: string): ReadonlyMap<string, string> {
  const found = symbols.get(elf)
  if (found !== undefined) return found
  const lines = execFileSync("arm-none-eabi-nm", [elf], { encoding: "utf8" }).split("\n")
  const entries = lines.map((line) => line.split(" ")).filter(([, kind]) => kind === "T" || kind === "t")
  const addresses = new Map(entries.map(([address, , name]) => [name!, address!]))
  symbols.set(elf, addresses)
  return addresses
}
