import { expect, test } from "vitest"
import { simtest } from "./planted.ts"

/** What must have happened, and how often at least, in 2000 worlds: a world in which nothing goes wrong proves nothing. */
const SEEN = {
  commits: 5000,
  folded: 20_000,
  "said folded": 20_000,
  "said late": 1000,
  "said duplicate": 200,
  "said refused": 1000,
  "said busy": 20,
  refused: 10,
  abandoned: 100,
  waits: 100,
  incarnations: 3000,
  crashes: 500,
  stops: 200,
  diskFailures: 200,
  deaths: 500,
  torn: 40,
  dropped: 500,
  repeated: 5000,
  attacks: 2000,
  left: 100,
  "folded late": 100,
}

test("in 2000 hostile worlds nothing is lost, counted twice or told too early, and every federation comes to its end", async () => {
  const { schedules, failed, facts } = await simtest(["--schedules", "2000", "--seed", "1"])
  expect(failed).toBeNull()
  expect(schedules).toBe(2000)
  for (const [name, least] of Object.entries(SEEN)) expect(facts[name], name).toBeGreaterThanOrEqual(least)
}, 300_000)
