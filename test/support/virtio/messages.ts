/**
 * The messages that a User-Mode Linux kernel sends to a vhost-user back-end, in its order.
 *
 * @module
 */
import type { Region } from "../../../src/internal/virtio/Memory.ts"
import * as VhostMessage from "../../../src/internal/virtio/VhostMessage.ts"
import type { Random } from "../random.ts"

const { Request } = VhostMessage

/** A message, and how many descriptors go with it. */
export interface Sent {
  readonly message: VhostMessage.Message
  readonly descriptors: number
}

/** The flags of messages that want an answer. */
const FLAGS = 9

export const sent = (
  request: number,
  payload: Uint8Array = new Uint8Array(0),
  descriptors = 0,
  flags = FLAGS,
): Sent => ({
  message: { request, flags, payload },
  descriptors,
})

export const setProtocolFeatures = (features = (1n << 3n) | (1n << 5n) | (1n << 9n) | (1n << 14n)): Sent =>
  sent(Request.SetProtocolFeatures, VhostMessage.ofU64(features))

/** While the kernel boots. */
export const boot = (): ReadonlyArray<Sent> => [
  sent(Request.SetOwner, undefined, 0, 1),
  sent(Request.GetFeatures, undefined, 0, 1),
  sent(Request.GetProtocolFeatures, undefined, 0, 1),
  setProtocolFeatures(),
  sent(Request.SetBackEndChannel, undefined, 1),
]

/** 64 KiB of memory, at an address that is the same to all, as a kernel's is. */
export const region = (nth: number): Region => {
  const at = 0x6000_0000n + 0x10_0000n * BigInt(nth)
  return { guest: at, user: at, bytes: 0x1_0000n, offset: 0x1000n }
}

export const memory = (regions: ReadonlyArray<Region>, descriptors: number): Sent => {
  const payload = new Uint8Array(8 + 32 * Math.max(2, regions.length))
  payload.set(VhostMessage.ofU32(regions.length, 0))
  regions.forEach(({ guest, bytes, user, offset }, index) => {
    for (const [at, value] of [guest, bytes, user, offset].entries()) {
      payload.set(VhostMessage.ofU64(value), 8 + 32 * index + 8 * at)
    }
  })
  return sent(Request.SetMemoryTable, payload, descriptors)
}

export const setFeatures = (features = 1n << 32n): Sent => sent(Request.SetFeatures, VhostMessage.ofU64(features))

export const getConfig = (offset: number, bytes: number): Sent =>
  sent(Request.GetConfig, Uint8Array.from([...VhostMessage.ofU32(offset, bytes, 0), ...new Uint8Array(bytes)]), 0, 1)

export const queue = (request: number, index: number, value: number): Sent =>
  sent(request, VhostMessage.ofU32(index, value))

/** Where a queue's rings are, in bytes from its memory's start: one behind the other. */
export const ringsAt = (index: number, size = 256) => {
  const descriptors = index * 0x4000
  const available = descriptors + 16 * size
  return { descriptors, available, used: available + 6 + 2 * size + 3 & ~3 }
}

export const addresses = (index: number, size = 256, flags = 0): Sent => {
  const { descriptors, available, used } = ringsAt(index, size)
  const payload = new Uint8Array(40)
  payload.set(VhostMessage.ofU32(index, flags))
  for (const [at, value] of [descriptors, used, available].entries()) {
    payload.set(VhostMessage.ofU64(region(0).user + BigInt(value)), 8 + 8 * at)
  }
  payload.set(VhostMessage.ofU64((1n << 64n) - 1n), 32)
  return sent(Request.SetQueueAddresses, payload)
}

export const enable = (index: number, value = 1): Sent => queue(Request.SetQueueEnabled, index, value)

/** When a driver finds its device, which has so many queues. */
export const probe = (queues: number, features?: bigint, configBytes = 6): ReadonlyArray<Sent> => {
  const all = Array.from({ length: queues }, (_, index) => index)
  return [
    setFeatures(features),
    ...configBytes > 0 ? [getConfig(0, configBytes)] : [],
    memory([region(0)], 1),
    ...all.flatMap((index) => [
      queue(Request.SetQueueSize, index, 256),
      queue(Request.SetQueueBase, index, 0),
      addresses(index),
    ]),
    ...all.map((index) => enable(index)),
  ]
}

/** When a driver lets go of it. */
export const letGo = (queues: number): ReadonlyArray<Sent> => [
  ...Array.from({ length: queues }, (_, index) => enable(queues - 1 - index, 0)),
  sent(Request.GetFeatures, undefined, 0, 1),
]

export const kick = (index: number): Sent => queue(Request.QueueKick, index, 0)

/** Another message than `sent`, by one thing. */
export const spoilt = (rng: Random, { message, descriptors }: Sent): Sent => {
  const { request, flags, payload } = message
  switch (rng.int(5)) {
    case 0:
      return { message: { ...message, request: rng.bool() ? rng.int(50) : rng.int(2 ** 32) }, descriptors }
    case 1:
      return { message: { ...message, flags: flags ^ (1 << (2 + rng.int(6))) }, descriptors }
    case 2:
      return { message, descriptors: rng.int(4) }
    case 3: {
      const other = new Uint8Array(rng.bool() ? rng.int(100) : Math.max(0, payload.length + rng.int(3) - 1))
      other.set(payload.subarray(0, other.length))
      return { message: { request, flags, payload: other }, descriptors }
    }
    default: {
      const other = payload.slice()
      if (other.length > 0) other[rng.int(other.length)] = rng.int(256)
      return { message: { request, flags, payload: other }, descriptors }
    }
  }
}
