import { expect, test } from "vitest"
import { MUTANTS } from "./mutants.ts"
import { simtestWith } from "./planted.ts"

const SCHEDULES = ["--seed", "1", "--schedules"]

test.each(MUTANTS)("a planted bug is found: $name", { timeout: 300_000 }, async ({ changes, breaks, seed = 1 }) => {
  const { failed } = await simtestWith(changes, ["--seed", String(seed), "--schedules", "1500"])
  expect(failed, "not found").not.toBeNull()
  expect(breaks).toContain(failed!.violation.invariant)
})

test("a copy in which no bug is planted passes", { timeout: 120_000 }, async () => {
  expect((await simtestWith([], [...SCHEDULES, "100"])).failed).toBeNull()
})

test("what is to be replaced must be there exactly once", async () => {
  const file = "core/round.ts"
  await expect(simtestWith([{ file, from: "no such text", to: "" }], [])).rejects.toThrow("found it 0 times")
  await expect(simtestWith([{ file, from: "case ", to: "" }], [])).rejects.toThrow(/found it [0-9]+ times/)
})

test(
  "a seed that fails is printed shrunk, with what happens in it and how to see it again",
  { timeout: 120_000 },
  async () => {
    const { changes } = MUTANTS.find(({ name }) => name === "epoch reused after restart")!
    const { output } = await simtestWith(changes, [...SCHEDULES, "500"], true)
    expect(output).toMatch(/^seed ([0-9]+) breaks "epochs": /m)
    const [, devices, ofDevices, faults, ofFaults] =
      /to ([0-9]+) of ([0-9]+) devices, [0-9]+ of [0-9]+ hostile, ([0-9]+) of ([0-9]+) faults/.exec(output)!.map(Number)
    expect(faults).toBeLessThan(ofFaults!)
    expect(devices).toBeLessThan(ofDevices!)
    expect(output).toMatch(/^ +[0-9.]+ s coordinator > \{"topic":"round"\} \{"type":"notice","round":/m)
    expect(output).toMatch(/ s BREACH of epochs: /)
    const seed = /^seed ([0-9]+)/m.exec(output)![1]
    expect(output).toContain(`replay: npm run simtest -- --seed ${seed} --schedules 1 --trace`)
  },
)
