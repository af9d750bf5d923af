import { describe, expect, it } from "vitest"
import { Coordinator } from "../../src/coordinator/coordinator.ts"
import type { PlanInput } from "../../src/core/plan.ts"
import { parseResult } from "../../src/core/result.ts"
import type { Result } from "../../src/core/result.ts"
import { openDataset } from "../../src/data/open.ts"
import { Device } from "../../src/device/device.ts"
import type { DeviceEvent } from "../../src/device/event.ts"
import { payloadBytes } from "../../src/kernel/codec.ts"
import { loopbackNetwork } from "../../src/net/loopback.ts"
import { demo } from "../../src/sim/demo.ts"
import { planFor } from "../../src/sim/plan-for.ts"
import { simulate } from "../../src/sim/simulate.ts"
import { absence, sharedData } from "../data/shared.ts"

const telosb = await openDataset("telosb")
/** 8 features in, 16 hidden, one out: 161 parameters, 708 bytes with the standardizer. */
const small = (overrides: PlanInput = {}) =>
  planFor(telosb, { rounds: 4, seed: 7, model: { hidden: [16] }, ...overrides })
const PARAMETERS = 9 * 16 + 17
const run = async (overrides: PlanInput, options: Partial<Parameters<typeof simulate>[0]> = {}): Promise<Result> =>
  (await simulate({ plan: small(overrides), dataset: telosb, baselines: false, ...options })).result

describe("the model of a federation with a quantised downlink", () => {
  const whole = run({})

  it.each(["eden4", "eden1", "int8-nearest"] as const)(
    "is the same simulated, in memory and over MQTT, and so are its counts: %s",
    async (codec) => {
      const options = { plan: small({ downlink: { codec } }), dataset: telosb, recordCohorts: true, baselines: false }
      const untimed = ({ rounds, model, final }: Result): unknown => ({
        rounds: rounds.map((round) => ({ ...round, seconds: 0 })),
        model,
        final,
      })
      const { result: fast } = await simulate(options)
      const { result: loopback } = await simulate({ ...options, path: "loopback" })
      const { result: live } = await demo(options)
      expect(untimed(loopback)).toEqual(untimed(fast))
      expect(untimed(live)).toEqual(untimed(fast))
      expect(fast.model.digest).not.toBe((await whole).model.digest)
    },
  )

  it("does not depend on the number of workers or the build of the kernels", async () => {
    const downlink = { codec: "eden2" } as const
    const { model, rounds } = await run({ downlink, cohort: 3 })
    for (const options of [{ workers: 2 }, { kernel: "scalar" }, { kernel: "js" }] as const) {
      const other = await run({ downlink, cohort: 3 }, options)
      expect(other.model).toEqual(model)
      expect(other.rounds.map(({ downlinkBytes }) => downlinkBytes)).toEqual(
        rounds.map(({ downlinkBytes }) => downlinkBytes),
      )
    }
  })

  it("comes out of a replay again", async () => {
    const recorded = await run({ downlink: { codec: "eden1" }, cohort: 3 }, { recordCohorts: true })
    const result = parseResult(JSON.parse(JSON.stringify(recorded)))
    expect((await run({}, { replay: result })).model).toEqual(result.model)
  })
})

