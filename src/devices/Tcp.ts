/**
 * The headers of TCP segments over IPv4 (RFC 9293): to see what two kernels tell each other. There is no TCP here.
 *
 * @module
 */
import { field, fold, payload as checkedPayload, pseudoHeader, sum, viewOf } from "../internal/devices/Bytes.ts"
import { OptionError } from "../core/Fault.ts"
import { protocols } from "./Ipv4.ts"
import { type Malformed, of } from "./Malformed.ts"
import type { Between } from "./Udp.ts"

/**
 * Bytes of a header without options.
 *
 * @since 0.1.0
 * @category constants
 */
export const HEADER = 20

/**
 * What the bits of {@link Tcp.flags} mean.
 *
 * @since 0.1.0
 * @category constants
 */
export const flags = { fin: 1, syn: 2, rst: 4, psh: 8, ack: 16, urg: 32, ece: 64, cwr: 128 } as const

/**
 * A segment.
 *
 * @since 0.2.0
 * @category models
 */
export interface Tcp {
  /** Ports are whole numbers of 16 bits. */
  readonly sourcePort: number
  readonly destinationPort: number
  /** Where in the stream the payload begins, of 32 bits. */
  readonly sequence: number
  /** What is expected next, of 32 bits. Default: 0. */
  readonly acknowledgment?: number
  /** A sum of {@link flags}. */
  readonly flags: number
  /** How much more may be sent, of 16 bits, before it is scaled. Default: 65535. */
  readonly window?: number
  /** Of 16 bits. Default: 0. */
  readonly urgentPointer?: number
  /** Options, 0 to 40 bytes, a multiple of 4. Default: none. */
  readonly options?: Uint8Array
  readonly payload: Uint8Array
}

const malformed = of("TCP")

/**
 * Reads a segment between these addresses: a value, or what is wrong with it, as a wrong checksum. Payload and options
 * are views.
 *
 * @example
 * ```ts
 * import { Malformed, Tcp } from "guest-clock/devices"
 *
 * const between = { source: "10.0.0.1", destination: "10.0.0.2" }
 * const segment = { sourcePort: 40000, destinationPort: 80, sequence: 7, flags: Tcp.flags.syn, payload: new Uint8Array(0) }
 * const read = Tcp.decode(Tcp.encode(segment, between), between)
 * if (!Malformed.isMalformed(read)) console.log(read.sequence) // 7
 * ```
 *
 * @since 0.2.0
 * @category codecs
 */
export const decode = (bytes: Uint8Array, { source, destination }: Between): Required<Tcp> | Malformed => {
  const found = bytes.length
  if (found < HEADER) return malformed(found, `a header has ${HEADER} bytes, and there are ${found}`)
  const view = viewOf(bytes)
  const header = (bytes[12]! >> 4) * 4
  if (header < HEADER) return malformed(12, `a header has ${HEADER} bytes or more, and this one ${header}`)
  if (header > found) return malformed(found, `the header has ${header} bytes, and there are ${found}`)
  if (fold(sum(bytes, pseudoHeader(source, destination, protocols.tcp, found))) !== 0) {
    return malformed(16, `the checksum isn't ${view.getUint16(16)}`)
  }
  return {
    sourcePort: view.getUint16(0),
    destinationPort: view.getUint16(2),
    sequence: view.getUint32(4),
    acknowledgment: view.getUint32(8),
    flags: bytes[13]!,
    window: view.getUint16(14),
    urgentPointer: view.getUint16(18),
    options: bytes.subarray(HEADER, header),
    payload: bytes.subarray(header),
  }
}

const NONE = new Uint8Array(0)

/**
 * The bytes of a segment between these addresses, with its checksum. A field that can't be is thrown as an
 * `OptionError`.
 *
 * @example
 * ```ts
 * import { Tcp } from "guest-clock/devices"
 *
 * const segment = { sourcePort: 80, destinationPort: 40000, sequence: 0, flags: Tcp.flags.rst, payload: new Uint8Array(0) }
 * console.log(Tcp.encode(segment, { source: "10.0.0.2", destination: "10.0.0.1" }).length) // 20
 * ```
 *
 * @since 0.2.0
 * @category codecs
 */
export const encode = (segment: Tcp, { source, destination }: Between): Uint8Array => {
  const { options = NONE } = segment
  const header = HEADER + checkedPayload("options", options, 40).length
  if (header % 4 !== 0) throw new OptionError("options", `${options.length} bytes`, "it has a multiple of 4 bytes")
  const payload = checkedPayload("payload", segment.payload, 0xffff - header)
  const bytes = new Uint8Array(header + payload.length)
  const view = viewOf(bytes)
  view.setUint16(0, field("sourcePort", segment.sourcePort, 16))
  view.setUint16(2, field("destinationPort", segment.destinationPort, 16))
  view.setUint32(4, field("sequence", segment.sequence, 32))
  view.setUint32(8, field("acknowledgment", segment.acknowledgment ?? 0, 32))
  bytes[12] = header / 4 << 4
  bytes[13] = field("flags", segment.flags, 8)
  view.setUint16(14, field("window", segment.window ?? 0xffff, 16))
  view.setUint16(18, field("urgentPointer", segment.urgentPointer ?? 0, 16))
  bytes.set(options, HEADER)
  bytes.set(payload, header)
  view.setUint16(16, fold(sum(bytes, pseudoHeader(source, destination, protocols.tcp, bytes.length))))
  return bytes
}
