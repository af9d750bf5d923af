import { BOUNDS } from "./keys.ts"

/**
 * Text of the protocol: at most 200 bytes of UTF-8 (RFC 3629), without control characters and without U+FEFF, so that it can go
 * to a log or a terminal as it is, and so that no decoder drops a byte order mark.
 */

/** Whether `bytes[start..end)` is such text, apart from its length. */
export function isTextBytes(bytes: Uint8Array, start: number, end: number): boolean {
  let p = start
  while (p < end) {
    const lead = bytes[p++]!
    if (lead < 0x80) {
      if (lead < 0x20 || lead === 0x7f) return false
      continue
    }
    const more = lead >= 0xc2 && lead < 0xe0 ? 1 : lead >= 0xe0 && lead < 0xf0 ? 2 : lead >= 0xf0 && lead < 0xf5 ? 3 : 0
    if (more === 0 || p + more > end) return false
    let code = lead & (0x3f >> more)
    for (let i = 0; i < more; i++) {
      const next = bytes[p++]!
      if ((next & 0xc0) !== 0x80) return false
      code = (code << 6) | (next & 0x3f)
    }
    // Overlong forms, surrogates, beyond Unicode.
    if (code < (more === 1 ? 0x80 : more === 2 ? 0x800 : 0x10000) || (code >= 0xd800 && code < 0xe000)) return false
    if (code > 0x10ffff || !isPrintable(code)) return false
  }
  return true
}

/** Length in bytes of UTF-8; -1 where the text may not travel, whatever its length. */
export function textBytes(text: string): number {
  let length = 0
  for (const character of text) {
    const code = character.codePointAt(0)!
    if (!isPrintable(code) || (code >= 0xd800 && code < 0xe000)) return -1
    length += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4
  }
  return length
}

/** Any text made fit to travel: what is not allowed becomes a space or U+FFFD, and what is too long is cut after a whole character. */
export function toText(text: string): string {
  let out = ""
  let length = 0
  for (const character of text.toWellFormed()) {
    const fit = isPrintable(character.codePointAt(0)!) ? character : " "
    length += textBytes(fit)
    if (length > BOUNDS.reasonText.max) break
    out += fit
  }
  return out
}

function isPrintable(code: number): boolean {
  return !(code < 0x20 || (code >= 0x7f && code < 0xa0) || code === 0xfeff)
}
