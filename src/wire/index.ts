/** The public subpath `fedmote/wire`: for whoever writes a client or a tool. `protocol.cddl` is the normative text. */
export { check } from "./check.ts"
export { chunkClass, chunkModel, chunkModule, chunkUpdate, publishBytes } from "./chunk.ts"
export type { UpdateHeader } from "./chunk.ts"
export { decode, encode } from "./codec.ts"
export { describeFields, describeMessage } from "./describe.ts"
export type { Plain } from "./describe.ts"
export { WireError } from "./error.ts"
export type { WireErrorCode } from "./error.ts"
export { BOUNDS, CHOICES, KEYS, PROTOCOL_VERSION, STRUCTURE, TYPES } from "./keys.ts"
export type { Bound } from "./keys.ts"
export { chunkCount, decodeEnvelope, decodeManifest, encodeEnvelope, encodeManifest, signedBytes } from "./manifest.ts"
export type { Envelope, Manifest } from "./manifest.ts"
export type {
  Flash,
  FlashState,
  Flashed,
  Gone,
  Hello,
  Message,
  ModelChunk,
  ModuleChunk,
  Notice,
  Ready,
  Receipt,
  ReceiptStatus,
  RoundKind,
  RoundPhase,
  Task,
  Update,
  WireLayer,
  WireTraining,
} from "./message.ts"
export { decodeOrder, encodeOrder } from "./order.ts"
export type { Order } from "./order.ts"
export { Reassembler } from "./reassembly.ts"
export type { Offer, ReassemblyOptions, WholeUpdate } from "./reassembly.ts"
export { fnv1a, shardOf } from "./shard.ts"
export { toText } from "./text.ts"
export { checkDevice, checkFleet, checkSlot, NAME_LENGTHS, parseTopic, TOPIC_PREFIX, topics } from "./topics.ts"
export type { Filters, Topic, Topics } from "./topics.ts"
export { Pulls, longestChain } from "./pulls.ts"
export type { ModelOffer } from "./pulls.ts"
export { DEFAULT_PACKET_BYTES, modelMessageBytes, updateMessageBytes, uploadPacketBytes } from "./traffic.ts"
