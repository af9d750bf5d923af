import { FedmoteError } from "../core/error.ts"

/** What can be wrong with bytes, with a message to be sent, or with a topic; `WireError.code` is one of these. */
export type WireErrorCode =
  /** The bytes end inside an item. */
  | "truncated"
  /** Bytes follow the message. */
  | "trailing"
  /** A number or length could have been written shorter. */
  | "not-shortest"
  /** Indefinite length, or a reserved additional-information value. */
  | "indefinite"
  /** An integer beyond 32 bits. */
  | "too-wide"
  /** A tag, float, null, undefined or other simple value. */
  | "unsupported"
  /** Maps and arrays nested too deeply. */
  | "depth"
  /** More items than any message has. */
  | "items"
  /** A map key that is no unsigned integer from 0 to 23, or does not ascend. */
  | "key"
  /** Text that is not UTF-8, is too long, or has control characters. */
  | "text"
  /** The message is no map, or its protocol version is not ours. */
  | "version"
  /** A message type that protocol 1 does not have. */
  | "type"
  /** A key that this message does not have. */
  | "unknown"
  /** A required field is absent. */
  | "missing"
  /** A field of the wrong kind. */
  | "kind"
  /** A field's value, or the combination of two, is out of bounds. */
  | "bound"
  /** A topic part breaks its rules. */
  | "topic"
  /** The payload cannot be cut so that every packet fits. */
  | "packet"
  /** A signed manifest that is no envelope in the one form that there is. */
  | "envelope"

/** The one error of `fedmote/wire`. `offset` is the byte where the structure broke, for structural codes. */
export class WireError extends FedmoteError {
  declare readonly code: WireErrorCode
  readonly offset: number | undefined

  constructor(code: WireErrorCode, message: string, offset?: number) {
    super(code, offset === undefined ? message : `${message} (byte ${offset})`)
    this.offset = offset
  }
}
