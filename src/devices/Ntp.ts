/**
 * The Network Time Protocol, version 4: packets without extensions, and what a server answers (RFC 5905).
 *
 * @module
 */
import { field, viewOf } from "../internal/devices/Bytes.ts"
import { badWhole } from "../internal/services/Checks.ts"
import { type Malformed, of } from "./Malformed.ts"

/**
 * Bytes of a packet.
 *
 * @since 0.1.0
 * @category constants
 */
export const SIZE = 48

/**
 * The port of a server, over UDP.
 *
 * @since 0.1.0
 * @category constants
 */
export const PORT = 123

/**
 * The modes: what kind of host sends a packet.
 *
 * @since 0.1.0
 * @category constants
 */
export const modes = { client: 3, server: 4, broadcast: 5 } as const

/**
 * A packet. Its times are timestamps: numbers of 64 bits that {@link fromNanos} makes; 0 is none.
 *
 * @since 0.2.0
 * @category models
 */
export interface Ntp {
  /** 0: no warning; 3: the clock isn't synchronized. */
  readonly leap: number
  /** From 1 to 7. */
  readonly version: number
  /** See {@link modes}. */
  readonly mode: number
  /** How far from a reference clock: 1 is next to one; 0 and 16 are unspecified and not synchronized. */
  readonly stratum: number
  /** The longest interval between packets, as a power of 2 of seconds, from −128 to 127. */
  readonly poll: number
  /** How precise the clock is, the same way. */
  readonly precision: number
  /** To the reference clock and back, in units of 2^-16 s, of 32 bits. */
  readonly rootDelay: number
  /** How far the clock may be wrong, in the same units. */
  readonly rootDispersion: number
  /** Which clock it is: 32 bits, of a server next to a reference clock four letters. */
  readonly reference: number
  /** When the clock was set last. */
  readonly referenceTime: bigint
  /** When the request was sent, on its sender's clock. */
  readonly originTime: bigint
  /** When the request arrived. */
  readonly receiveTime: bigint
  /** When this packet was sent. */
  readonly transmitTime: bigint
}

const malformed = of("NTP")

/**
 * Reads a packet; extensions that follow are left out. A value, or what is wrong with it.
 *
 * @example
 * ```ts
 * import { Malformed, Ntp } from "guest-clock/devices"
 *
 * const packet = Ntp.decode(new Uint8Array(48).fill(0x23, 0, 1))
 * if (!Malformed.isMalformed(packet)) console.log(packet.version, packet.mode === Ntp.modes.client) // 4 true
 * ```
 *
 * @since 0.2.0
 * @category codecs
 */
export const decode = (bytes: Uint8Array): Ntp | Malformed => {
  if (bytes.length < SIZE) return malformed(bytes.length, `a packet has ${SIZE} bytes, and there are ${bytes.length}`)
  const view = viewOf(bytes)
  const version = bytes[0]! >> 3 & 7
  if (version === 0) return malformed(0, "its version is 0, and not 1 to 7")
  return {
    leap: bytes[0]! >> 6,
    version,
    mode: bytes[0]! & 7,
    stratum: bytes[1]!,
    poll: view.getInt8(2),
    precision: view.getInt8(3),
    rootDelay: view.getUint32(4),
    rootDispersion: view.getUint32(8),
    reference: view.getUint32(12),
    referenceTime: view.getBigUint64(16),
    originTime: view.getBigUint64(24),
    receiveTime: view.getBigUint64(32),
    transmitTime: view.getBigUint64(40),
  }
}

const signed = (option: string, given: number): number => {
  const bad = badWhole(option, given, -128, 127)
  if (bad !== undefined) throw bad
  return given
}

