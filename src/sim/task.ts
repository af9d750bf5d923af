import type { CodecName } from "../core/codec.ts"
import type { Federation } from "../core/federation.ts"
import { payloadBytes } from "../kernel/codec.ts"
import type { FleetTraffic } from "./fleet-traffic.ts"
import type { Task } from "./fleet-world.ts"
import type { Member } from "./roster.ts"

/** What a client is asked in the current round. */
export function taskOf(
  client: Member,
  askedAtMs: number,
  federation: Federation,
  traffic: FleetTraffic,
  codec: CodecName,
): Task {
  const { plan, rounds } = federation
  const { kind, round, epoch } = rounds
  const { epochs, batch } = plan.train
  const rows = kind === "evaluate" ? client.testSamples : client.samples
  const trains = kind === "train"
  const samples = trains ? rows * epochs : rows
  const steps = trains ? Math.ceil(rows / batch) * epochs : 0
  const { size } = federation.shape(kind, 1)
  const payload = trains ? payloadBytes(codec, size) : 4 * size
  const uplinkBytes = traffic.uplink({ device: client.id, samples, steps }, round, payload)
  const downlinkBytes = kind === "statistics" ? 0 : traffic.modelBytes()
  return { client, kind, round, epoch, askedAtMs, rows, samples, steps, downlinkBytes, uplinkBytes }
}
