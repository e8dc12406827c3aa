/**
 * UDP over IPv4 (RFC 768).
 *
 * @module
 */
import { field, fold, payload as checkedPayload, pseudoHeader, sum, viewOf } from "../internal/devices/Bytes.ts"
import { protocols } from "./Ipv4.ts"
import { type Malformed, of } from "./Malformed.ts"

/**
 * Bytes of a datagram before its payload.
 *
 * @since 0.1.0
 * @category constants
 */
export const HEADER = 8

/**
 * A datagram. Ports are whole numbers of 16 bits.
 *
 * @since 0.2.0
 * @category models
 */
export interface Udp {
  readonly sourcePort: number
  readonly destinationPort: number
  readonly payload: Uint8Array
}

/**
 * Between which addresses something goes: part of its checksum. An IPv4 packet is one of these, too.
 *
 * @since 0.2.0
 * @category models
 */
export interface Between {
  readonly source: string
  readonly destination: string
}

const malformed = of("UDP")

/**
 * Reads a datagram between these addresses: a value, or what is wrong with it, as a wrong checksum. One without a
 * checksum, which is 0, is taken as it is. Its payload is a view.
 *
 * @example
 * ```ts
 * import { Malformed, Udp } from "guest-clock/devices"
 *
 * const between = { source: "10.0.0.1", destination: "10.0.0.2" }
 * const bytes = Udp.encode({ sourcePort: 5000, destinationPort: 123, payload: new Uint8Array(48) }, between)
 * const datagram = Udp.decode(bytes, between)
 * if (!Malformed.isMalformed(datagram)) console.log(datagram.destinationPort) // 123
 * ```
 *
 * @since 0.2.0
 * @category codecs
 */
export const decode = (bytes: Uint8Array, { source, destination }: Between): Udp | Malformed => {
  const found = bytes.length
  if (found < HEADER) return malformed(found, `a header has ${HEADER} bytes, and there are ${found}`)
  const view = viewOf(bytes)
  const length = view.getUint16(4)
  if (length < HEADER) return malformed(4, `the whole has ${length} bytes, and its header ${HEADER}`)
  if (length > found) return malformed(found, `the whole has ${length} bytes, and there are ${found}`)
  const whole = bytes.subarray(0, length)
  const checksum = view.getUint16(6)
  if (checksum !== 0 && fold(sum(whole, pseudoHeader(source, destination, protocols.udp, length))) !== 0) {
    return malformed(6, `the checksum isn't ${checksum}`)
  }
  return { sourcePort: view.getUint16(0), destinationPort: view.getUint16(2), payload: whole.subarray(HEADER) }
}

/**
 * The bytes of a datagram between these addresses, with its checksum. A field that can't be is thrown as an
 * `OptionError`.
 *
 * @example
 * ```ts
 * import { Udp } from "guest-clock/devices"
 *
 * const datagram = { sourcePort: 68, destinationPort: 67, payload: Uint8Array.of(1) }
 * console.log(Udp.encode(datagram, { source: "0.0.0.0", destination: "255.255.255.255" }).length) // 9
 * ```
 *
 * @since 0.2.0
 * @category codecs
 */
export const encode = (
  { sourcePort, destinationPort, payload }: Udp,
  { source, destination }: Between,
): Uint8Array => {
  const bytes = new Uint8Array(HEADER + checkedPayload("payload", payload, 0xffff - HEADER).length)
  const view = viewOf(bytes)
  view.setUint16(0, field("sourcePort", sourcePort, 16))
  view.setUint16(2, field("destinationPort", destinationPort, 16))
  view.setUint16(4, bytes.length)
  bytes.set(payload, HEADER)
  const checksum = fold(sum(bytes, pseudoHeader(source, destination, protocols.udp, bytes.length)))
  // 0 says that there is none.
  view.setUint16(6, checksum === 0 ? 0xffff : checksum)
  return bytes
}
