import { expect, it } from "vitest"
import { Coordinator, Device, loopbackNetwork, openDataset, parsePlan, planFor, simulate } from "../../src/index.ts"

it("a coordinator and devices with data of their own", async () => {
  const network = loopbackNetwork()
  // y = 2 x - 1, of which each device has seen a part.
  const line = (from: number) =>
    Array.from({ length: 20 }, (_, i) => ({ features: [from + i / 20], label: 2 * (from + i / 20) - 1 }))
  const plan = parsePlan({ rounds: 20, model: { features: ["x"], hidden: "none" } })
  const coordinator = new Coordinator({ plan, network, clients: 2 })
  const devices = [0, 1].map(
    (n) => new Device({ network, fleet: plan.fleet, id: `d-${n}`, data: { train: line(n), test: line(n) } }),
  )
  const [{ report }] = await Promise.all([coordinator.run(), ...devices.map((device) => device.run())])
  await coordinator.close()
  expect(report.final.metrics.rmse).toBeLessThan(0.05)
  expect((await devices[0]!.predict([0.5]))[0]).toBeCloseTo(0, 1)
})

it("a simulation", async () => {
  const dataset = await openDataset("telosb")
  const { result } = await simulate({ plan: planFor(dataset, { rounds: 10 }), dataset })
  expect(result.final.metrics.averagePrecision).toBeGreaterThan(result.baselines.alone!.metrics.averagePrecision!)
})
