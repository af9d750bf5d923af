import { Rollout } from "../../core/rollout.ts"
import type { Order } from "../../wire/order.ts"
import { NO_HASH } from "./audit-log.ts"
import type { AuditFacts, AuditLog } from "./audit-log.ts"
import type { ModuleRecord, ModuleStore, StoredModule } from "./module-store.ts"
import { ORDER_SECONDS } from "./order-desk.ts"

/** Where a coordinator keeps what must survive it. */
export interface ModuleKeeping {
  readonly store: ModuleStore
  readonly audit: AuditLog
}

/**
 * What is written down of a slot's rollouts. The audit log is written first and the record then, so that the record never knows of something that the log
 * does not tell. What devices report may wait for a moment: they say it again after a restart.
 */
export class RolloutBook {
  readonly #keeping: ModuleKeeping | undefined
  #record: Omit<ModuleRecord, "rollout" | "audit">
  #rollout: Rollout | undefined
  #notes: AuditFacts[] = []

  /** Without `keeping` nothing is written, and nothing can be rolled out. */
  constructor(slot: string, keeping: ModuleKeeping | undefined) {
    this.#keeping = keeping
    const { rollout, ...record } = keeping?.store.load() ?? { slot, highest: 0, settled: 0, undone: [], orders: [] }
    this.#record = record
    this.#rollout = rollout && Rollout.from(rollout)
  }

  get canWrite(): boolean {
    return this.#keeping !== undefined
  }

  /** The last rollout. */
  get rollout(): Rollout | undefined {
    return this.#rollout
  }

  /** Id of the key that ordered it. */
  get keyId(): string {
    return this.#record.keyId ?? ""
  }

  get highest(): number {
    return this.#record.highest
  }

  /** The module that every device is to have; 0: the built-in kernels. */
  get settled(): number {
    return this.#record.settled
  }

  /** Of the devices that the settled module is for; undefined: for all. */
  get settledTag(): string | undefined {
    return this.#record.settledTag
  }

  /** Modules that no device is to have, but for those that have been followed by a settled one. */
  isUndone(sequence: number): boolean {
    const { rollout } = this
    return (
      this.#record.undone.includes(sequence) || (rollout?.isUndone === true && rollout.settings.sequence === sequence)
    )
  }

  get orders(): ModuleRecord["orders"] {
    return this.#record.orders
  }

  /** Sequences of the modules that are kept: the broker may have them, and nothing of others. */
  get kept(): readonly number[] {
    return this.#keeping?.store.kept() ?? []
  }

  /** The module with this sequence, where devices may still need it. */
  module(sequence: number): StoredModule | undefined {
    return this.#keeping?.store.module(sequence)
  }

  /** An order is obeyed: once, and never again. */
  obey({ issued, nonce }: Order): void {
    const orders = this.#record.orders.filter((each) => each.issued >= issued - 2 * ORDER_SECONDS)
    this.#record = { ...this.#record, orders: [...orders, { issued, nonce }] }
  }

  /** Begins a rollout, whose module is kept first. */
  begin(rollout: Rollout, module: StoredModule, keyId: string): void {
    this.#keeping!.store.keep(module)
    const { undone } = this.#record
    const before = this.#rollout?.isUndone === true ? [this.#rollout.settings.sequence] : []
    this.#rollout = rollout
    this.#record = { ...this.#record, highest: rollout.settings.sequence, undone: [...undone, ...before], keyId }
  }

  settle(sequence: number, tag: string | undefined): void {
    const { settledTag: _, ...record } = this.#record
    this.#record = { ...record, settled: sequence, ...(tag !== undefined && { settledTag: tag }), undone: [] }
  }

  /** To be written with the next `flush`. */
  note(...facts: readonly AuditFacts[]): void {
    if (this.canWrite) this.#notes.push(...facts)
  }

  /** Writes all that has happened. Throws `FedmoteError` ("audit", "module-store"). */
  flush(): void {
    if (this.#keeping === undefined) return
    const { store, audit } = this.#keeping
    if (this.#notes.length > 0) audit.append(...this.#notes)
    this.#notes = []
    store.save({
      ...this.#record,
      ...(this.#rollout && { rollout: this.#rollout.snapshot() }),
      audit: audit.last,
    })
  }

  /** Nobody needs these modules any more. */
  drop(sequence: number): void {
    this.#keeping?.store.drop(sequence)
  }
}

/** The hash of the audit log that a record knows. */
export function knownHash(record: ModuleRecord | undefined): string {
  return record?.audit ?? NO_HASH
}
