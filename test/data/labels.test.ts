import { expect, test } from "vitest"
import type { LabelOptions } from "../../src/data/labels.ts"
import { Labels, naturalOrder } from "../../src/data/labels.ts"
import { dataError } from "./shared.ts"

function read(labels: readonly string[], options: LabelOptions = {}): { classes: string[]; y: number[] } {
  const reader = new Labels("f.csv", "state", options)
  for (const [i, label] of labels.entries()) reader.push(label, i + 2)
  const { classes, y } = reader.finish()
  return { classes, y: [...y] }
}

const numbers = (count: number): string[] => Array.from({ length: count }, (_, i) => String(i / 2))

test("class names are sorted, whatever the order of the rows", () => {
  expect(read(["walk", "sit", "walk", "lie"])).toEqual({ classes: ["lie", "sit", "walk"], y: [2, 1, 2, 0] })
})

test("numbers are sorted by value and compared by value", () => {
  expect(read(["10", "9", "1e1", "-1", "9.0"])).toEqual({ classes: ["-1", "9", "10"], y: [2, 1, 2, 0, 1] })
  expect(naturalOrder(["10", "9", "a"])).toEqual(["10", "9", "a"])
})

test("more than twenty different numbers are targets of a regression, and the earlier ones are targets too", () => {
  expect(read(numbers(20)).classes).toHaveLength(20)
  const many = [...numbers(21), "0.5"]
  expect(read(many)).toEqual({ classes: [], y: many.map(Number) })
  expect(read(numbers(21), { task: "classes" }).classes).toHaveLength(21)
  expect(read(["1", "0", "1"], { task: "regression" })).toEqual({ classes: [], y: [1, 0, 1] })
  expect(read(["1", "0"], { classes: [] })).toEqual({ classes: [], y: [1, 0] })
})

test("twenty-one texts are classes", () => {
  expect(read(numbers(21).map((text) => `c${text}`)).classes).toHaveLength(21)
  expect(read([...numbers(3), ...numbers(21).map((text) => `c${text}`)]).classes).toHaveLength(24)
})

test("a text after many numbers, an empty label, a single label", async () => {
  expect(await dataError(() => read([...numbers(30), "off"]))).toBe(
    'f.csv line 32, column "state": expected a number (more than 20 numbers came before it, so this is a regression unless the task is said to be classes), got "off"',
  )
  expect(await dataError(() => read(["a", ""]))).toBe('f.csv line 3, column "state": expected a label, got nothing')
  expect(await dataError(() => read(["a", "a"]))).toBe(
    'f.csv: expected at least two labels in column "state", got only "a"',
  )
  expect(await dataError(() => read(["a"], { task: "regression" }))).toBe(
    'f.csv line 2, column "state": expected a number, got "a"',
  )
})

test("dictated classes keep their order, and an unknown label names its line", async () => {
  const classes = ["walk", "sit", "2"]
  expect(read(["sit", "sit", "2.0"], { classes })).toEqual({ classes, y: [1, 1, 2] })
  expect(await dataError(() => read(["sit", "run"], { classes }))).toBe(
    'f.csv line 3, column "state": expected one of "walk", "sit", "2", got "run"',
  )
})

test("labels of one client alone are class indices", async () => {
  expect(read(["3", "1"], { asIndices: true })).toEqual({ classes: ["0", "1", "2", "3"], y: [3, 1] })
  expect(read(["0", "0"], { asIndices: true })).toEqual({ classes: ["0", "1"], y: [0, 0] })
  expect(await dataError(() => read(["1", "walk"], { asIndices: true }))).toBe(
    'f.csv: the label "walk" in column "state" is no class index; say the class names in label order',
  )
  expect(read(["sit"], { asIndices: true, classes: ["walk", "sit"] }).y).toEqual([1])
})
