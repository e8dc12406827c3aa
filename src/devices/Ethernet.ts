/**
 * Ethernet frames (IEEE 802.3), as a network device has them: from the destination's address on, without preamble and
 * check sequence.
 *
 * @module
 */
import { field, macAt, payload as checkedPayload, putMac, viewOf } from "../internal/devices/Bytes.ts"
import { type Malformed, of } from "./Malformed.ts"

export { badMac, isMac } from "../internal/devices/Bytes.ts"

/**
 * Bytes of a frame before its payload.
 *
 * @since 0.1.0
 * @category constants
 */
export const HEADER = 14

/**
 * The address of all.
 *
 * @since 0.1.0
 * @category constants
 */
export const BROADCAST = "ff:ff:ff:ff:ff:ff"

/**
 * What a frame may carry: the numbers of some protocols.
 *
 * @since 0.1.0
 * @category constants
 */
export const types = { ipv4: 0x0800, arp: 0x0806, vlan: 0x8100, ipv6: 0x86dd } as const

/** From this on, the field after the addresses is a type; up to {@link MOST_LENGTH}, it is the payload's length. */
const LEAST_TYPE = 0x600
const MOST_LENGTH = 1500

/**
 * A frame. Addresses are texts in lower case, as `02:00:00:00:00:01`.
 *
 * @since 0.2.0
 * @category models
 */
export interface Ethernet {
  readonly destination: string
  readonly source: string
  /** The protocol of the payload, from 0x600 to 0xffff; or the payload's length, from 0 to 1500 (802.3). */
  readonly type: number
  /** A view of the frame's bytes. Where `type` is a length, it is that long; else padding is part of it. */
  readonly payload: Uint8Array
}

const malformed = of("Ethernet")

/**
 * Reads a frame: a value, or what is wrong with it. Any number of bytes may follow the header.
 *
 * @example
 * ```ts
 * import { Ethernet, Malformed } from "guest-clock/devices"
 *
 * const bytes = Ethernet.encode({
 *   destination: Ethernet.BROADCAST,
 *   source: "02:00:00:00:00:01",
 *   type: Ethernet.types.arp,
 *   payload: new Uint8Array(28),
 * })
 * const frame = Ethernet.decode(bytes)
 * if (!Malformed.isMalformed(frame)) console.log(frame.source, frame.payload.length) // 02:00:00:00:00:01 28
 * ```
 *
 * @since 0.2.0
 * @category codecs
 */
export const decode = (bytes: Uint8Array): Ethernet | Malformed => {
  if (bytes.length < HEADER) return malformed(bytes.length, `a header has 14 bytes, and there are ${bytes.length}`)
  const type = viewOf(bytes).getUint16(12)
  if (type < LEAST_TYPE && type > MOST_LENGTH) return malformed(12, `${type} is neither a type nor a length`)
  const end = type < LEAST_TYPE ? HEADER + type : bytes.length
  if (end > bytes.length) {
    return malformed(bytes.length, `the payload has ${type} bytes, and there are ${bytes.length - HEADER}`)
  }
  return {
    destination: macAt(bytes, 0),
    source: macAt(bytes, 6),
    type,
    payload: bytes.subarray(HEADER, end),
  }
}

/**
 * The bytes of a frame, without padding. A field that can't be is thrown as an `OptionError`.
 *
 * @example
 * ```ts
 * import { Ethernet } from "guest-clock/devices"
 *
 * const [destination, source] = ["02:00:00:00:00:02", "02:00:00:00:00:01"]
 * const bytes = Ethernet.encode({ destination, source, type: 0x88b5, payload: Uint8Array.of(1, 2) })
 * console.log(bytes.length) // 16
 * ```
 *
 * @since 0.2.0
 * @category codecs
 */
export const encode = ({ destination, source, type, payload }: Ethernet): Uint8Array => {
  checkedPayload("payload", payload, 0xffff)
  const bytes = new Uint8Array(HEADER + payload.length)
  putMac(bytes, 0, "destination", destination)
  putMac(bytes, 6, "source", source)
  viewOf(bytes).setUint16(12, field("type", type, 16))
  bytes.set(payload, HEADER)
  return bytes
}

/**
 * Whether an address is that of a group: many get what is sent there, or all.
 *
 * @example
 * ```ts
 * import { Ethernet } from "guest-clock/devices"
 *
 * console.log(Ethernet.isGroup(Ethernet.BROADCAST), Ethernet.isGroup("02:00:00:00:00:01")) // true false
 * ```
 *
 * @since 0.2.0
 * @category addresses
 */
export const isGroup = (mac: string): boolean => (Number.parseInt(mac.slice(0, 2), 16) & 1) === 1
