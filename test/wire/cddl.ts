import { readFileSync } from "node:fs"

/** A reader of the part of CDDL (RFC 8610) that our grammars use; it throws at anything else. */
export interface Entry {
  readonly key: number
  readonly type: string
  readonly optional: boolean
  /** From the comment: "session". */
  readonly field: string
}

export interface Grammar {
  readonly maps: ReadonlyMap<string, readonly Entry[]>
  /** `a / b / c` */
  readonly alternatives: ReadonlyMap<string, readonly string[]>
  /** `&( train: 0, ... )` */
  readonly choices: ReadonlyMap<string, Readonly<Record<string, number>>>
  /** `1..10` */
  readonly ranges: ReadonlyMap<string, readonly [number, number]>
  /** `bstr .size (1..10)`, `tstr .size ...` */
  readonly sizes: ReadonlyMap<string, { readonly of: string; readonly min: number; readonly max: number }>
  /** `[0*15 layer]` */
  readonly lists: ReadonlyMap<string, { readonly of: string; readonly min: number; readonly max: number }>
}

export function readGrammar(file = "protocol.cddl"): Grammar {
  const text = readFileSync(new URL(`../../src/wire/${file}`, import.meta.url), "utf8")
  const maps = new Map<string, Entry[]>()
  const alternatives = new Map<string, string[]>()
  const choices = new Map<string, Record<string, number>>()
  const ranges = new Map<string, [number, number]>()
  const sizes = new Map<string, { of: string; min: number; max: number }>()
  const lists = new Map<string, { of: string; min: number; max: number }>()
  let open: Entry[] | undefined
  for (const line of text.split("\n")) {
    if (line === "" || line.startsWith(";")) continue
    if (open) {
      if (line === "}") open = undefined
      else {
        const [, optional, key, type, field] =
          /^ {2}(\? )?(\d+): ([a-z0-9-]+), ; ([A-Za-z0-9]+)( - .*)?$/.exec(line) ?? fail(line)
        open.push({ key: Number(key), type: type!, optional: optional !== undefined, field: field! })
      }
      continue
    }
    const [, name, rule] = /^([a-z][a-z0-9-]*) = (.*)$/.exec(line) ?? fail(line)
    let found: RegExpExecArray | null
    if (rule === "{") maps.set(name!, (open = []))
    else if ((found = /^(-?\d+)\.\.(-?\d+)$/.exec(rule!))) ranges.set(name!, [Number(found[1]), Number(found[2])])
    else if ((found = /^(bstr|tstr) \.size (\d+)$/.exec(rule!)))
      sizes.set(name!, { of: found[1]!, min: Number(found[2]), max: Number(found[2]) })
    else if ((found = /^(bstr|tstr) \.size \((\d+)\.\.(\d+)\)$/.exec(rule!)))
      sizes.set(name!, { of: found[1]!, min: Number(found[2]), max: Number(found[3]) })
    else if ((found = /^\[(\d+)\*(\d+) ([a-z0-9-]+)\]$/.exec(rule!)))
      lists.set(name!, { of: found[3]!, min: Number(found[1]), max: Number(found[2]) })
    else if ((found = /^&\( (.*) \)$/.exec(rule!)))
      choices.set(
        name!,
        Object.fromEntries(found[1]!.split(", ").map((each) => [each.split(": ")[0], Number(each.split(": ")[1])])),
      )
    else if (/^[a-z0-9]+( \/ [a-z0-9]+)+$/.test(rule!)) alternatives.set(name!, rule!.split(" / "))
    else fail(line)
  }
  return { maps, alternatives, choices, ranges, sizes, lists }
}

function fail(line: string): never {
  throw new Error(`protocol.cddl: cannot read ${JSON.stringify(line)}`)
}
