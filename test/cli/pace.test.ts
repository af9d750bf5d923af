import { expect, it } from "vitest"
import { paceOf } from "../../src/cli/pace.ts"

it("says how fast work goes, and how long it still takes", () => {
  let now = 5000
  const pace = paceOf(100, "rounds", () => now)
  expect(pace(0)).toBe("")
  now += 2000
  expect(pace(25)).toBe("12.5 rounds/s, 6.00 s left")
  now += 198_000
  expect(pace(50)).toBe("0.25 rounds/s, 3 min 20 s left")
  expect(pace(100)).toBe("0.5 rounds/s")
  expect(pace(80, 60)).toBe("0.1 rounds/s, 3 min 20 s left")
  expect(pace(60, 60)).toBe("")
})
