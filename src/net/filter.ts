/** MQTT 3.1.1 topic names and filters, section 4.7. */

import { LinkError } from "./link.ts"

const MAX_TOPIC_BYTES = 65535

/** True where a filter has a wildcard: `+` or `#`. */
export function hasWildcard(filter: string): boolean {
  return filter.includes("+") || filter.includes("#")
}

/** Throws `LinkError` ("link-topic") unless one may publish to `topic`. */
export function checkTopic(topic: string): void {
  checkLength("topic", topic)
  if (hasWildcard(topic)) throw new LinkError("link-topic", `expected a topic without wildcards, got "${topic}"`)
}

/** Throws `LinkError` ("link-topic") unless one may subscribe to `filter`. */
export function checkFilter(filter: string): void {
  checkLength("filter", filter)
  if (!isFilter(filter))
    throw new LinkError("link-topic", `expected + alone in its level and # alone in the last one, got "${filter}"`)
}

function checkLength(what: string, text: string): void {
  const bytes = Buffer.byteLength(text)
  if (bytes === 0 || bytes > MAX_TOPIC_BYTES)
    throw new LinkError("link-topic", `expected a ${what} of 1 to ${MAX_TOPIC_BYTES} bytes, got ${bytes}`)
  if (text.includes("\0")) throw new LinkError("link-topic", `a ${what} must not contain U+0000`)
}

function isFilter(filter: string): boolean {
  const levels = filter.split("/")
  return levels.every((level, i) => !hasWildcard(level) || level === "+" || (level === "#" && i === levels.length - 1))
}

/** Whether `topic` matches `filter`. A wildcard in the first level does not match a topic that begins with `$`. */
export function matches(filter: string, topic: string): boolean {
  if (!hasWildcard(filter)) return filter === topic
  if (topic.startsWith("$") && !filter.startsWith("$")) return false
  let f = 0
  let t = 0
  for (;;) {
    // At the start of a level on both sides.
    const fEnd = levelEnd(filter, f)
    if (fEnd === f + 1 && filter[f] === "#") return true
    const tEnd = levelEnd(topic, t)
    if (!(fEnd === f + 1 && filter[f] === "+") && !sameSlice(filter, f, fEnd, topic, t, tEnd)) return false
    if (tEnd === topic.length) return fEnd === filter.length || filter.slice(fEnd) === "/#"
    if (fEnd === filter.length) return false
    f = fEnd + 1
    t = tEnd + 1
  }
}

function levelEnd(text: string, from: number): number {
  const slash = text.indexOf("/", from)
  return slash < 0 ? text.length : slash
}

function sameSlice(a: string, aFrom: number, aTo: number, b: string, bFrom: number, bTo: number): boolean {
  if (aTo - aFrom !== bTo - bFrom) return false
  for (let i = 0; i < aTo - aFrom; i++) if (a.charCodeAt(aFrom + i) !== b.charCodeAt(bFrom + i)) return false
  return true
}
