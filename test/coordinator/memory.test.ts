import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { expect, test } from "vitest"
import { parsePlan } from "../../src/core/plan.ts"
import { Coordinator } from "../../src/coordinator/coordinator.ts"
import { floatBytes, updateIdOf } from "../../src/net/digest.ts"
import { loopbackNetwork } from "../../src/net/loopback.ts"
import { encode } from "../../src/wire/codec.ts"
import { topics } from "../../src/wire/topics.ts"
import { chunkUpdate } from "../../src/wire/chunk.ts"
import { quiet } from "./world.ts"

/** 100 kB an update. */
const PARAMETERS = 25_000
const DEVICES = 1001

setFlagsFromString("--expose-gc")
const gc = runInNewContext("gc") as () => void

async function memoryBytes(): Promise<number> {
  await quiet()
  gc()
  await quiet()
  gc()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

test(
  "memory does not grow with the number of updates: 1000 of 100 kB leave what 50 leave",
  { timeout: 60_000 },
  async () => {
    const network = loopbackNetwork()
    const names = topics("crowd")
    const plan = parsePlan({
      fleet: "crowd",
      model: { loss: "custom", parameters: PARAMETERS, features: 1 },
      codecs: "f32",
      cohort: DEVICES,
      rounds: 1,
      selection: { overSelect: 1 },
      evaluate: { every: 0 },
    })
    let folded = 0
    const coordinator = new Coordinator({ plan, network, onState: (rounds) => (folded = rounds.folded) })
    const outcome = coordinator.run()
    outcome.catch(() => {})
    await quiet()
    const link = await network.connect({ clientId: "crowd" })
    for (let i = 0; i < DEVICES; i++) {
      const hello = {
        type: "hello",
        session: i,
        maxPacket: 1 << 20,
        ramKiB: 0,
        codecs: [0],
        abis: [],
        features: 1,
      } as const
      await link.publish(names.hello(`d${i}`), encode(hello), { retain: true })
      const ready = { type: "ready", session: i, willing: true, samples: 1, testSamples: 0 } as const
      await link.publish(names.ready(`d${i}`), encode(ready))
    }
    await quiet()
    const values = new Float32Array(PARAMETERS)
    const send = async (from: number, to: number): Promise<void> => {
      for (let i = from; i < to; i++) {
        values.fill((i % 7) / 8)
        const payload = floatBytes(values)
        const header = {
          round: 0,
          epoch: 65536,
          updateId: updateIdOf(payload),
          baseVersion: 0,
          codec: 0,
          samples: 1,
          steps: 1,
          metrics: Float32Array.of(0),
        }
        const topic = names.update(`d${i}`, 1)
        for (const chunk of chunkUpdate(header, payload, topic, 65536)) await link.publish(topic, encode(chunk))
        await new Promise<void>((resolve) => setImmediate(resolve))
      }
      await quiet()
    }
    await send(0, 50)
    expect(folded).toBe(50)
    const few = await memoryBytes()
    await send(50, 1000)
    expect(folded).toBe(1000)
    // 950 more updates are 95 MB.
    expect((await memoryBytes()) - few).toBeLessThan(4 << 20)
    await send(1000, 1001)
    await outcome
    await coordinator.close()
    await link.close()
  },
)
