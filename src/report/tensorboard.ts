import { mkdir } from "node:fs/promises"
import { join } from "node:path"
import type { Result, RoundResult } from "../core/result.ts"
import { writeAtomically } from "./atomic-file.ts"
import { eventFile } from "./event-file.ts"
import type { ScalarEvent } from "./event-file.ts"

/** A fixed name: a run that is written again takes the place of the old one, where TensorBoard would show both as one. */
export const EVENT_FILE = "events.out.tfevents.fedmote"

/**
 * Writes a result for TensorBoard, into `folder`, which is made where it is missing: one run, whose steps are rounds. `startedAt`: seconds since 1970;
 * default: as if it had ended now. Throws `FedmoteError` ("output").
 */
export async function writeEvents(result: Result, folder: string, startedAt = endedNow(result)): Promise<void> {
  await mkdir(folder, { recursive: true })
  await writeAtomically(join(folder, EVENT_FILE), eventFile(startedAt, roundEvents(result, startedAt)))
}

function endedNow({ timing }: Result): number {
  return Date.now() / 1000 - timing.seconds
}

/** The scalars of every round: `test/METRIC`, `train/loss`, and under `round/` all other numbers that the result has of it. */
export function roundEvents(result: Result, startedAt: number): ScalarEvent[] {
  let wallTime = startedAt
  return result.rounds.map((record) => {
    wallTime += record.seconds
    return { wallTime, step: record.round, scalars: scalarsOf(record) }
  })
}

function scalarsOf(record: RoundResult): ScalarEvent["scalars"] {
  const { round: _round, trainLoss, testLoss: _testLoss, metrics, ...rest } = record
  const found: { tag: string; value: number }[] = []
  const add = (tag: string, value: unknown): void => {
    if (typeof value === "number") found.push({ tag, value })
    else if (typeof value === "object" && value !== null && !Array.isArray(value))
      for (const [name, part] of Object.entries(value)) add(`${tag}/${name}`, part)
  }
  add("test", metrics)
  add("train/loss", trainLoss)
  add("round", rest)
  return found
}
