import { mqttNetwork } from "../../src/net/mqtt.ts"
import { decode, encode } from "../../src/wire/codec.ts"
import type { Message } from "../../src/wire/message.ts"
import { topics } from "../../src/wire/topics.ts"

/** A device that says it is ready, is asked to join, and is never heard of again: every round waits for it until its deadline. */
export async function silentDevice(url: string, fleet: string, id: string): Promise<{ close(): Promise<void> }> {
  const network = mqttNetwork(url, { retry: true, backoff: { firstMs: 100, maxMs: 500 }, onError: () => {} })
  const names = topics(fleet)
  const link = await network.connect({ clientId: id })
  const say = (topic: string, message: Message, retain: boolean): void =>
    void link.publish(topic, encode(message), { retain }).catch(() => {})
  const greet = (): void => {
    const facts = { maxPacket: 1 << 20, ramKiB: 0, codecs: [0, 1], abis: [1], features: 8 }
    say(names.hello(id), { type: "hello", session: 1, ...facts }, true)
    say(names.ready(id), { type: "ready", session: 1, willing: true, samples: 100, testSamples: 0 }, false)
  }
  let coordinator: number | undefined
  let leaving = false
  const hear = (_topic: string, payload: Uint8Array): void => {
    const notice = decode(payload)
    if (leaving || notice.type !== "notice" || notice.phase === "offline" || notice.session === coordinator) return
    coordinator = notice.session
    greet()
  }
  const off = link.on("up", greet)
  await link.subscribe(names.round, hear)
  return {
    async close() {
      off()
      leaving = true
      // It leaves for good, once it can say so.
      await new Promise<void>((resolve) => link.on("up", resolve))
      const left = { type: "ready", session: 1, willing: false, samples: 0, testSamples: 0 } as const
      await link.publish(names.ready(id), encode(left)).catch(() => {})
      await link.publish(names.hello(id), new Uint8Array(0), { retain: true }).catch(() => {})
      await link.close()
    },
  }
}
