/**
 * The one message of the protocol between a guest and its calendar: 16 bytes in
 * the host's byte order, `op` u32, `seq` u32, `time` u64 (SPEC 9.1, PROTOCOL).
 *
 * {@link encode} and {@link decode} are the codec. {@link Parser} finds the
 * messages in a stream that may be cut anywhere; a parser is a value, and one
 * that was used can be used again.
 *
 * @module
 */
import { invariant } from "./Fault.ts"

/**
 * The operations: what a message asks for or says. The numbers are those on the wire.
 *
 * @since 0.1.0
 * @category constants
 */
export const Op = {
  /** Answers any other message, with the same `seq`. */
  Ack: 0,
  /** Guest: here I am; `time` is its ID. */
  Start: 1,
  /** Guest: run me at `time`. */
  Request: 2,
  /** Guest: I have stopped; tell me when to run. */
  Wait: 3,
  /** Guest: what time is it? */
  Get: 4,
  /** Guest: my time, ahead of yours, is `time`. */
  Update: 5,
  /** Calendar: it is `time`; run. */
  Run: 6,
  /** Calendar: you may run on by yourself up to, not including, `time`. */
  FreeUntil: 7,
  /** Guest: what time of day is it? */
  GetTimeOfDay: 8,
  /** Both: a value for everybody else. */
  Broadcast: 9,
} as const

/**
 * One of the ten operations of the protocol.
 *
 * @since 0.1.0
 * @category models
 */
export type Op = typeof Op[keyof typeof Op]

/**
 * A message, as it is on the wire: any numbers that fit.
 *
 * @since 0.1.0
 * @category models
 */
export interface Message {
  /** Unsigned 32 bits; one of {@link Op} if the sender keeps to the protocol. */
  readonly op: number
  /** Unsigned 32 bits: the sender's own count, or that of the message an ACK answers. */
  readonly seq: number
  /** Unsigned 64 bits: nanoseconds, an ID, or 2^64 − 1 for nothing. */
  readonly time: bigint
}

/**
 * The length of every message in bytes.
 *
 * @since 0.1.0
 * @category constants
 */
export const SIZE = 16

/**
 * The properties of an operation.
 *
 * @since 0.2.0
 * @category models
 */
export interface Operation {
  /** Its name in PROTOCOL. */
  readonly name: string
  /** The side that sends it. */
  readonly sender: "client" | "calendar" | "both"
  /**
   * When a client may send it: to answer a message; as its first message; once it has sent START; while it runs; never,
   * as it is the calendar's own.
   */
  readonly allowed: "answering" | "first" | "started" | "running" | "never"
}

/**
 * All operations by number. The calendar's and the proxy's checks go by this table (PROTOCOL, "What the calendar does").
 *
 * @example
 * ```ts
 * import * as Message from "guest-clock/core/Message"
 *
 * console.log(Message.operations[Message.Op.Wait].allowed) // running
 * ```
 * @since 0.2.0
 * @category models
 */
export const operations: { readonly [op in Op]: Operation } = {
  [Op.Ack]: { name: "ACK", sender: "both", allowed: "answering" },
  [Op.Start]: { name: "START", sender: "client", allowed: "first" },
  [Op.Request]: { name: "REQUEST", sender: "client", allowed: "started" },
  [Op.Wait]: { name: "WAIT", sender: "client", allowed: "running" },
  [Op.Get]: { name: "GET", sender: "client", allowed: "started" },
  [Op.Update]: { name: "UPDATE", sender: "client", allowed: "running" },
  [Op.Run]: { name: "RUN", sender: "calendar", allowed: "never" },
  [Op.FreeUntil]: { name: "FREE_UNTIL", sender: "calendar", allowed: "never" },
  [Op.GetTimeOfDay]: { name: "GET_TOD", sender: "client", allowed: "started" },
  [Op.Broadcast]: { name: "BROADCAST", sender: "both", allowed: "started" },
}

/**
 * Whether the protocol has an operation of this number.
 *
 * @since 0.2.0
 * @category guards
 */
export const isOp = (op: number): op is Op => (operations as { readonly [op: number]: Operation })[op] !== undefined

/**
 * For people: which operations there are.
 *
 * @since 0.1.0
 * @category constants
 */
export const KNOWN_OPS: string = `the operations are 0 to ${Math.max(...Object.values(Op))}`

const names = new Map<number, string>(Object.entries(Op).map(([name, op]) => [op, name]))

/**
 * An operation's name for people: `Request`, or `op 77` for one the protocol doesn't have.
 *
 * @since 0.1.0
 * @category formatting
 */
export const nameOf = (op: number): string => names.get(op) ?? `op ${op}`

/**
 * A message for people: `Request #4 5735`.
 *
 * @since 0.1.0
 * @category formatting
 */
