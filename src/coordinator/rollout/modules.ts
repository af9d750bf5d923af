import { join } from "node:path"
import type { Plan } from "../../core/plan.ts"
import { tagFilter } from "../../core/tags.ts"
import type { Clock } from "../../net/clock.ts"
import type { Link } from "../../net/link.ts"
import { TrustedKeys } from "../../net/signature.ts"
import type { Flashed, Hello, Update } from "../../wire/message.ts"
import type { Topics } from "../../wire/topics.ts"
import type { Desk } from "../desk.ts"
import type { Complaints, CoordinatorLog } from "../log.ts"
import type { RoundModule } from "../notices.ts"
import type { Registry, Verdict } from "../registry.ts"
import { AuditLog } from "./audit-log.ts"
import { ModuleGate } from "./gate.ts"
import { FileModuleStore } from "./module-store.ts"
import { RolloutBook, knownHash } from "./rollout-book.ts"
import type { ModuleKeeping } from "./rollout-book.ts"
import { RolloutDesk } from "./rollout-desk.ts"

const DEFAULT_SLOT = "train"
const SOON_MS = 20

export interface ModulesOptions {
  readonly plan: Plan
  /** Whose orders are obeyed. Default: nobody's. */
  readonly trusted: readonly Uint8Array[] | undefined
  /** Default: nothing is kept, and nothing can be rolled out. */
  readonly keeping: ModuleKeeping | undefined
}

export interface ModulesAtWork {
  readonly link: Link
  readonly topics: Topics
  readonly clock: Clock
  readonly registry: Registry
  readonly desk: Desk
  readonly log: CoordinatorLog
  readonly complaints: Complaints
  /** The rounds take another module: the Notice has to say so. */
  readonly onChanged: () => void
  readonly onError: (error: unknown) => void
}

/** What a coordinator has to do with modules: which one the rounds take, who has it, and how the others get it. */
export class Modules {
  readonly #plan: Plan
  readonly #gate: ModuleGate
  readonly #book: RolloutBook
  readonly #trusted: TrustedKeys | undefined
  #at: ModulesAtWork | undefined
  #rollouts: RolloutDesk | undefined
  #cancelSoon: (() => void) | undefined

  /** Throws `FedmoteError` ("key", "module-store"). */
  constructor({ plan, trusted, keeping }: ModulesOptions) {
    const { slot = DEFAULT_SLOT, sequence = 0 } = plan.module ?? {}
    this.#plan = plan
    this.#book = new RolloutBook(slot, keeping)
    this.#gate = new ModuleGate(slot, sequence, this.#book.settled)
    this.#trusted = trusted && new TrustedKeys(trusted)
  }

  /** For the Notice; undefined while the rounds are of the built-in kernels. */
  readonly round = (): RoundModule => {
    const { slot, sequence, least } = this.#gate
    return sequence === 0 ? undefined : { slot, sequence, least }
  }

  begin(at: ModulesAtWork): void {
    this.#at = at
    this.#rollouts = new RolloutDesk({
      ...at,
      nowSeconds: () => Math.floor(Date.now() / 1000),
      gate: this.#gate,
      book: this.#book,
      trusted: this.#trusted,
      keyOf: (device) => at.registry.keyOf(device),
      hasTag: (tag) => tagFilter(this.#plan, tag),
      onSwitched: (device) => {
        at.desk.switched(device)
        this.reconsider()
      },
    })
  }

  /** Once what devices say is heard. */
  start(): void {
    this.#rollouts?.start()
  }

  /** The connection is back. */
  reconnected(): void {
    this.#rollouts?.reconnected()
  }

  close(): void {
    this.#cancelSoon?.()
    this.#rollouts?.close()
  }

  introduced(device: string, hello: Hello): void {
    this.#rollouts?.introduced(device, hello)
  }

  flashed(device: string, message: Flashed | undefined): void {
    this.#rollouts?.flashed(device, message)
  }

  /** Resolves when it is answered. */
  async order(slot: string, envelope: Uint8Array): Promise<void> {
    await this.#rollouts?.order(slot, envelope)
  }

  /** A device that is ready for rounds of another module is not ready for these. */
  judge(device: string, verdict: Verdict): Verdict {
    if (verdict.state !== "ready" || this.#gate.admits(device)) return verdict
    this.#reconsiderSoon()
    return { state: "mismatched" }
  }

  /** Why an update is not of the rounds' module; undefined where it is. */
  refusalOf({ module = 0 }: Update): string | undefined {
    const { sequence } = this.#gate
    if (module === sequence) return undefined
    return `expected an update of ${nameOf(sequence)}, got one of ${nameOf(module)}`
  }

  /** Once for all that come at a time. */
  #reconsiderSoon(): void {
    this.#cancelSoon ??= this.#at!.clock.after(SOON_MS, () => {
      this.#cancelSoon = undefined
      this.reconsider()
    })
  }

  /** Between two rounds: they go on with the module that most devices have. */
  reconsider(): void {
    const { registry, desk, log, onChanged } = this.#at!
    if (!this.#gate.matters || !desk.isBetween) return
    const ready = [...registry.allReady()]
    const changed = this.#gate.choose(ready.map(({ id }) => id))
    if (!changed) return
    const { slot, sequence } = this.#gate
    log.info({ slot, sequence }, "rounds take another module")
    onChanged()
    desk.regroup(ready.filter(({ id }) => this.#gate.admits(id)))
  }
}

/** What a coordinator keeps of modules in its data folder. Throws `FedmoteError` ("module-store", "audit"). */
export function openModuleKeeping(folder: string): ModuleKeeping {
  const store = new FileModuleStore(join(folder, MODULES_FOLDER))
  return { store, audit: new AuditLog(join(folder, AUDIT_FILE), knownHash(store.load())) }
}

/** In the data folder. */
export const AUDIT_FILE = "audit.jsonl"
export const MODULES_FOLDER = "modules"

function nameOf(sequence: number): string {
  return sequence === 0 ? "the built-in kernels" : `module ${sequence}`
}
