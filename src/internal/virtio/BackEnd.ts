/**
 * The back-end's half of vhost-user, as a pure state machine: what a kernel has set up so far, and what is to be done
 * when a message of it comes.
 *
 * ```text
 *   SET_OWNER, features of the protocol, the channel for calls          once, while the kernel boots
 *        │
 *        ▼
 *   SET_FEATURES, GET_CONFIG, SET_MEM_TABLE ─▶ per queue: NUM, BASE, ADDR ─▶ ENABLE 1 … ─▶ kicks
 *        ▲                                                                        │
 *        └────────────────────── ENABLE 0 …, by a driver that lets go ◀───────────┘
 * ```
 *
 * Only messages that set up memory or the channel carry descriptors, and those come only while no queue is enabled.
 * Any message at all gives a next state or a {@link Violation}; the state before stays valid.
 *
 * @module
 */
import * as Memory from "./Memory.ts"
import * as VhostMessage from "./VhostMessage.ts"
import { isViolation, type Violation, violation } from "./Violation.ts"
import * as Virtqueue from "./Virtqueue.ts"

/** Whether protocol features can be asked for. */
const HAS_PROTOCOL_FEATURES = 1n << 30n

/** The protocol's features. All but the last are needed so that each notification has an answer. */
export const Protocol = {
  replyAck: 1n << 3n,
  backEndChannel: 1n << 5n,
  config: 1n << 9n,
  inbandNotifications: 1n << 14n,
} as const

const PROTOCOL_FEATURES = Protocol.replyAck | Protocol.backEndChannel | Protocol.config | Protocol.inbandNotifications

/** What the device is like. */
export interface Offer {
  /** The device's features, without those of the transport. */
  readonly features: bigint
  readonly queues: number
  /** How many bytes its configuration has. */
  readonly configBytes: number
}

/** A queue, as far as it is set up. */
export interface Queue {
  readonly size: number | undefined
  readonly base: number
  readonly addresses: Virtqueue.Addresses | undefined
  readonly enabled: boolean
}

/** What a kernel has set up so far. */
export interface BackEnd {
  readonly offer: Offer
  readonly owned: boolean
  readonly protocol: bigint
  /** The features that the driver has accepted, if it has. */
  readonly features: bigint | undefined
  readonly hasChannel: boolean
  readonly regions: ReadonlyArray<Memory.Region>
  readonly queues: ReadonlyArray<Queue>
}

/** What is to be done, in order. Answers are messages to be sent. */
export type Command =
  | { readonly _tag: "Send"; readonly message: VhostMessage.Message }
  /** The descriptors that came with the message are these regions' files; those before are to be closed. */
  | { readonly _tag: "TakeMemory" }
  /** The descriptor that came with the message is the channel for calls. */
  | { readonly _tag: "TakeChannel" }
  /** The driver has accepted these features. */
  | { readonly _tag: "Accept"; readonly features: bigint }
  /** A queue is set up, and at work from now on. */
  | { readonly _tag: "Enable"; readonly layout: Virtqueue.Layout; readonly base: number }
  | { readonly _tag: "Disable"; readonly queue: number }
  /** The driver reads this part of the configuration, which answers the message. */
  | {
    readonly _tag: "GetConfig"
    readonly message: VhostMessage.Message
    readonly offset: number
    readonly bytes: number
  }
  /** The driver has put something into a queue. `message` is answered when that is known to the calendar. */
  | { readonly _tag: "Kick"; readonly queue: number; readonly answer: VhostMessage.Message | undefined }

/** The next state, and what is to be done. */
export interface Next {
  readonly state: BackEnd
  readonly commands: ReadonlyArray<Command>
}

const emptyQueue: Queue = { size: undefined, base: 0, addresses: undefined, enabled: false }

/** Nothing is set up. */
export const make = (offer: Offer): BackEnd => ({
  offer,
  owned: false,
  protocol: 0n,
  features: undefined,
  hasChannel: false,
  regions: [],
  queues: Array.from({ length: offer.queues }, () => emptyQueue),
})

/** The features that are offered to the driver. */
const featuresOf = ({ features }: Offer): bigint => features | Virtqueue.Feature.version1 | HAS_PROTOCOL_FEATURES

