import { startBroker } from "../../src/net/broker.ts"
import type { EmbeddedBroker } from "../../src/net/broker.ts"
import { loopbackNetwork } from "../../src/net/loopback.ts"
import { mqttNetwork } from "../../src/net/mqtt.ts"
import { linkSuite } from "./link-suite.ts"
import { startMosquitto } from "./mosquitto.ts"
import type { Mosquitto } from "./mosquitto.ts"

const backoff = { firstMs: 20, maxMs: 100 }

linkSuite("loopback", async () => {
  const network = loopbackNetwork({ refuse: (filter) => filter === "refused/#" })
  return {
    network,
    refused: "refused/#",
    stop: async () => network.stop(),
    start: async () => network.start(),
    dispose: async () => {},
  }
})

linkSuite("MQTT over the embedded broker", async () => {
  let broker: EmbeddedBroker = await startBroker()
  const { port } = broker
  return {
    network: mqttNetwork(broker.url, { backoff }),
    // aedes itself would grant it and deliver nothing.
    refused: "$share/group/t",
    stop: () => broker.close(),
    start: async () => {
      broker = await startBroker({ port })
    },
    dispose: () => broker.close(),
  }
})

linkSuite("MQTT over Mosquitto", async () => {
  const refused = "refused/#"
  let broker: Mosquitto = await startMosquitto({ refused })
  const { port } = broker
  return {
    network: mqttNetwork(broker.url, { backoff }),
    refused,
    stop: () => broker.stop(),
    start: async () => {
      broker = await startMosquitto({ refused, port })
    },
    dispose: () => broker.stop(),
  }
})
