/** Runs a broker until it is killed or its parent, at the other end of stdin, is gone; prints its port. Started by `startBrokerProcess`. */
import { Aedes } from "aedes"
import * as net from "node:net"
import { startBroker } from "../../src/net/broker.ts"

async function startStock(): Promise<number> {
  const aedes = await Aedes.createBroker()
  const server = net.createServer(aedes.handle)
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  return (server.address() as net.AddressInfo).port
}

console.log(process.argv[2] === "stock" ? await startStock() : (await startBroker()).port)
process.stdin.resume().once("end", () => process.exit())
