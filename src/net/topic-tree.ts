import { hasWildcard } from "./filter.ts"

/**
 * Which values are subscribed to a topic. Filters without wildcards, nearly all of a fleet's, are found by one map look-up; the others
 * lie in a tree with one node a level, so the time to match does not grow with the number of subscribers.
 */
export class TopicTree<T> {
  readonly #exact = new Map<string, Set<T>>()
  readonly #root = new Node<T>()

  /** Adds `value` under `filter`; the same pair twice counts once. */
  add(filter: string, value: T): void {
    if (!hasWildcard(filter)) {
      const values = this.#exact.get(filter)
      if (values === undefined) this.#exact.set(filter, new Set([value]))
      else values.add(value)
      return
    }
    let node = this.#root
    for (const level of filter.split("/")) {
      let child = node.children.get(level)
      if (child === undefined) node.children.set(level, (child = new Node()))
      node = child
    }
    node.values.add(value)
  }

  /** True when the pair was there. */
  delete(filter: string, value: T): boolean {
    if (hasWildcard(filter)) return prune(this.#root, filter.split("/"), 0, value)
    const values = this.#exact.get(filter)
    if (values === undefined || !values.delete(value)) return false
    if (values.size === 0) this.#exact.delete(filter)
    return true
  }

  /** Every value with a matching filter, in order of subscription per filter; a value with several matching filters comes once. */
  match(topic: string): T[] {
    const exact = this.#exact.get(topic)
    if (this.#root.children.size === 0) return exact === undefined ? [] : [...exact]
    const found = new Set(exact)
    collect(this.#root, topic.split("/"), 0, topic.startsWith("$"), found)
    return [...found]
  }
}

class Node<T> {
  readonly children = new Map<string, Node<T>>()
  readonly values = new Set<T>()
}

function collect<T>(node: Node<T>, levels: readonly string[], depth: number, literal: boolean, found: Set<T>): void {
  // A trailing "#" also matches the level above it.
  if (!literal) for (const value of node.children.get("#")?.values ?? []) found.add(value)
  if (depth === levels.length) {
    for (const value of node.values) found.add(value)
    return
  }
  const exact = node.children.get(levels[depth]!)
  if (exact !== undefined) collect(exact, levels, depth + 1, false, found)
  const plus = literal ? undefined : node.children.get("+")
  if (plus !== undefined) collect(plus, levels, depth + 1, false, found)
}

function prune<T>(node: Node<T>, levels: readonly string[], depth: number, value: T): boolean {
  if (depth === levels.length) return node.values.delete(value)
  const child = node.children.get(levels[depth]!)
  if (child === undefined || !prune(child, levels, depth + 1, value)) return false
  if (child.children.size === 0 && child.values.size === 0) node.children.delete(levels[depth]!)
  return true
}
