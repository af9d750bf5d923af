import { expect, test } from "vitest"
import { withTable } from "./readme.ts"
import { measured } from "./result.ts"

const README = `before
<!-- bench -->
| Group | What | Value | Unit | Ratio | Against | Budget |
| --- | --- | --- | --- | --- | --- | --- |
| fold | old | 1 |  |  |  | at least 1 |
| slow | takes minutes | 7 | s |  |  | at most 9 |

an abacus
<!-- /bench -->
after
`
const RESULTS = [
  measured({ group: "fold", name: "|sum|", value: 1.23456, unit: "x", against: "y", ratio: 2, budget: { atLeast: 3 } }),
  measured({ group: "fold", name: "in passing", value: 12345, unit: "bytes" }),
]

test("a group that is measured again replaces its rows; what tells nothing stays out", () => {
  expect(withTable(README, RESULTS, "an abacus")).toBe(`before
<!-- bench -->
| Group | What | Value | Unit | Ratio | Against | Budget |
| --- | --- | --- | --- | --- | --- | --- |
| slow | takes minutes | 7 | s |  |  | at most 9 |
| fold | \\|sum\\| | 1.235 | x | 2 | y | at least 3 BROKEN |

an abacus
<!-- /bench -->
after
`)
})

test("rows from another machine go", () => {
  expect(withTable(README, RESULTS, "a slide rule")).not.toContain("takes minutes")
})
