import { MODEL_LIMITS } from "../core/model.ts"
import { DataError, badValue, list, quote } from "./error.ts"
import { Growing } from "./growing.ts"
import { float32, parseNumber } from "./number.ts"

/** Where it is not said otherwise, labels that are numbers, and more than this many different ones, are targets of a regression. */
const MOST_NUMERIC_CLASSES = 20

export interface LabelOptions {
  /** "classes" or "regression"; without it the labels decide. */
  readonly task?: "classes" | "regression" | undefined
  /** Class names in label order, as a plan dictates them; empty for regression. Without it: sorted. */
  readonly classes?: readonly string[] | undefined
  /** For one client of many, who has not seen all classes: the labels are the class indices 0, 1, ... themselves. */
  readonly asIndices?: boolean | undefined
}

/**
 * The label column of a file, read row by row. Labels that are numbers are compared by value ("1.0" is "1"). No text is kept but the
 * class names.
 */
export class Labels {
  readonly #file: string
  readonly #column: string
  readonly #codes = new Map<string, number>()
  readonly #fixed: boolean
  readonly #asIndices: boolean
  /** Class codes in order of appearance, or targets. */
  readonly #values = new Growing()
  #regression: boolean
  #mayRegress: boolean

  constructor(file: string, column: string, options: LabelOptions) {
    const { task, classes, asIndices } = options
    this.#file = file
    this.#column = column
    this.#regression = task === "regression" || classes?.length === 0
    this.#fixed = classes !== undefined && !this.#regression
    this.#asIndices = asIndices === true && !this.#fixed
    this.#mayRegress = task === undefined && !this.#fixed
    if (this.#fixed) for (const [code, name] of classes!.entries()) this.#codes.set(canonical(name), code)
  }

  push(text: string, line: number): void {
    if (this.#regression) this.#values.push(this.#target(text, line))
    else if (text === "") throw badValue(this.#file, line, this.#column, "a label", text)
    else this.#pushClass(text, line)
  }

  /** Class names in label order (none: regression) and each row's class index or target. */
  finish(): { classes: string[]; y: Float32Array } {
    const y = this.#values.view
    if (this.#regression) return { classes: [], y }
    const found = [...this.#codes.keys()]
    if (this.#fixed) return { classes: found, y }
    if (this.#asIndices) return this.#indices(found, y)
    const classes = naturalOrder(found)
    if (classes.length < 2)
      throw new DataError(
        "row",
        `${this.#file}: expected at least two labels in column "${this.#column}", got only ${list(classes)}`,
      )
    const place = new Map(classes.map((name, index) => [name, index]))
    const order = Float32Array.from(found, (name) => place.get(name)!)
    return { classes, y: y.map((code) => order[code]!) }
  }

  #pushClass(text: string, line: number): void {
    const name = canonical(text)
    let code = this.#codes.get(name)
    if (code === undefined) {
      if (this.#fixed) throw badValue(this.#file, line, this.#column, `one of ${list([...this.#codes.keys()])}`, text)
      code = this.#codes.size
      if (this.#mayRegress && Number.isNaN(parseNumber(text))) this.#mayRegress = false
      if (this.#mayRegress && code === MOST_NUMERIC_CLASSES) return this.#turnToTargets(text, line)
      if (code === MODEL_LIMITS.units)
        throw badValue(this.#file, line, this.#column, `at most ${MODEL_LIMITS.units} different labels`, text)
      this.#codes.set(name, code)
    }
    this.#values.push(code)
  }

  #turnToTargets(text: string, line: number): void {
    const numbers = Float32Array.from(this.#codes.keys(), (name) => Number(name))
    const values = this.#values.view
    for (let i = 0; i < values.length; i++) values[i] = numbers[values[i]!]!
    this.#codes.clear()
    this.#regression = true
    this.#values.push(this.#target(text, line))
  }

  #target(text: string, line: number): number {
    const expected = this.#mayRegress
      ? `a number (more than ${MOST_NUMERIC_CLASSES} numbers came before it, so this is a regression unless the task is said to be classes)`
      : "a number"
    return float32(this.#file, line, this.#column, text, expected)
  }

  #indices(found: readonly string[], y: Float32Array): { classes: string[]; y: Float32Array } {
    const wrong = found.find((name) => !/^\d+$/.test(name) || Number(name) >= MODEL_LIMITS.units)
    if (wrong !== undefined)
      throw new DataError(
        "option",
        `${this.#file}: the label ${quote(wrong)} in column "${this.#column}" is no class index; say the class names in label order`,
      )
    const order = Float32Array.from(found, Number)
    const count = Math.max(1, ...order) + 1
    return { classes: Array.from({ length: count }, (_, index) => String(index)), y: y.map((code) => order[code]!) }
  }
}

/** Sorted by value where all are numbers, by code units otherwise. */
export function naturalOrder(names: readonly string[]): string[] {
  const numeric = names.every((name) => !Number.isNaN(parseNumber(name)))
  return [...names].sort((a, b) => (numeric ? Number(a) - Number(b) : 0) || (a < b ? -1 : a > b ? 1 : 0))
}

function canonical(text: string): string {
  const value = parseNumber(text)
  return Number.isNaN(value) ? text : String(value)
}
