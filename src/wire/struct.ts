import { WireError } from "./error.ts"
import type { Kind } from "./kind.ts"
import { wrongKind } from "./kind.ts"

/** The kind of every field of `T` but the discriminator `Tag`; the compiler asks for each of them. */
export type Fields<T, Tag extends string = never> = {
  readonly [K in Exclude<keyof T, Tag>]-?: {} extends Pick<T, K>
    ? Kind<Exclude<T[K], undefined>> & { readonly optional: true }
    : Kind<T[K]>
}

type Keys<F> = { readonly [K in keyof F]: number }

interface Field {
  readonly name: string
  readonly key: number
  readonly kind: Kind<unknown>
  /** For errors: "update.samples". */
  readonly where: string
}

/** A table of fields: a map with ascending keys on the wire, an object for us. */
export class Struct<T, Tag extends string = never> {
  readonly #name: string
  readonly #fields: readonly Field[]

  constructor(name: string, keys: Keys<Fields<T, Tag>>, kinds: Fields<T, Tag>) {
    this.#name = name
    this.#fields = Object.entries<Kind<unknown>>(kinds as unknown as Record<string, Kind<unknown>>)
      .map(([field, kind]) => ({
        name: field,
        key: (keys as Readonly<Record<string, number>>)[field]!,
        kind,
        where: `${name}.${field}`,
      }))
      .toSorted((a, b) => a.key - b.key)
  }

  /** Appends the fields of `value` to `map`, keys ascending. */
  write(value: T, map: Map<number, unknown>): void {
    const source = value as Readonly<Record<string, unknown>>
    for (const { name, key, kind, where } of this.#fields) {
      const field = source[name]
      if (field !== undefined) map.set(key, kind.toWire(field, where))
      else if (!kind.optional) throw new WireError("missing", `${where}: expected a value, got none`)
    }
  }

  /** Puts the fields of `map` into `target`; `known` entries of the map (its discriminators) are not the table's. */
  read(map: ReadonlyMap<unknown, unknown>, target: object, known: number): T {
    const out = target as Record<string, unknown>
    for (const { name, key, kind, where } of this.#fields) {
      const field = map.get(key)
      if (field !== undefined) {
        out[name] = kind.fromWire(field, where)
        known++
      } else if (!kind.optional) throw new WireError("missing", `${where}: expected key ${key}, got none`)
    }
    if (known !== map.size)
      throw new WireError("unknown", `${this.#name}: unexpected key among ${[...map.keys()].join(", ")}`)
    return out as T
  }
}

/** A map inside a message. */
export function nested<T extends object>(name: string, keys: Keys<Fields<T>>, kinds: Fields<T>): Kind<T> {
  const table = new Struct<T>(name, keys, kinds)
  return {
    toWire(value, where) {
      if (typeof value !== "object" || value === null) throw wrongKind(where, "an object", value)
      const map = new Map<number, unknown>()
      table.write(value, map)
      return map
    },
    fromWire(value, where) {
      if (!(value instanceof Map)) throw wrongKind(where, "a map", value)
      return table.read(value, {}, 0)
    },
  }
}

/** A map inside a message whose key 0 says which of several tables it follows. */
export function variant<T extends { readonly kind: string }>(
  kind: Kind<T["kind"]>,
  tables: { readonly [K in T["kind"]]: Struct<Extract<T, { readonly kind: K }>, "kind"> },
): Kind<T> {
  return {
    toWire(value, where) {
      if (typeof value !== "object" || value === null) throw wrongKind(where, "an object", value)
      const map = new Map<number, unknown>([[0, kind.toWire(value.kind, `${where}.kind`)]])
      const table = tables[value.kind as T["kind"]] as Struct<T, "kind">
      table.write(value, map)
      return map
    },
    fromWire(value, where) {
      if (!(value instanceof Map)) throw wrongKind(where, "a map", value)
      const name = kind.fromWire(value.get(0), `${where}.kind`)
      const table = tables[name] as Struct<T, "kind">
      return table.read(value, { kind: name }, 1)
    },
  }
}
