import { createHash } from "node:crypto"
import { expect, test } from "vitest"
import { clientIds, numberedIds } from "../../src/data/client-id.ts"
import { dataError } from "./shared.ts"

const hash = (name: string): string => createHash("sha256").update(name).digest("hex").slice(0, 8)

test("valid names stay, others keep their letters and digits", () => {
  expect(clientIds(["mote-1", "Mote 2", "café.3", "--x--", "7"])).toEqual(["mote-1", "mote-2", "cafe-3", "--x--", "7"])
})

test("names that would become the same id are told apart by their hash", () => {
  expect(clientIds(["Mote 1", "mote-1", "mote 1"])).toEqual([
    `mote-1-${hash("Mote 1")}`,
    "mote-1",
    `mote-1-${hash("mote 1")}`,
  ])
  expect(clientIds(["東京", "大阪"])).toEqual([`client-${hash("東京")}`, `client-${hash("大阪")}`])
})

test("whatever the names, ids are valid and different", () => {
  const alphabet = ["a", "A", "-", " ", ".", "é", "1", "#", "/", "東"]
  const names = new Set<string>()
  for (const a of alphabet) for (const b of alphabet) for (const c of alphabet) names.add(a + b + c)
  for (const length of [63, 64, 65, 66, 300]) names.add("x".repeat(length))
  const ids = clientIds([...names])
  expect(new Set(ids).size).toBe(names.size)
  for (const id of ids) expect(id).toMatch(/^[a-z0-9-]{1,64}$/)
})

test("a name that is another one's id with hash is refused", async () => {
  const forged = `a-${hash("A")}`
  expect(await dataError(() => clientIds(["A", "a", forged]))).toBe(
    `clients "A" and "${forged}" would have the same id "${forged}": rename one`,
  )
})

test("numbered ids sort as they count", () => {
  expect(numberedIds(10)).toEqual(
    ["01", "02", "03", "04", "05", "06", "07", "08", "09", "10"].map((n) => `client-${n}`),
  )
})
