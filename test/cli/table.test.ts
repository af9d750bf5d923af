import { describe, expect, it } from "vitest"
import { formatComparison, formatTable } from "../../src/cli/table.ts"
import { exampleResult } from "../report/example.ts"

describe("a table", () => {
  it("has its numbers to the right", () => {
    expect(
      formatTable(
        ["Name", "Value"],
        [
          ["a", "1"],
          ["longer", "12.5"],
        ],
      ),
    ).toBe([" Name     Value ", " a            1 ", " longer    12.5 ", ""].join("\n"))
  })

  it("highlights a row where there are colours", () => {
    const rows = [
      ["a", "1"],
      ["b", "2"],
    ]
    expect(formatTable(["x", "y"], rows, { highlight: 1 })).not.toContain("\u001b")
    expect(formatTable(["x", "y"], rows, { highlight: 1, color: true })).toContain("\u001b[1mb\u001b[22m")
  })
})

describe("the comparison", () => {
  it("answers whether it was worth it", () => {
    expect(formatComparison(exampleResult(), { columns: 80 })).toBe(
      [
        " Model          Average precision      F1   Accuracy    Loss ",
        " Constant                   0.015   0.000      0.985   0.690 ",
        " Alone, worst               0.060   0.050      0.920   0.500 ",
        " Alone, mean                0.270   0.225      0.938   0.430 ",
        " Alone, best                0.480   0.400      0.955   0.360 ",
        " Federated                  0.794   0.722      0.977   0.088 ",
        " Pooled                     0.913   0.850      0.995   0.050 ",
        "",
      ].join("\n"),
    )
  })

  it("explains its rows where there is room", () => {
    expect(formatComparison(exampleResult())).toContain(" Pooled         all data in one place: the upper bound ")
  })
})
