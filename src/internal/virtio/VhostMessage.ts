/**
 * Messages of vhost-user, by which a kernel (the front-end) sets up a device in another process (the back-end) and
 * notifies it: a header of 12 bytes and a payload, in host byte order. File descriptors come beside the header.
 *
 * @module
 */
import { type Violation, violation } from "./Violation.ts"

/** What a kernel asks for. */
export const Request = {
  GetFeatures: 1,
  SetFeatures: 2,
  SetOwner: 3,
  SetMemoryTable: 5,
  SetQueueSize: 8,
  SetQueueAddresses: 9,
  SetQueueBase: 10,
  SetKickDescriptor: 12,
  SetCallDescriptor: 13,
  GetProtocolFeatures: 15,
  SetProtocolFeatures: 16,
  SetQueueEnabled: 18,
  SetBackEndChannel: 21,
  GetConfig: 24,
  QueueKick: 35,
} as const

/** What the back-end asks for, on the channel that it was given. */
export const BackEndRequest = { ConfigChange: 2, QueueCall: 4 } as const

/** The bits of a header's `flags`. */
export const Flag = { version: 1, versionMask: 3, isReply: 4, needsReply: 8 } as const

/** The length of a header in bytes. */
export const HEADER_BYTES = 12

/** The longest payload that is taken, in bytes: that of GET_CONFIG is 12 bytes and the configuration's 256 at most. */
export const MAX_PAYLOAD_BYTES = 1024

/** A message. */
export interface Message {
  /** One of {@link Request}, or any other number of 32 bits. */
  readonly request: number
  readonly flags: number
  readonly payload: Uint8Array
}

const names = new Map<number, string>(Object.entries(Request).map(([name, number]) => [number, name]))

/** A request's name for people: `SetOwner`, or `request 99` for one that there isn't. */
export const nameOf = (request: number): string => names.get(request) ?? `request ${request}`

// Both ends run on one machine, so the host's order is the reader's.
const LITTLE_ENDIAN = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1

/** The bytes of a message; its numbers must fit 32 bits. */
export const encode = ({ request, flags, payload }: Message): Uint8Array<ArrayBuffer> => {
  const bytes = new Uint8Array(HEADER_BYTES + payload.length)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, request, LITTLE_ENDIAN)
  view.setUint32(4, flags, LITTLE_ENDIAN)
  view.setUint32(8, payload.length, LITTLE_ENDIAN)
  bytes.set(payload, HEADER_BYTES)
  return bytes
}

/** A message's bytes that have arrived, as long as it isn't whole: fewer than it has. */
export type Parser = Uint8Array

/** A stream's start. */
export const parser: Parser = new Uint8Array(0)

/** What {@link parse} returns: the parser for the bytes to come, and the messages that are complete. */
export interface Parsed {
  readonly parser: Parser
  readonly messages: ReadonlyArray<Message>
  /** The violation in the bytes behind these messages, if there is one. */
  readonly violation: Violation | undefined
}

const badHeader = (flags: number, bytes: number): Violation | undefined => {
  const version = flags & Flag.versionMask
  if (version !== Flag.version) return violation("BadHeader", `its version is ${version}, and must be ${Flag.version}`)
  return bytes > MAX_PAYLOAD_BYTES
    ? violation("BadHeader", `its payload has ${bytes} bytes, and may have ${MAX_PAYLOAD_BYTES}`)
    : undefined
}

/**
 * The messages that `chunk` completes, however a stream is cut. A header that can't be ends the stream. `chunk` itself
 * isn't kept.
 */
export const parse = (before: Parser, chunk: Uint8Array): Parsed => {
  const bytes = new Uint8Array(before.length + chunk.length)
  bytes.set(before)
  bytes.set(chunk, before.length)
  const view = new DataView(bytes.buffer)
  const messages: Array<Message> = []
  let at = 0
  while (at + HEADER_BYTES <= bytes.length) {
    const flags = view.getUint32(at + 4, LITTLE_ENDIAN)
    const length = view.getUint32(at + 8, LITTLE_ENDIAN)
    const bad = badHeader(flags, length)
    if (bad !== undefined) return { parser, messages, violation: bad }
    const end = at + HEADER_BYTES + length
    if (end > bytes.length) break
    const request = view.getUint32(at, LITTLE_ENDIAN)
    messages.push({ request, flags, payload: bytes.slice(at + HEADER_BYTES, end) })
    at = end
  }
  return { parser: at === bytes.length ? parser : bytes.slice(at), messages, violation: undefined }
}

/** How many bytes a message that has begun lacks: those of its header first. 12 where none has begun. */
export const missing = (begun: Parser): number => {
  if (begun.length < HEADER_BYTES) return HEADER_BYTES - begun.length
  const view = new DataView(begun.buffer, begun.byteOffset, begun.length)
  return HEADER_BYTES + view.getUint32(8, LITTLE_ENDIAN) - begun.length
}

/** The 64 bits of a payload that is nothing else. */
export const u64 = (payload: Uint8Array): bigint =>
  new DataView(payload.buffer, payload.byteOffset, payload.length).getBigUint64(0, LITTLE_ENDIAN)

/** The numbers of 32 bits of a payload, from the one at `index` on. */
export const u32 = (payload: Uint8Array, index: number): number =>
  new DataView(payload.buffer, payload.byteOffset, payload.length).getUint32(4 * index, LITTLE_ENDIAN)

/** A payload of 64-bit numbers behind so many of 32 bits, as some have them: the one at `index`. */
export const u64At = (payload: Uint8Array, index: number): bigint =>
  new DataView(payload.buffer, payload.byteOffset, payload.length).getBigUint64(8 * index, LITTLE_ENDIAN)

/** A payload of one number of 64 bits. */
export const ofU64 = (value: bigint): Uint8Array<ArrayBuffer> => {
  const payload = new Uint8Array(8)
  new DataView(payload.buffer).setBigUint64(0, value, LITTLE_ENDIAN)
  return payload
}

/** A payload of numbers of 32 bits. */
export const ofU32 = (...values: ReadonlyArray<number>): Uint8Array<ArrayBuffer> => {
  const payload = new Uint8Array(4 * values.length)
  const view = new DataView(payload.buffer)
  values.forEach((value, index) => view.setUint32(4 * index, value, LITTLE_ENDIAN))
  return payload
}

/** The answer to a message. */
export const reply = ({ request }: Message, payload: Uint8Array): Message => ({
  request,
  flags: Flag.version | Flag.isReply,
  payload,
})

/** A request of the back-end's own about a queue, or about none, which is to be answered. */
export const ask = (request: number, queue = 0): Message => ({
  request,
  flags: Flag.version | Flag.needsReply,
  payload: ofU32(queue, 0),
})