/** Whether any queue is at work: then no message carries descriptors. */
export const isAtWork = ({ queues }: BackEnd): boolean => queues.some(({ enabled }) => enabled)

const { Request, Flag } = VhostMessage

const needsReply = (state: BackEnd, { flags }: VhostMessage.Message): boolean =>
  (flags & Flag.needsReply) !== 0 && (state.protocol & Protocol.replyAck) !== 0n

/** The answer to a message that has no other, if it wants one. */
const done = (state: BackEnd, message: VhostMessage.Message): ReadonlyArray<Command> =>
  needsReply(state, message) ? [{ _tag: "Send", message: VhostMessage.reply(message, VhostMessage.ofU64(0n)) }] : []

const answer = (state: BackEnd, message: VhostMessage.Message, payload: Uint8Array): Next => ({
  state,
  commands: [{ _tag: "Send", message: VhostMessage.reply(message, payload) }],
})

/** How long the payload of a request is in bytes; of some it depends on the payload. */
const lengths = new Map<number, number>([
  [Request.GetFeatures, 0],
  [Request.SetFeatures, 8],
  [Request.SetOwner, 0],
  [Request.SetQueueSize, 8],
  [Request.SetQueueAddresses, 40],
  [Request.SetQueueBase, 8],
  [Request.GetProtocolFeatures, 0],
  [Request.SetProtocolFeatures, 8],
  [Request.SetQueueEnabled, 8],
  [Request.SetBackEndChannel, 0],
  [Request.QueueKick, 8],
])

const REGIONS_HEADER = 8
const REGION_BYTES = 32
const CONFIG_HEADER = 12

/** Checks the length of a message, and returns what is wrong. */
const badLength = ({ request, payload: { length } }: VhostMessage.Message): Violation | undefined => {
  const expected = lengths.get(request)
  if (expected === undefined || length === expected) return undefined
  return violation("BadLength", `${VhostMessage.nameOf(request)} of ${length} bytes; it has ${expected}`)
}

/** A message with so many descriptors has come. */
export const receive = (state: BackEnd, message: VhostMessage.Message, descriptors: number): Next | Violation => {
  const { request, flags, payload } = message
  const name = VhostMessage.nameOf(request)
  if ((flags & Flag.isReply) !== 0) return violation("BadHeader", `${name} is marked as an answer`)
  const bad = badLength(message) ?? badDescriptors(message, descriptors)
  if (bad !== undefined) return bad
  if (isAtWork(state) && setUp.has(request)) {
    return violation("OutOfOrder", `${name} while a queue is enabled`)
  }
  switch (request) {
    case Request.GetFeatures:
      return answer(state, message, VhostMessage.ofU64(featuresOf(state.offer)))
    case Request.SetFeatures:
      return accepted(state, message, VhostMessage.u64(payload))
    case Request.SetOwner:
      if (state.owned) return violation("OutOfOrder", `${name} for the second time`)
      return { state: { ...state, owned: true }, commands: done(state, message) }
    case Request.GetProtocolFeatures:
      return answer(state, message, VhostMessage.ofU64(PROTOCOL_FEATURES))
    case Request.SetProtocolFeatures:
      return protocolAccepted(state, message, VhostMessage.u64(payload))
    case Request.SetBackEndChannel:
      if ((state.protocol & Protocol.backEndChannel) === 0n) {
        return violation("NotOffered", `${name} without its feature`)
      }
      return { state: { ...state, hasChannel: true }, commands: [{ _tag: "TakeChannel" }, ...done(state, message)] }
    case Request.SetMemoryTable:
      return memoryTable(state, message, descriptors)
    case Request.SetQueueSize:
    case Request.SetQueueBase:
    case Request.SetQueueAddresses:
    case Request.SetQueueEnabled:
    case Request.QueueKick:
      return ofQueue(state, message)
    case Request.GetConfig:
      return config(state, message)
    default:
      return violation("UnknownRequest", `${name} of ${payload.length} bytes`)
  }
}

/** Requests that make no sense while the driver uses what they set up. */
const setUp: ReadonlySet<number> = new Set([
  Request.SetFeatures,
  Request.SetProtocolFeatures,
  Request.SetMemoryTable,
  Request.SetBackEndChannel,
])

