/**
 * The Internet Control Message Protocol (RFC 792): echoes, and messages of any other type.
 *
 * @module
 */
import { field, fold, payload as checkedPayload, sum, viewOf } from "../internal/devices/Bytes.ts"
import { type Malformed, of } from "./Malformed.ts"

/**
 * Bytes of a message before its data.
 *
 * @since 0.1.0
 * @category constants
 */
export const HEADER = 8

/**
 * The types of some messages.
 *
 * @since 0.1.0
 * @category constants
 */
export const types = { echoReply: 0, unreachable: 3, echoRequest: 8, timeExceeded: 11 } as const

/**
 * A message.
 *
 * @since 0.2.0
 * @category models
 */
export interface Icmp {
  /** A whole number of 8 bits: see {@link types}. */
  readonly type: number
  /** A whole number of 8 bits. Default: 0. */
  readonly code?: number
  /** Of an echo: whose it is. In general bytes 4 and 5, as a number of 16 bits. Default: 0. */
  readonly identifier?: number
  /** Of an echo: which one it is. In general bytes 6 and 7, as a number of 16 bits. Default: 0. */
  readonly sequence?: number
  /** What an echo sends back. In general all that follows. */
  readonly data: Uint8Array
}

const malformed = of("ICMP")

/**
 * Reads a message: a value, or what is wrong with it, as a wrong checksum. Its data are a view.
 *
 * @example
 * ```ts
 * import { Icmp, Malformed } from "guest-clock/devices"
 *
 * const bytes = Icmp.encode({ type: Icmp.types.echoRequest, sequence: 1, data: new Uint8Array(56) })
 * const ping = Icmp.decode(bytes)
 * if (!Malformed.isMalformed(ping)) console.log(ping.sequence, ping.data.length) // 1 56
 * ```
 *
 * @since 0.2.0
 * @category codecs
 */
export const decode = (bytes: Uint8Array): Required<Icmp> | Malformed => {
  if (bytes.length < HEADER) return malformed(bytes.length, `a header has 8 bytes, and there are ${bytes.length}`)
  const view = viewOf(bytes)
  if (fold(sum(bytes)) !== 0) return malformed(2, `the checksum isn't ${view.getUint16(2)}`)
  return {
    type: bytes[0]!,
    code: bytes[1]!,
    identifier: view.getUint16(4),
    sequence: view.getUint16(6),
    data: bytes.subarray(HEADER),
  }
}

/**
 * The bytes of a message, with its checksum. A field that can't be is thrown as an `OptionError`.
 *
 * @example
 * ```ts
 * import { Icmp } from "guest-clock/devices"
 *
 * console.log(Icmp.encode({ type: Icmp.types.echoReply, identifier: 1, sequence: 1, data: new Uint8Array(0) }))
 * // Uint8Array(8) [ …
 * ```
 *
 * @since 0.2.0
 * @category codecs
 */
export const encode = ({ type, code = 0, identifier = 0, sequence = 0, data }: Icmp): Uint8Array => {
  const bytes = new Uint8Array(HEADER + checkedPayload("data", data, 0xffff - HEADER).length)
  const view = viewOf(bytes)
  bytes[0] = field("type", type, 8)
  bytes[1] = field("code", code, 8)
  view.setUint16(4, field("identifier", identifier, 16))
  view.setUint16(6, field("sequence", sequence, 16))
  bytes.set(data, HEADER)
  view.setUint16(2, fold(sum(bytes)))
  return bytes
}