/**
 * The bytes of a packet. A field that can't be is thrown as an `OptionError`.
 *
 * @example
 * ```ts
 * import { Malformed, Ntp } from "guest-clock/devices"
 *
 * const request = Ntp.decode(new Uint8Array(48).fill(0x23, 0, 1))
 * if (!Malformed.isMalformed(request)) console.log(Ntp.encode(Ntp.reply(request, 0n)).length) // 48
 * ```
 *
 * @since 0.2.0
 * @category codecs
 */
export const encode = (packet: Ntp): Uint8Array => {
  const bytes = new Uint8Array(SIZE)
  const view = viewOf(bytes)
  bytes[0] = field("leap", packet.leap, 2) << 6 | field("version", packet.version, 3) << 3 |
    field("mode", packet.mode, 3)
  bytes[1] = field("stratum", packet.stratum, 8)
  view.setInt8(2, signed("poll", packet.poll))
  view.setInt8(3, signed("precision", packet.precision))
  view.setUint32(4, field("rootDelay", packet.rootDelay, 32))
  view.setUint32(8, field("rootDispersion", packet.rootDispersion, 32))
  view.setUint32(12, field("reference", packet.reference, 32))
  view.setBigUint64(16, packet.referenceTime)
  view.setBigUint64(24, packet.originTime)
  view.setBigUint64(32, packet.receiveTime)
  view.setBigUint64(40, packet.transmitTime)
  return bytes
}

/** Seconds from 1900, where timestamps begin, to 1970. */
const FROM_1900 = 2_208_988_800n
const SECOND = 1_000_000_000n

/**
 * A time of day, in ns since 1970, as a timestamp: seconds since 1900, with 32 bits after the point. Those begin anew in
 * 2036. No two ns have the same one.
 *
 * @example
 * ```ts
 * import { Ntp } from "guest-clock/devices"
 *
 * console.log(Ntp.fromNanos(500_000_000n).toString(16)) // 83aa7e8080000000
 * ```
 *
 * @since 0.2.0
 * @category times
 */
export const fromNanos = (nanos: bigint): bigint =>
  BigInt.asUintN(64, (((nanos + FROM_1900 * SECOND) << 32n) + SECOND / 2n) / SECOND)

/**
 * The time of day of a timestamp, in ns since 1970: from 1968 to 2104, as RFC 4330 has it.
 *
 * @example
 * ```ts
 * import { Ntp } from "guest-clock/devices"
 *
 * console.log(Ntp.toNanos(Ntp.fromNanos(1_700_000_000_123_456_789n))) // 1700000000123456789n
 * ```
 *
 * @since 0.2.0
 * @category times
 */
export const toNanos = (timestamp: bigint): bigint => {
  const whole = timestamp >> 63n === 0n ? timestamp + (1n << 64n) : timestamp
  return ((whole * SECOND + (1n << 31n)) >> 32n) - FROM_1900 * SECOND
}

/**
 * What a server next to a reference clock answers to a request that has arrived at `now`, in ns since 1970, if it is sent
 * back at once.
 *
 * @example
 * ```ts
 * import { Malformed, Ntp } from "guest-clock/devices"
 *
 * const request = Ntp.decode(new Uint8Array(48).fill(0x1b, 0, 1))
 * if (!Malformed.isMalformed(request)) {
 *   const { version, stratum, transmitTime } = Ntp.reply(request, 86_400_000_000_000n)
 *   console.log(version, stratum, Ntp.toNanos(transmitTime)) // 3 1 86400000000000n
 * }
 * ```
 *
 * @since 0.2.0
 * @category servers
 */
export const reply = (request: Ntp, now: bigint): Ntp => ({
  leap: 0,
  version: request.version,
  mode: modes.server,
  stratum: 1,
  poll: request.poll,
  // 2^-30 s is the power of 2 next to 1 ns.
  precision: -30,
  rootDelay: 0,
  rootDispersion: 0,
  // "LOCL"
  reference: 0x4c4f434c,
  referenceTime: fromNanos(now),
  originTime: request.transmitTime,
  receiveTime: fromNanos(now),
  transmitTime: fromNanos(now),
})