const badDescriptors = ({ request, payload }: VhostMessage.Message, descriptors: number): Violation | undefined => {
  const name = VhostMessage.nameOf(request)
  if (request === Request.SetMemoryTable) {
    // How many those are to be is in the payload, which is looked at later.
    return descriptors > 0 || payload.length < REGIONS_HEADER || VhostMessage.u32(payload, 0) === 0
      ? undefined
      : violation("BadDescriptors", `${name} with no descriptor; it has one a region`)
  }
  const expected = request === Request.SetBackEndChannel ? 1 : 0
  return descriptors === expected
    ? undefined
    : violation("BadDescriptors", `${name} with ${descriptors} descriptors; it has ${expected}`)
}

const accepted = (state: BackEnd, message: VhostMessage.Message, features: bigint): Next | Violation => {
  const more = features & ~featuresOf(state.offer)
  if (more !== 0n) return violation("NotOffered", `the driver accepted the features ${Memory.hex(more)}`)
  // A new driver sets up all of it anew.
  const queues = state.queues.map(() => emptyQueue)
  return {
    state: { ...state, features, regions: [], queues },
    commands: [{ _tag: "Accept", features }, ...done(state, message)],
  }
}

const protocolAccepted = (state: BackEnd, message: VhostMessage.Message, protocol: bigint): Next | Violation => {
  const more = protocol & ~PROTOCOL_FEATURES
  if (more !== 0n) return violation("NotOffered", `the kernel accepted the protocol's features ${Memory.hex(more)}`)
  const needed = Protocol.replyAck | Protocol.backEndChannel | Protocol.inbandNotifications
  if ((protocol & needed) !== needed) {
    return violation(
      "NotOffered",
      `the kernel doesn't accept the protocol's features ${Memory.hex(needed & ~protocol)}: ` +
        "without them a notification has no answer, and there is no simulated time",
    )
  }
  const next = { ...state, protocol }
  return { state: next, commands: done(next, message) }
}

const memoryTable = (state: BackEnd, message: VhostMessage.Message, descriptors: number): Next | Violation => {
  const { payload } = message
  const name = VhostMessage.nameOf(message.request)
  if (payload.length < REGIONS_HEADER) {
    return violation("BadLength", `${name} of ${payload.length} bytes; it has ${REGIONS_HEADER} or more`)
  }
  const count = VhostMessage.u32(payload, 0)
  if (count < 1 || count > Memory.MAX_REGIONS) {
    return violation("BadRegion", `${name} of ${count} regions; there are 1 to ${Memory.MAX_REGIONS}`)
  }
  // Kernels send room for two, whether there are two or one.
  if (payload.length < REGIONS_HEADER + REGION_BYTES * count) {
    return violation("BadLength", `${name} of ${payload.length} bytes, with ${count} regions of ${REGION_BYTES} bytes`)
  }
  if (descriptors !== count) {
    return violation("BadDescriptors", `${name} of ${count} regions with ${descriptors} descriptors`)
  }
  const regions = Array.from({ length: count }, (_, index): Memory.Region => {
    const at = 1 + 4 * index
    return {
      guest: VhostMessage.u64At(payload, at),
      bytes: VhostMessage.u64At(payload, at + 1),
      user: VhostMessage.u64At(payload, at + 2),
      offset: VhostMessage.u64At(payload, at + 3),
    }
  })
  const bad = Memory.badRegions(regions)
  if (bad !== undefined) return bad
  return { state: { ...state, regions }, commands: [{ _tag: "TakeMemory" }, ...done(state, message)] }
}

