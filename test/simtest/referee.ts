/** What must hold in every world, at every step. */
export type Invariant =
  /** An update is folded at most once in a round and epoch. */
  | "fold-once"
  /** What is folded is what the device has sent for this round and epoch, whole. */
  | "fold-sent"
  /** A sum, and the model that is committed, are those of the updates folded in the committing epoch. */
  | "exact-sum"
  /** No round is begun or committed with fewer than the plan says. */
  | "minimum"
  /** Rounds are committed one after the other, each once. */
  | "commit-once"
  /** Nobody hears of what the disk does not have. */
  | "durable"
  /** Epochs only rise, and each belongs to one incarnation. */
  | "epochs"
  /** A receipt says what has happened. */
  | "receipt"
  /** An update of a device that means well is not refused. */
  | "refused"
  /** A device keeps its update until its commit, or its round's end. */
  | "kept"
  /** What nobody has confirmed is sent again. */
  | "sent-again"
  /** Work begins with a Task that is meant for now. */
  | "work"
  /** The round machine is woken when it wants to be. */
  | "timer"
  /** What a coordinator remembers is bounded by its fleet and its budget. */
  | "memory"
  /** Once the world is quiet, the federation comes to its end, or says what it waits for. */
  | "ends"
  /** All end with the same model. */
  | "released"
  /** Nothing fails but what a fault explains. */
  | "error"

export interface Violation {
  readonly invariant: Invariant
  readonly text: string
}

/** Remembers the first breach of an invariant. */
export class Referee {
  #violation: Violation | undefined

  get violation(): Violation | undefined {
    return this.#violation
  }

  breach(invariant: Invariant, text: string): void {
    this.#violation ??= { invariant, text }
  }

  /** For what nobody expects to be thrown. */
  unexpected(where: string, error: unknown): void {
    this.breach("error", `${where}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`)
  }
}
