/**
 * IPv4 packets (RFC 791).
 *
 * @module
 */
import { field, fold, ipAt, payload as checkedPayload, putIp, sum, viewOf } from "../internal/devices/Bytes.ts"
import { OptionError } from "../core/Fault.ts"
import { badWhole } from "../internal/services/Checks.ts"
import { type Malformed, of } from "./Malformed.ts"

export { badIp, isIp } from "../internal/devices/Bytes.ts"

/**
 * Bytes of a header without options.
 *
 * @since 0.1.0
 * @category constants
 */
export const HEADER = 20

/**
 * What a packet may carry: the numbers of some protocols.
 *
 * @since 0.1.0
 * @category constants
 */
export const protocols = { icmp: 1, tcp: 6, udp: 17 } as const

/**
 * The address of all on the same network.
 *
 * @since 0.1.0
 * @category constants
 */
export const BROADCAST = "255.255.255.255"

/**
 * A packet. Addresses are texts, as `10.0.0.1`.
 *
 * @since 0.2.0
 * @category models
 */
export interface Ipv4 {
  readonly source: string
  readonly destination: string
  /** A whole number of 8 bits: see {@link protocols}. */
  readonly protocol: number
  readonly payload: Uint8Array
  /** How many more routers may pass it on, from 0 to 255. Default: 64. */
  readonly ttl?: number
  /** What its fragments have in common, of 16 bits. Default: 0. */
  readonly identification?: number
  /** DSCP and ECN, of 8 bits. Default: 0. */
  readonly service?: number
  /** Nobody may make fragments of it. Default: false. */
  readonly dontFragment?: boolean
  /** Fragments follow. Default: false. */
  readonly moreFragments?: boolean
  /** Where in the whole packet's payload this fragment begins, in bytes: a multiple of 8. Default: 0. */
  readonly fragmentOffset?: number
  /** Options, 0 to 40 bytes, a multiple of 4. Default: none. */
  readonly options?: Uint8Array
}

const malformed = of("IPv4")

const [DONT_FRAGMENT, MORE_FRAGMENTS] = [0x4000, 0x2000]

/** Bytes of the largest packet. */
const MOST = 0xffff

/**
 * Reads a packet, behind which may be padding: a value, or what is wrong with it, as a wrong checksum. Its payload and
 * options are views.
 *
 * @example
 * ```ts
 * import { Ipv4, Malformed } from "guest-clock/devices"
 *
 * const [source, destination] = ["10.0.0.1", "10.0.0.2"]
 * const bytes = Ipv4.encode({ source, destination, protocol: Ipv4.protocols.udp, payload: Uint8Array.of(7) })
 * const packet = Ipv4.decode(bytes)
 * if (!Malformed.isMalformed(packet)) console.log(packet.ttl, packet.payload) // 64 Uint8Array(1) [ 7 ]
 * ```
 *
 * @since 0.2.0
 * @category codecs
 */
export const decode = (bytes: Uint8Array): Required<Ipv4> | Malformed => {
  const found = bytes.length
  if (found < HEADER) return malformed(found, `a header has ${HEADER} bytes, and there are ${found}`)
  const view = viewOf(bytes)
  const version = bytes[0]! >> 4
  if (version !== 4) return malformed(0, `its version is ${version}, and not 4`)
  const header = (bytes[0]! & 15) * 4
  if (header < HEADER) return malformed(0, `a header has ${HEADER} bytes or more, and this one ${header}`)
  const length = view.getUint16(2)
  if (length < header) return malformed(2, `the whole has ${length} bytes, and its header ${header}`)
  if (length > found) return malformed(found, `the whole has ${length} bytes, and there are ${found}`)
  if (fold(sum(bytes.subarray(0, header))) !== 0) {
    return malformed(10, `the checksum of the header isn't ${view.getUint16(10)}`)
  }
  const flags = view.getUint16(6)
  const fragmentOffset = (flags & 0x1fff) * 8
  if (fragmentOffset + length > MOST) return malformed(6, "the fragment ends behind the largest packet")
  return {
    source: ipAt(bytes, 12),
    destination: ipAt(bytes, 16),
    protocol: bytes[9]!,
    payload: bytes.subarray(header, length),
    ttl: bytes[8]!,
    identification: view.getUint16(4),
    service: bytes[1]!,
    dontFragment: (flags & DONT_FRAGMENT) !== 0,
    moreFragments: (flags & MORE_FRAGMENTS) !== 0,
    fragmentOffset,
    options: bytes.subarray(HEADER, header),
  }
}

