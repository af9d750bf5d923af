import { FedmoteError } from "./error.ts"
import type { Standardizer } from "./moments.ts"
import type { RoundPosition } from "./program.ts"
import type { Result, RoundResult } from "./result.ts"
import type { Evaluated } from "./stop.ts"

/** The global model and the server's state. */
export interface ModelSnapshot {
  /** Commits so far. */
  readonly version: number
  readonly exact: Float64Array
  readonly devices: Float32Array
  /** As `Strategy.state` gives it. */
  readonly strategy: readonly Float64Array[]
}

/**
 * All that a federation is between two rounds, besides its plan: plain data, from which another process goes on as if nothing had happened.
 * Nothing in it is of a round that has not been committed.
 */
export interface FederationSnapshot {
  readonly position: RoundPosition
  readonly model: ModelSnapshot
  readonly standardizer: Standardizer | undefined
  readonly statistics: Result["statistics"]
  /** One for each committed training round. */
  readonly records: readonly RoundResult[]
  readonly history: readonly Evaluated[]
  readonly threshold: number | undefined
  readonly stopped: string | undefined
}

/** What a snapshot must fit. */
export interface SnapshotShape {
  readonly parameters: number
  /** Lengths of the arrays of the strategy's state. */
  readonly strategy: readonly number[]
  readonly features: number | undefined
  readonly standardize: boolean
}

/** Throws `FedmoteError` ("snapshot") where a snapshot contradicts itself, or is of another federation. */
export function checkSnapshot(snapshot: FederationSnapshot, shape: SnapshotShape): void {
  const { position, model, standardizer, records, history } = snapshot
  const { kind, round, trained, committed } = position
  same("length of the exact model", model.exact.length, shape.parameters)
  same("length of the devices' model", model.devices.length, shape.parameters)
  same("arrays of the strategy", model.strategy.length, shape.strategy.length)
  for (const [i, state] of model.strategy.entries())
    same("length of the strategy's state", state.length, shape.strategy[i]!)
  if (standardizer !== undefined) {
    same("means", standardizer.mean.length, shape.features)
    same("inverse deviations", standardizer.inverse.length, shape.features)
  }
  same("means and deviations", standardizer !== undefined, shape.standardize && kind !== "statistics")
  same("version of the model", model.version, trained)
  same("records", records.length, trained)
  for (const [i, record] of records.entries()) same("number of a record", record.round, i + 1)
  same("last committed round", committed?.round, round === 0 ? undefined : round - 1)
  let before = 0
  for (const evaluated of history) {
    if (!(evaluated.trained > before && evaluated.trained <= trained))
      throw broken("evaluations", `rounds from ${before + 1} to ${trained}`, evaluated.trained)
    before = evaluated.trained
  }
}

function same(what: string, got: unknown, want: unknown): void {
  if (got !== want) throw broken(what, want, got)
}

function broken(what: string, want: unknown, got: unknown): FedmoteError {
  return new FedmoteError("snapshot", `${what}: expected ${String(want)}, got ${String(got)}`)
}