const ofQueue = (state: BackEnd, message: VhostMessage.Message): Next | Violation => {
  const { request, payload } = message
  const [index, value] = [VhostMessage.u32(payload, 0), VhostMessage.u32(payload, 1)]
  const name = VhostMessage.nameOf(request)
  const queue = state.queues[index]
  if (queue === undefined) {
    return violation("BadQueue", `${name} of queue ${index}; there are ${state.queues.length}`)
  }
  const change = (to: Partial<Queue>, commands: ReadonlyArray<Command> = []): Next => ({
    state: { ...state, queues: state.queues.with(index, { ...queue, ...to }) },
    commands: [...commands, ...done(state, message)],
  })
  switch (request) {
    case Request.SetQueueEnabled:
      if (value > 1) return violation("BadQueue", `${name} of queue ${index} to ${value}; it is 0 or 1`)
      if (value === 0) return change({ enabled: false }, queue.enabled ? [{ _tag: "Disable", queue: index }] : [])
      return queue.enabled ? change({}) : enabled(state, index, queue, change)
    case Request.QueueKick:
      if (!queue.enabled) return violation("OutOfOrder", `${name} of queue ${index}, which isn't enabled`)
      return { state, commands: [{ _tag: "Kick", queue: index, answer: kickAnswer(state, message) }] }
  }
  if (queue.enabled) return violation("OutOfOrder", `${name} of queue ${index} while it is enabled`)
  switch (request) {
    case Request.SetQueueSize:
      if (value < 1 || value > Virtqueue.MAX_SIZE || (value & (value - 1)) !== 0) {
        return violation("BadQueue", `queue ${index} of ${value} entries: a power of 2, up to ${Virtqueue.MAX_SIZE}`)
      }
      return change({ size: value })
    case Request.SetQueueBase:
      if (value > 0xffff) return violation("BadQueue", `queue ${index} begins at ${value}; an index has 16 bits`)
      return change({ base: value })
    default: {
      const flags = VhostMessage.u32(payload, 1)
      if (flags !== 0) return violation("BadQueue", `${name} of queue ${index} with the flags ${flags}; there are none`)
      const [descriptors, used, available] = [1, 2, 3].map((at) => VhostMessage.u64At(payload, at))
      return change({ addresses: { descriptors: descriptors!, used: used!, available: available! } })
    }
  }
}

const kickAnswer = (state: BackEnd, message: VhostMessage.Message): VhostMessage.Message | undefined =>
  needsReply(state, message) ? VhostMessage.reply(message, VhostMessage.ofU64(0n)) : undefined

const enabled = (
  state: BackEnd,
  index: number,
  { size, base, addresses }: Queue,
  change: (to: Partial<Queue>, commands: ReadonlyArray<Command>) => Next,
): Next | Violation => {
  const lacks = state.features === undefined
    ? "the driver has accepted no features"
    : !state.hasChannel
    ? "there is no channel for calls"
    : size === undefined || addresses === undefined
    ? "it has no size or no rings"
    : undefined
  if (lacks !== undefined) return violation("OutOfOrder", `queue ${index} was enabled, but ${lacks}`)
  const layout = Virtqueue.layOut(state.regions, index, size!, addresses!)
  if (isViolation(layout)) return layout
  return change({ enabled: true }, [{ _tag: "Enable", layout, base }])
}

const config = (state: BackEnd, message: VhostMessage.Message): Next | Violation => {
  const { payload } = message
  const name = VhostMessage.nameOf(message.request)
  if (payload.length < CONFIG_HEADER) {
    return violation("BadLength", `${name} of ${payload.length} bytes; it has ${CONFIG_HEADER} or more`)
  }
  const [offset, bytes] = [VhostMessage.u32(payload, 0), VhostMessage.u32(payload, 1)]
  if (payload.length !== CONFIG_HEADER + bytes) {
    return violation("BadLength", `${name} of ${payload.length} bytes, for ${bytes} of the configuration`)
  }
  const { configBytes } = state.offer
  // Kernels ask for fields that are at the end of what the device may have.
  if (offset > 256 || bytes > 256) {
    return violation("BadRequest", `${name} of ${bytes} bytes from ${offset} on; there are ${configBytes}`)
  }
  return { state, commands: [{ _tag: "GetConfig", message, offset, bytes }] }
}

/** The answer to {@link Request.GetConfig}: that part of the configuration, and 0 where there is none. */
export const configAnswer = (
  message: VhostMessage.Message,
  offset: number,
  bytes: number,
  whole: Uint8Array,
): VhostMessage.Message => {
  const payload = new Uint8Array(CONFIG_HEADER + bytes)
  payload.set(message.payload.subarray(0, CONFIG_HEADER))
  payload.set(whole.subarray(offset, offset + bytes), CONFIG_HEADER)
  return VhostMessage.reply(message, payload)
}
