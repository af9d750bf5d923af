import { LinkError } from "../../net/link.ts"
import type { Link } from "../../net/link.ts"
import { encode } from "../../wire/codec.ts"
import type { FlashState } from "../../wire/message.ts"
import type { Topics } from "../../wire/topics.ts"
import type { DeviceEvent, DeviceLog } from "../event.ts"
import type { Slot } from "./slot.ts"
import type { FlashReport } from "./slot-state.ts"

export interface FlashVoiceOptions {
  readonly slot: Slot
  readonly link: Link
  readonly topics: Topics
  readonly id: string
  readonly session: number
  readonly log: DeviceLog
  readonly emit: (event: DeviceEvent) => void
}

const BAD: ReadonlySet<FlashState> = new Set(["refused", "rolledBack", "failing"])

/** Says where a slot is: to the coordinator (retained), to the log, to whoever listens. */
export class FlashVoice {
  readonly #options: FlashVoiceOptions

  constructor(options: FlashVoiceOptions) {
    this.#options = options
  }

  /** To the coordinator, if there is a connection; otherwise the next one begins with it. */
  say(): void {
    const { slot, link, topics, id, session, log } = this.#options
    if (!link.connected) return
    const { slot: name, report } = slot.state
    const losses = Float32Array.from(report.losses)
    const message = encode({ type: "flashed", session, slot: name, active: slot.active, ...report, losses })
    link.publish(topics.flashed(id), message, { retain: true }).catch((error: unknown) => {
      if (!(error instanceof LinkError)) log.warn(`could not say where the module slot is: ${String(error)}`)
    })
  }

  /** The report, or what runs, has changed. */
  changed(): void {
    const { slot, log, emit } = this.#options
    const { active } = slot
    const { target, state, reason } = slot.state.report
    const words = inWords(slot.state.report, active)
    if (BAD.has(state)) log.warn(words)
    else log.info(words)
    emit({ type: "module", active, target, state, reason })
    this.say()
  }

  /** Keeps a report and says it. */
  report(report: FlashReport): void {
    this.#options.slot.report(report)
    this.changed()
  }
}

function inWords({ target, state, reason }: FlashReport, active: number): string {
  const runs = active === 0 ? "the built-in kernels train" : `module ${active} trains`
  return `module ${target}: ${state}${reason === "" ? "" : ` (${reason})`}; ${runs}`
}
