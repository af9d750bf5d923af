import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { startBroker } from "../../src/net/broker.ts"
import { mqttNetwork } from "../../src/net/mqtt.ts"
import { createCertificate } from "./certificate.ts"
import type { Certificate } from "./certificate.ts"
import { startMosquitto } from "./mosquitto.ts"

let certificate: Certificate

beforeAll(async () => {
  certificate = await createCertificate()
})
afterAll(() => certificate.remove())

const login = { username: "gateway", password: "a p@ssword" }

/** Both brokers speak TLS with the test's certificate, and know one user. */
const brokers: Record<string, () => Promise<{ readonly url: string; stop(): Promise<void> }>> = {
  "the embedded broker": async () => {
    const access = {
      admit: (_id: string, username?: string, password?: Uint8Array) =>
        username === login.username && Buffer.from(password ?? "").toString() === login.password
          ? { trusted: true, mayPublish: () => true, maySubscribe: () => true }
          : undefined,
    }
    const broker = await startBroker({ tls: certificate, access })
    return { url: broker.url, stop: () => broker.close() }
  },
  Mosquitto: () => startMosquitto({ tls: certificate, user: { name: login.username, password: login.password } }),
}

describe.each(Object.entries(brokers))("mqtts:// to %s", (_name, start) => {
  let broker: { readonly url: string; stop(): Promise<void> }
  beforeAll(async () => {
    broker = await start()
  })
  afterAll(() => broker.stop())

  test("with the certificate's authority and the right password messages pass", async () => {
    expect(broker.url).toMatch(/^mqtts:\/\/127\.0\.0\.1:\d+$/)
    const link = await mqttNetwork(broker.url, { ...login, tls: { ca: certificate.cert } }).connect({ clientId: "a" })
    const heard = Promise.withResolvers<number>()
    await link.subscribe("t", (_topic, payload) => heard.resolve(payload.length))
    await link.publish("t", new Uint8Array(100_000))
    expect(await heard.promise).toBe(100_000)
    await link.close()
  })

  test("a certificate that nobody vouches for is refused", async () => {
    await expect(mqttNetwork(broker.url, login).connect({ clientId: "a" })).rejects.toMatchObject({
      code: "link-unreachable",
      message: `could not reach the broker at ${broker.url}: self-signed certificate`,
    })
  })

  test("a certificate for another name is refused", async () => {
    const tls = { ca: certificate.cert, servername: "example.org" }
    await expect(mqttNetwork(broker.url, { ...login, tls }).connect({ clientId: "a" })).rejects.toThrow(/example\.org/)
  })

  test("a wrong password is refused, and not shown", async () => {
    const network = mqttNetwork(broker.url, { ...login, password: "guess", tls: { ca: certificate.cert } })
    const error: unknown = await network.connect({ clientId: "a" }).catch((error: unknown) => error)
    expect(error).toMatchObject({ code: "link-refused" })
    expect(String(error)).not.toContain("guess")
  })

  test("plain MQTT to the TLS port fails with a clear error, not with silence", async () => {
    const url = broker.url.replace("mqtts:", "mqtt:")
    await expect(mqttNetwork(url, { connectTimeoutMs: 2000 }).connect({ clientId: "a" })).rejects.toMatchObject({
      code: "link-unreachable",
    })
  })
})
