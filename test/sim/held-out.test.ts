import { describe, expect, it } from "vitest"
import { heldOut, slice } from "../../src/data/held-out.ts"
import { openDataset } from "../../src/data/open.ts"
import { planFor } from "../../src/sim/plan-for.ts"
import { simulate } from "../../src/sim/simulate.ts"

const telosb = await openDataset("telosb")
const plan = planFor(telosb, { rounds: 3, seed: 7 })
const options = { plan, dataset: telosb, baselines: false }

describe("held-out samples", () => {
  const all = heldOut(telosb)

  it("are every client's test samples, one client after the other", () => {
    let at = 0
    for (let client = 0; client < telosb.clients; client++) {
      const own = telosb.test(client)
      expect(slice(all, at, at + own.rows)).toEqual(own)
      at += own.rows
    }
    expect(at).toBe(all.rows)
  })

  it("give the metrics that the clients' own evaluation gives, and the same model, without traffic", async () => {
    const { result: asked } = await simulate(options)
    const { result: held } = await simulate({ ...options, heldOut: all })
    expect(held.model).toEqual(asked.model)
    for (const [i, record] of held.rounds.entries()) {
      const { averagePrecision, accuracy, loss } = asked.rounds[i]!.metrics
      expect(record.metrics.averagePrecision).toBe(averagePrecision)
      expect(record.metrics.accuracy).toBe(accuracy)
      // Rounded once for each part instead of once for each client.
      expect(record.metrics.loss).toBeCloseTo(loss!, 5)
      expect(record.uplinkBytes).toBeLessThan(asked.rounds[i]!.uplinkBytes)
      // The model that a device evaluated is the one that it goes on from.
      expect(asked.rounds[i]!.downlinkBytes).toBe(i === 0 ? 2 * record.downlinkBytes : record.downlinkBytes)
    }
  })

  it("give the same with more workers, and a stop rule sees them", async () => {
    const stop = { metric: "accuracy", atLeast: 0.1 } as const
    const [one, three] = await Promise.all(
      [1, 3].map((workers) => simulate({ ...options, plan: planFor(telosb, { stop }), heldOut: all, workers })),
    )
    expect(one!.stop).toMatch(/^accuracy .* reached 0.1$/)
    expect(three!.result.final).toEqual(one!.result.final)
    expect(one!.result.rounds).toHaveLength(1)
  })

  it("that cannot be evaluated are an error", async () => {
    const broken = slice(all, 0, 600)
    const x = broken.x.slice().fill(NaN, 0, 1)
    await expect(simulate({ ...options, heldOut: { ...broken, x } })).rejects.toThrow(
      /^evaluate: 1 of 3 updates were refused, the first: held-out part 0/,
    )
  })
})
