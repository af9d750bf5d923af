/** A terminal that understands what a progress bar writes: lines, carriage return, and the cursor and erase sequences that readline sends. */
export class FakeTerminal {
  readonly isTTY = true
  columns = 100
  #lines: string[] = [""]
  #row = 0
  #column = 0

  write(text: string): boolean {
    for (const [piece, parameters, command] of text.matchAll(/\p{Cc}\[([\d;?]*)([A-Za-z])|\r|\n|\P{Cc}+/gu)) {
      if (command !== undefined) this.#control(Number(parameters || 1), parameters!, command)
      else if (piece === "\r") this.#column = 0
      else if (piece === "\n") this.#newline()
      else this.#print(piece)
    }
    return true
  }

  /** What a person sees: lines without trailing spaces, empty ones at the end left out. */
  get screen(): string[] {
    return this.#lines
      .map((line) => line.trimEnd())
      .join("\n")
      .trimEnd()
      .split("\n")
  }

  #newline(): void {
    this.#row++
    this.#column = 0
    this.#lines[this.#row] ??= ""
  }

  #print(text: string): void {
    const line = (this.#lines[this.#row] ?? "").padEnd(this.#column)
    this.#lines[this.#row] = line.slice(0, this.#column) + text + line.slice(this.#column + text.length)
    this.#column += text.length
  }

  #control(count: number, parameters: string, command: string): void {
    if (command === "A") this.#row = Math.max(0, this.#row - count)
    else if (command === "G") this.#column = count - 1
    else if (command === "K") {
      const line = this.#lines[this.#row] ?? ""
      this.#lines[this.#row] = parameters === "2" ? "" : line.slice(0, this.#column)
    } else if (command === "J") {
      this.#lines[this.#row] = (this.#lines[this.#row] ?? "").slice(0, this.#column)
      this.#lines.length = this.#row + 1
    }
  }

  // What the streams of Node that readline writes to have, too.
  on(): this {
    return this
  }
}
