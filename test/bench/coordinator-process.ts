/**
 * One training round of so many updates (`argv[2]`) in a fleet of 10,000; prints the process's peaks in bytes as JSON. `coordinator.ts` runs it:
 * with --expose-gc for what is alive, without for what the process takes.
 */
import { Rig, planOf, updateMessages } from "./coordinator-rig.ts"

const DEVICES = 10_000
const updates = Number(process.argv[2])
const { gc: collect } = globalThis as { readonly gc?: () => void }

const rig = new Rig(planOf(updates, 1))
await rig.enrol(DEVICES)
const { notice, topics } = await rig.open(0, updates)
const messages = updateMessages(64, notice)
const take = rig.updates
let live = 0
for (const [i, topic] of topics.entries()) {
  // In memory of its own, as from a socket.
  await take(topic, new Uint8Array(messages[i % messages.length]!), false)
  if (collect === undefined || i % 250 !== 0) continue
  collect()
  const { heapUsed, external } = process.memoryUsage()
  live = Math.max(live, heapUsed + external)
}
const { report } = await rig.end()
console.log(JSON.stringify({ folded: report.rounds[0]!.folded, live, rss: process.resourceUsage().maxRSS * 1024 }))
