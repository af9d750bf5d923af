// Turns one client's CSV into a C array for an image: node samples.mjs DATA.csv LABEL [CLASSES] > samples.c
// Every fifth row of a class is a test row, as for `fedmote device`. CLASSES: names in label order, with commas; otherwise labels are numbers.
import { readFileSync } from "node:fs"
import { basename } from "node:path"

const TEST_EVERY = 5

function number(text, where) {
  const value = Math.fround(Number(text))
  if (text.trim() === "" || !Number.isFinite(value)) throw new Error(`${where}: expected a number, got "${text}"`)
  return value
}

/** A float32 as C has it, exactly. */
function literal(value) {
  const digits = Object.is(value, -0) ? "-0.0" : value.toPrecision(9)
  return `${digits.includes(".") || digits.includes("e") ? digits : `${digits}.0`}F`
}

function table(csv, label, classes) {
  const [header, ...rows] = csv
    .split(/\r?\n/)
    .filter((line) => line !== "")
    .map((line) => line.split(","))
  const column = header.indexOf(label)
  if (column < 0) throw new Error(`expected a column "${label}", got ${header.join()}`)
  const cells = rows.map((row, i) => {
    const where = `line ${i + 2}`
    if (row.length !== header.length) throw new Error(`${where}: expected ${header.length} values, got ${row.length}`)
    const own = classes === undefined ? row[column] : String(classes.indexOf(row[column]))
    if (classes !== undefined && own === "-1")
      throw new Error(`${where}: expected one of ${classes.join()}, got "${row[column]}"`)
    return [...row.filter((_, j) => j !== column), own].map((cell) => number(cell, where))
  })
  return { features: header.length - 1, cells, labels: cells.map((row) => row.at(-1)) }
}

/** Whether each row is for testing: every fifth of its class, or of all where labels are no classes. */
function testRows(labels) {
  const areClasses = labels.every((label) => label >= 0 && Number.isInteger(label))
  const seen = new Map()
  return labels.map((label) => {
    const count = (seen.get(areClasses ? label : 0) ?? 0) + 1
    seen.set(areClasses ? label : 0, count)
    return count % TEST_EVERY === 0
  })
}

const [file, label, classes] = process.argv.slice(2)
if (label === undefined) {
  console.error("usage: node samples.mjs DATA.csv LABEL [CLASSES] > samples.c")
  process.exit(2)
}
const { features, cells, labels } = table(readFileSync(file, "utf8"), label, classes?.split(","))
const forTest = testRows(labels)
const train = cells.filter((_, i) => !forTest[i])
const test = cells.filter((_, i) => forTest[i])
console.log(`/* Made from ${basename(file)} by samples.mjs. */
#include "samples.h"

const uint32_t samples_features = ${features}U;
const uint32_t samples_train_rows = ${train.length}U;
const uint32_t samples_test_rows = ${test.length}U;
const float samples_values[] = {
${[...train, ...test].map((row) => `    ${row.map(literal).join(", ")},`).join("\n")}
};`)
