/** Starts a broker with all kinds of clients, closes it, and then has nothing more to do: the process must end by itself. */
import { startBroker } from "../../src/net/broker.ts"
import { mqttNetwork } from "../../src/net/mqtt.ts"
import { RawClient, packet } from "./raw-client.ts"

const broker = await startBroker({ window: 1 })
const link = await mqttNetwork(broker.url).connect({ clientId: "link" })
await RawClient.connect(broker.port, "idle")
const silent = new RawClient(broker.port)
const partial = new RawClient(broker.port)
partial.write(packet.connect("partial").subarray(0, 4))
const deaf = await RawClient.connect(broker.port, "deaf")
await deaf.subscribe("t")
for (let i = 0; i < 10; i++) await link.publish("t", new Uint8Array(10))
const down = new Promise<void>((resolve) => void link.on("down", resolve))
await broker.close()
await Promise.all([silent.closed, partial.closed, deaf.closed, down])
await link.close()
