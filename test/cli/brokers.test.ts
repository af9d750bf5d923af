import { expect, test } from "vitest"
import { refusalLog } from "../../src/cli/brokers.ts"

test("a client that is refused is logged once for each reason, whatever it is that changes in it", () => {
  const lines: string[] = []
  const note = refusalLog({
    warn: (fields: object, text: string) => void lines.push(`${JSON.stringify(fields)} ${text}`),
  })
  const address = "10.0.0.7"
  for (const bytes of [3_000_000, 4_000_000])
    note({ clientId: "d1", address, reason: `expected a packet of at most 2097152 bytes, got ${bytes}` })
  for (const topic of ["fm1/f/round", "fm1/f/dev/d2/hello"])
    note({ clientId: "d1", address, reason: `may not publish to ${topic}` })
  note({ clientId: "d2", address, reason: "may not publish to fm1/f/round" })
  for (let i = 0; i < 3; i++) note({ clientId: undefined, address, reason: "connect did not arrive in time" })
  expect(lines).toEqual([
    '{"client":"d1","address":"10.0.0.7"} refused: expected a packet of at most 2097152 bytes, got 3000000',
    '{"client":"d1","address":"10.0.0.7"} refused: may not publish to fm1/f/round',
    '{"client":"d2","address":"10.0.0.7"} refused: may not publish to fm1/f/round',
    '{"address":"10.0.0.7"} refused: connect did not arrive in time',
  ])
})