const NONE = new Uint8Array(0)

/**
 * The bytes of a packet, with its checksum. A field that can't be is thrown as an `OptionError`.
 *
 * @example
 * ```ts
 * import { Ipv4 } from "guest-clock/devices"
 *
 * const [source, destination] = ["10.0.0.1", "10.0.0.2"]
 * console.log(Ipv4.encode({ source, destination, protocol: 253, payload: new Uint8Array(3) }).length) // 23
 * ```
 *
 * @since 0.2.0
 * @category codecs
 */
export const encode = (packet: Ipv4): Uint8Array => {
  const { options = NONE, fragmentOffset = 0 } = packet
  const header = HEADER + checkedPayload("options", options, 40).length
  if (header % 4 !== 0) throw new OptionError("options", `${options.length} bytes`, "it has a multiple of 4 bytes")
  if (fragmentOffset % 8 !== 0) throw new OptionError("fragmentOffset", fragmentOffset, "it is a multiple of 8 bytes")
  const payload = checkedPayload("payload", packet.payload, MOST - header - fragmentOffset)
  const bytes = new Uint8Array(header + payload.length)
  const view = viewOf(bytes)
  bytes[0] = 0x40 | header / 4
  bytes[1] = field("service", packet.service ?? 0, 8)
  view.setUint16(2, bytes.length)
  view.setUint16(4, field("identification", packet.identification ?? 0, 16))
  const flags = (packet.dontFragment === true ? DONT_FRAGMENT : 0) |
    (packet.moreFragments === true ? MORE_FRAGMENTS : 0)
  view.setUint16(6, flags | field("fragmentOffset", fragmentOffset / 8, 13))
  bytes[8] = field("ttl", packet.ttl ?? 64, 8)
  bytes[9] = field("protocol", packet.protocol, 8)
  putIp(bytes, 12, "source", packet.source)
  putIp(bytes, 16, "destination", packet.destination)
  bytes.set(options, HEADER)
  view.setUint16(10, fold(sum(bytes.subarray(0, header))))
  bytes.set(payload, header)
  return bytes
}

/**
 * Whether an address is in the network of another one, whose first `bits` bits, 0 to 32, are the network's. What can't
 * be is thrown as an `OptionError`.
 *
 * @example
 * ```ts
 * import { Ipv4 } from "guest-clock/devices"
 *
 * console.log(Ipv4.isIn("10.0.0.7", "10.0.0.1", 24), Ipv4.isIn("10.0.1.7", "10.0.0.1", 24)) // true false
 * ```
 *
 * @since 0.2.0
 * @category addresses
 */
export const isIn = (ip: string, network: string, bits: number): boolean => {
  const mask = maskOf(bits)
  return (numberOf(ip) & mask) === (numberOf(network) & mask)
}

/**
 * The address of all in the network of an address, whose first `bits` bits, 0 to 32, are the network's. What can't be is
 * thrown as an `OptionError`.
 *
 * @example
 * ```ts
 * import { Ipv4 } from "guest-clock/devices"
 *
 * console.log(Ipv4.broadcastOf("10.0.5.7", 16)) // 10.0.255.255
 * ```
 *
 * @since 0.2.0
 * @category addresses
 */
export const broadcastOf = (ip: string, bits: number): string => {
  const bytes = new Uint8Array(4)
  viewOf(bytes).setInt32(0, numberOf(ip) | ~maskOf(bits))
  return ipAt(bytes, 0)
}

const maskOf = (bits: number): number => {
  const bad = badWhole("bits", bits, 0, 32)
  if (bad !== undefined) throw bad
  return bits === 0 ? 0 : 0xffff_ffff << 32 - bits
}

const numberOf = (ip: string): number => {
  const bytes = new Uint8Array(4)
  putIp(bytes, 0, "an address", ip)
  return viewOf(bytes).getInt32(0)
}