describe("what devices receive", () => {
  it("is deltas, but for the first time, and the final model is that of every device", async () => {
    const network = loopbackNetwork()
    const plan = small({ downlink: { codec: "eden4" } })
    const events: (DeviceEvent & { readonly device: number })[] = []
    const devices = Array.from(
      { length: telosb.clients },
      (_, client) =>
        new Device({
          network,
          fleet: plan.fleet,
          id: telosb.id(client),
          data: { train: telosb.train(client), test: telosb.test(client) },
          onEvent: (event) => void events.push({ ...event, device: client }),
        }),
    )
    const coordinator = new Coordinator({ plan, network, clients: telosb.clients })
    try {
      const [{ parameters, report }, ...models] = await Promise.all([
        coordinator.run(),
        ...devices.map((device) => device.run()),
      ])
      const bytes = payloadBytes("eden4", PARAMETERS)
      for (const [client, model] of models.entries()) {
        expect(model.parameters).toEqual(parameters)
        const pulled = events.filter(({ type, device }) => type === "pulled" && device === client)
        // Version 1 has the statistics; each of four rounds is evaluated with the version that it made.
        expect(pulled).toMatchObject([
          { version: 1, bytes: 4 * (PARAMETERS + 2 * 8) },
          ...[2, 3, 4, 5].map((version) => ({ version, bytes, from: version - 1 })),
        ])
        expect(pulled[0]).not.toHaveProperty("from")
      }
      // A chunk's message has 14 bytes around its payload, 16 where it names a base: counted as devices pulled.
      const sums = report.rounds.map(({ downlinkBytes }) => downlinkBytes)
      expect(sums).toEqual([8 * (708 + 15 + bytes + 16), ...Array<number>(3).fill(8 * (bytes + 16))])
    } finally {
      await Promise.all(devices.map((device) => device.close()))
      await coordinator.close()
    }
  })

  it("is a chain for who was asked not long ago, and a whole model for who was not, or a longer one", async () => {
    const plan = { cohort: 2, rounds: 12, evaluate: { every: 0 } } as const
    const bytes = payloadBytes("int4-nearest", PARAMETERS) + 16
    // Without over-selection those that are asked are those that are recorded.
    const { rounds } = await run(
      { ...plan, downlink: { codec: "int4-nearest", history: 3 }, selection: { overSelect: 1 } },
      { recordCohorts: true },
    )
    const last = new Map<string, number>()
    let chains = 0
    let wholes = 0
    for (const [round, { cohort, downlinkBytes }] of rounds.entries()) {
      let sum = 0
      for (const { device } of cohort!) {
        const behind = round - (last.get(device) ?? -Infinity)
        sum += behind <= 3 ? behind * bytes : 708 + 15
        if (behind <= 3) chains++
        else wholes++
        last.set(device, round)
      }
      expect(downlinkBytes, `round ${round}`).toBe(sum)
    }
    expect(chains).toBeGreaterThan(3)
    expect(wholes).toBeGreaterThan(3)
  })
})

describe("what a quantised downlink costs", () => {
  it("nothing, where eight motes learn one event: 4 bits up and down against float32", async () => {
    const full = await run({ rounds: 30, codecs: "f32", model: { hidden: "none" } })
    const quantised = await run({
      rounds: 30,
      codecs: "eden4",
      model: { hidden: "none" },
      downlink: { codec: "eden4" },
    })
    expect(quantised.final.metrics.averagePrecision).toBeGreaterThan(full.final.metrics.averagePrecision! - 0.005)
    expect(quantised.final.metrics.accuracy).toBeGreaterThan(full.final.metrics.accuracy! - 0.0005)
    expect(quantised.final.metrics.loss).toBeLessThan(full.final.metrics.loss! * 1.01)
  })

  const { absent, note } = absence("uci-har-66")
  it.skipIf(absent)(`nothing, where 30 people's activities are told apart${note}`, async () => {
    const dataset = await openDataset(sharedData("uci-har-66"))
    const result = async (plan: PlanInput): Promise<Result> => {
      const train = { epochs: 2, learningRate: 0.05 }
      const merged = planFor(dataset, { rounds: 30, cohort: 10, model: { hidden: [32] }, train, ...plan })
      return (await simulate({ plan: merged, dataset, baselines: false })).result
    }
    const full = await result({ codecs: "f32" })
    const quantised = await result({ codecs: "eden4", downlink: { codec: "eden4" } })
    expect(quantised.final.metrics.accuracy).toBeGreaterThan(full.final.metrics.accuracy! - 0.005)
    const received = ({ rounds }: Result): number => rounds.reduce((sum, { downlinkBytes }) => sum + downlinkBytes, 0)
    expect(received(quantised)).toBeLessThan(received(full) / 6)
  })
})
