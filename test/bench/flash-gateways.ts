/**
 * So many gateways (`argv[3]`) at a broker (`argv[2]`), which take modules into memory. When standard input ends they leave, and it prints as JSON how long
 * each took from a module's last chunk until it was verified and its self-test passed, in ms.
 */
import type { DeviceEvent } from "../../src/device/event.ts"
import { FLEET, OPERATOR } from "./flash-rig.ts"

// As it is built and installed: a thread that begins with TypeScript sources takes three times as long.
const built: string = new URL("../../dist/index.js", import.meta.url).href
const { Device, MemorySlotStore, mqttNetwork } = (await import(built)) as typeof import("../../src/index.ts")

const [, , url, count] = process.argv
const verifiedMs: number[] = []

/** Where a gateway is between its last chunk and the end of the self-test. */
function watch(): (event: DeviceEvent) => void {
  let lastChunk = NaN
  return (event) => {
    if (event.type !== "flash") return
    if (event.stage === "chunk") lastChunk = performance.now()
    if (event.stage === "self-tested") verifiedMs.push(performance.now() - lastChunk)
  }
}

const samples = Array.from({ length: 20 }, (_, i) => ({ features: [Math.sin(i), Math.cos(i)], label: i % 2 }))
const devices = Array.from({ length: Number(count) }, (_, i) => {
  const modules = { store: new MemorySlotStore(), trusted: [OPERATOR.publicKey] }
  const id = `g-${i}`
  return new Device({ network: mqttNetwork(url!), fleet: FLEET, id, data: samples, modules, onEvent: watch() })
})
const running = devices.map((device) => device.run().catch(() => undefined))

process.stdin.resume().once("end", () => {
  void Promise.all(devices.map((device) => device.close()))
    .then(() => Promise.all(running))
    .then(() => process.stdout.write(JSON.stringify(verifiedMs)))
})