export const format = (message: Message): string => `${nameOf(message.op)} #${message.seq} ${message.time}`

/**
 * The answer to `message`: same `seq`, and a time where the operation has one (PROTOCOL, table).
 *
 * @since 0.1.0
 * @category codecs
 */
export const ack = (message: Message, time = 0n): Message => ({ op: Op.Ack, seq: message.seq, time })

// The protocol's byte order is the host's: both ends run on one machine.
const LITTLE_ENDIAN = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1

/**
 * The 16 bytes of a message. Its numbers must fit their fields: `op` and `seq`
 * 32 bits, `time` 64.
 *
 * @example
 * ```ts
 * import * as Message from "guest-clock/core/Message"
 *
 * const bytes = Message.encode({ op: Message.Op.Request, seq: 4, time: 5735n })
 * console.log(bytes.length, Message.format(Message.decode(bytes))) // 16 Request #4 5735
 * ```
 *
 * @since 0.1.0
 * @category codecs
 */
export const encode = (message: Message): Uint8Array<ArrayBuffer> => {
  invariant(
    (message.op >>> 0) === message.op && (message.seq >>> 0) === message.seq &&
      BigInt.asUintN(64, message.time) === message.time,
    "only messages whose numbers fit their fields are made",
  )
  const view = new DataView(new ArrayBuffer(SIZE))
  encodeInto(view, 0, message)
  return new Uint8Array(view.buffer)
}

/**
 * Writes the 16 bytes of a message, whose numbers must fit, at `offset`.
 *
 * @since 0.1.0
 * @category codecs
 */
export const encodeInto = (view: DataView, offset: number, message: Message): void => {
  view.setUint32(offset, message.op, LITTLE_ENDIAN)
  view.setUint32(offset + 4, message.seq, LITTLE_ENDIAN)
  view.setBigUint64(offset + 8, message.time, LITTLE_ENDIAN)
}

/**
 * The bytes of several messages, one after the other. Their numbers must fit.
 *
 * @since 0.1.0
 * @category codecs
 */
export const encodeAll = (messages: ReadonlyArray<Message>): Uint8Array<ArrayBuffer> => {
  const view = new DataView(new ArrayBuffer(messages.length * SIZE))
  messages.forEach((message, index) => encodeInto(view, index * SIZE, message))
  return new Uint8Array(view.buffer)
}

/**
 * The message in the 16 bytes from `offset` on. Every 16 bytes are some message.
 *
 * @since 0.1.0
 * @category codecs
 */
export const decode = (bytes: Uint8Array, offset = 0): Message => {
  invariant(offset + SIZE <= bytes.length, "callers count the bytes before they decode")
  const view = new DataView(bytes.buffer, bytes.byteOffset + offset, SIZE)
  return {
    op: view.getUint32(0, LITTLE_ENDIAN),
    seq: view.getUint32(4, LITTLE_ENDIAN),
    time: view.getBigUint64(8, LITTLE_ENDIAN),
  }
}

/**
 * The bytes of a stream that no message has been made of yet: always fewer than 16.
 *
 * @since 0.1.0
 * @category models
 */
export type Parser = Uint8Array

/**
 * A stream's start.
 *
 * @since 0.1.0
 * @category constants
 */
export const parser: Parser = new Uint8Array(0)

/**
 * What {@link parse} returns: the parser for the bytes to come, and the messages that are complete.
 *
 * @since 0.1.0
 * @category models
 */
export interface Parsed {
  readonly parser: Parser
  readonly messages: ReadonlyArray<Message>
}

/**
 * The messages that `chunk` completes. The chunks of a stream may be of any
 * size: however it is cut, the messages are the same. `chunk` itself is not
 * kept, so its memory may be used again.
 *
 * @example
 * ```ts
 * import * as Message from "guest-clock/core/Message"
 *
 * const bytes = Message.encode({ op: Message.Op.Wait, seq: 1, time: 0n })
 * const half = Message.parse(Message.parser, bytes.subarray(0, 7))
 * console.log(half.messages.length, half.parser.length) // 0 7
 * const whole = Message.parse(half.parser, bytes.subarray(7))
 * console.log(whole.messages.length, whole.parser.length) // 1 0
 * ```
 *
 * @since 0.1.0
 * @category codecs
 */
export const parse = (before: Parser, chunk: Uint8Array): Parsed => {
  let bytes = chunk
  if (before.length > 0) {
    bytes = new Uint8Array(before.length + chunk.length)
    bytes.set(before)
    bytes.set(chunk, before.length)
  }
  const messages: Array<Message> = []
  let offset = 0
  for (; offset + SIZE <= bytes.length; offset += SIZE) messages.push(decode(bytes, offset))
  // A Buffer's own slice would share its memory.
  return { parser: offset === bytes.length ? parser : new Uint8Array(bytes.subarray(offset)), messages }
}
