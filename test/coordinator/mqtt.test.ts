import { expect, onTestFinished, test } from "vitest"
import { parsePlan } from "../../src/core/plan.ts"
import { Coordinator } from "../../src/coordinator/coordinator.ts"
import { startBroker } from "../../src/net/broker.ts"
import { mqttNetwork } from "../../src/net/mqtt.ts"
import { FakeDevice, PLAN } from "./world.ts"

test("over a real broker: a whole program, and the next incarnation's epoch", { timeout: 30_000 }, async () => {
  const broker = await startBroker()
  onTestFinished(() => broker.close())
  const network = mqttNetwork(broker.url)
  const plan = parsePlan({ ...PLAN, rounds: 2, evaluate: { every: 1 } })
  const epochs: number[] = []
  for (let incarnation = 1; incarnation <= 2; incarnation++) {
    const up = Promise.withResolvers<void>()
    const options = { plan, network, init: new Float32Array(3), clients: 2, onState: () => up.resolve() }
    const coordinator = new Coordinator(options)
    const outcome = coordinator.run()
    // These devices say Ready once only.
    await up.promise
    const links = []
    for (const [i, id] of ["a", "b"].entries()) {
      const device = new FakeDevice(id, await network.connect({ clientId: id }))
      links.push(device.link)
      device.serve([i, 1, 0])
      await device.enter({})
    }
    const { parameters, report, epoch } = await outcome
    expect([...parameters]).toEqual([1, 2, 0])
    expect(report.rounds.map(({ folded }) => folded)).toEqual([2, 2])
    epochs.push(epoch)
    for (const link of links) await link.close()
    await coordinator.close()
  }
  expect(epochs).toEqual([65536, 131072])
})
