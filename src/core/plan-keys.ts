import { stepsBetween } from "./plan-error.ts"

/** The keys of a plan as dotted paths, found in its JSON Schema. */
export interface PlanKeys {
  /** Of each path, the places in the schema that describe its value, as JSON pointers. */
  readonly pointers: ReadonlyMap<string, readonly string[]>
  /** Paths of maps whose keys are free, such as `tags`, with the place that describes a value. */
  readonly open: ReadonlyMap<string, string>
}

interface SchemaNode {
  readonly properties?: { readonly [key: string]: SchemaNode }
  readonly anyOf?: readonly SchemaNode[]
  readonly oneOf?: readonly SchemaNode[]
  readonly additionalProperties?: unknown
}

export function planKeys(schema: SchemaNode): PlanKeys {
  const pointers = new Map<string, string[]>()
  const open = new Map<string, string>()
  const visit = (node: SchemaNode, pointer: string, path: string): void => {
    for (const [name, child] of Object.entries(node.properties ?? {})) {
      const below = path === "" ? name : `${path}.${name}`
      const place = `${pointer}/properties/${name}`
      pointers.set(below, [...(pointers.get(below) ?? []), place])
      visit(child, place, below)
    }
    if (typeof node.additionalProperties === "object") open.set(path, `${pointer}/additionalProperties`)
    for (const kind of ["anyOf", "oneOf"] as const)
      node[kind]?.forEach((one, i) => visit(one, `${pointer}/${kind}/${i}`, path))
  }
  visit(schema, "#", "")
  return { pointers, open }
}

export function isPlanKey({ pointers, open }: PlanKeys, key: string): boolean {
  return pointers.has(key) || [...open.keys()].some((path) => key.startsWith(`${path}.`))
}

/** What to say to a dotted path that is none of a plan: the nearest one, by the whole or by the last part alone. `more`: other paths that are known. */
export function pathHint({ pointers }: PlanKeys, key: string, more: readonly string[] = []): string {
  const nearest = [...more, ...pointers.keys()]
    .flatMap((path) => [
      { path, ...closeness(path, key), more: 0 },
      { path, ...closeness(last(path), last(key)), more: 0.5 },
    ])
    .filter(({ steps, length }) => steps <= Math.max(1, Math.floor(length * 0.4)))
    .sort((a, b) => a.steps + a.more - (b.steps + b.more))[0]
  if (nearest !== undefined) return `did you mean ${nearest.path}?`
  return `known are ${[...pointers.keys()].filter((path) => !path.includes(".")).join(", ")} and what is in them`
}

function closeness(path: string, key: string): { readonly steps: number; readonly length: number } {
  return { steps: stepsBetween(path.toLowerCase(), key.toLowerCase()), length: Math.max(path.length, key.length) }
}

function last(path: string): string {
  return path.slice(path.lastIndexOf(".") + 1)
}

/** JSON Schema of `sweep`: for every key of the plan a list of what may be written there. */
export function sweepSchema({ pointers, open }: PlanKeys): object {
  const list = (places: readonly string[]): object => ({
    type: "array",
    minItems: 1,
    items: places.length === 1 ? { $ref: places[0] } : { anyOf: places.map(($ref) => ({ $ref })) },
  })
  return {
    description: "Lists of values for keys of the plan, as dotted paths: fedmote simulate runs every combination.",
    type: "object",
    minProperties: 1,
    properties: {
      ...Object.fromEntries([...pointers].map(([path, places]) => [path, list(places)])),
      "data.partition": { type: "array", minItems: 1, items: { type: "string" }, description: "As --partition." },
      "data.clients": {
        type: "array",
        minItems: 1,
        items: { type: "integer", minimum: 1 },
        description: "As --clients.",
      },
      seeds: {
        ...list([...pointers.get("seed")!, ...pointers.get("seeds")!]),
        description: "Numbers: the same as seed.",
      },
    },
    patternProperties: Object.fromEntries([...open].map(([path, place]) => [`^${path}\\.`, list([place])])),
    additionalProperties: false,
  }
}
