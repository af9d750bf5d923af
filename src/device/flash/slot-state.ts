import { FedmoteError } from "../../core/error.ts"
import { hex, sha256 } from "../../net/digest.ts"
import type { Flashed } from "../../wire/message.ts"
import type { Side } from "./slot-store.ts"

/** A module that lies on one side of the slot, with the manifest that was verified. */
export interface Kept {
  readonly side: Side
  readonly sequence: number
  /** The signed manifest. */
  readonly envelope: Uint8Array
}

/** The module that runs. */
export interface Active extends Kept {
  /** It has done a trial round. */
  readonly confirmed: boolean
  /** Trials that were begun. */
  readonly trials: number
}

/** A module that is on its way here. */
export interface Download extends Kept {
  /** One bit a chunk, the lowest first: those whose bytes are durable. */
  readonly received: Uint8Array
}

/** What a device says of its slot, but for the module that runs. */
export interface FlashReport extends Pick<Flashed, "target" | "state" | "reason"> {
  readonly losses: readonly number[]
}

/** All that a slot remembers. */
export interface SlotState {
  readonly slot: string
  /** The highest sequence that was ever switched to, whatever became of it: none at or below it is taken again. */
  readonly highest: number
  /** Absent: the built-in kernels run. */
  readonly active?: Active
  /** What ran before, as long as it is there. */
  readonly previous?: Kept | "built-in"
  readonly download?: Download
  readonly report: FlashReport
}

export const IDLE: FlashReport = { target: 0, state: "idle", reason: "", losses: [] }

const HEADER = "fedmote-slot/1"

/** One line that says what it is, with the SHA-256 of the next; JSON with bytes in base64. */
export function slotStateBytes(state: SlotState): Uint8Array {
  const text = JSON.stringify(state, (_, value: unknown) =>
    value instanceof Uint8Array ? { base64: Buffer.from(value).toString("base64") } : value,
  )
  return new Uint8Array(Buffer.from(`${HEADER} ${digestOf(text)}\n${text}`))
}

/** Throws `FedmoteError` ("state") for anything but the bytes that `slotStateBytes` gave. */
export function parseSlotState(bytes: Uint8Array): SlotState {
  const [head, text = ""] = Buffer.from(bytes).toString().split("\n", 2)
  if (head !== `${HEADER} ${digestOf(text)}`)
    throw new FedmoteError("state", "not the state of a module slot, or damaged")
  return JSON.parse(text, (_, value: unknown) =>
    isBase64(value) ? new Uint8Array(Buffer.from(value.base64, "base64")) : value,
  ) as SlotState
}

function isBase64(value: unknown): value is { readonly base64: string } {
  return typeof value === "object" && value !== null && "base64" in value
}

function digestOf(text: string): string {
  return hex(sha256(text))
}
