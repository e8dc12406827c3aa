/**
 * The Address Resolution Protocol for IPv4 over Ethernet (RFC 826).
 *
 * @module
 */
import { field, ipAt, macAt, putIp, putMac, viewOf } from "../internal/devices/Bytes.ts"
import { type Malformed, of } from "./Malformed.ts"

/**
 * Bytes of a message.
 *
 * @since 0.1.0
 * @category constants
 */
export const SIZE = 28

/**
 * Somebody asks who has an address, …
 *
 * @since 0.1.0
 * @category constants
 */
export const REQUEST = 1
/**
 * … or says so.
 *
 * @since 0.1.0
 * @category constants
 */
export const REPLY = 2

/**
 * The target's address in a request: not known yet.
 *
 * @since 0.1.0
 * @category constants
 */
export const UNKNOWN = "00:00:00:00:00:00"

/**
 * A host's two addresses.
 *
 * @since 0.2.0
 * @category models
 */
export interface Host {
  readonly mac: string
  readonly ip: string
}

/**
 * A message.
 *
 * @since 0.2.0
 * @category models
 */
export interface Arp {
  /** {@link REQUEST}, {@link REPLY}, or another whole number of 16 bits. */
  readonly operation: number
  readonly sender: Host
  readonly target: Host
}

const malformed = of("ARP")

const [ETHERNET, IPV4, MAC_SIZE, IP_SIZE] = [1, 0x0800, 6, 4]

const hostAt = (bytes: Uint8Array, at: number): Host => ({ mac: macAt(bytes, at), ip: ipAt(bytes, at + MAC_SIZE) })

/**
 * Reads a message, behind which may be padding: a value, or what is wrong with it. Messages about other networks than
 * Ethernet, or other protocols than IPv4, are malformed.
 *
 * @example
 * ```ts
 * import { Arp, Malformed } from "guest-clock/devices"
 *
 * const [sender, target] = [{ mac: "02:00:00:00:00:01", ip: "10.0.0.1" }, { mac: Arp.UNKNOWN, ip: "10.0.0.2" }]
 * const message = Arp.decode(Arp.encode({ operation: Arp.REQUEST, sender, target }))
 * if (!Malformed.isMalformed(message)) console.log(message.target.ip) // 10.0.0.2
 * ```
 *
 * @since 0.2.0
 * @category codecs
 */
export const decode = (bytes: Uint8Array): Arp | Malformed => {
  if (bytes.length < SIZE) return malformed(bytes.length, `a message has ${SIZE} bytes, and there are ${bytes.length}`)
  const view = viewOf(bytes)
  const [hardware, protocol] = [view.getUint16(0), view.getUint16(2)]
  if (hardware !== ETHERNET) return malformed(0, `it is about hardware of type ${hardware}, and not Ethernet`)
  if (protocol !== IPV4) return malformed(2, `it is about protocol ${protocol}, and not IPv4`)
  if (bytes[4] !== MAC_SIZE || bytes[5] !== IP_SIZE) {
    return malformed(4, `its addresses have ${bytes[4]} and ${bytes[5]} bytes, and not ${MAC_SIZE} and ${IP_SIZE}`)
  }
  return { operation: view.getUint16(6), sender: hostAt(bytes, 8), target: hostAt(bytes, 18) }
}

/**
 * The bytes of a message. A field that can't be is thrown as an `OptionError`.
 *
 * @example
 * ```ts
 * import { Arp } from "guest-clock/devices"
 *
 * const [sender, target] = [{ mac: "02:00:00:00:00:02", ip: "10.0.0.2" }, { mac: "02:00:00:00:00:01", ip: "10.0.0.1" }]
 * console.log(Arp.encode({ operation: Arp.REPLY, sender, target }).length) // 28
 * ```
 *
 * @since 0.2.0
 * @category codecs
 */
export const encode = ({ operation, sender, target }: Arp): Uint8Array => {
  const bytes = new Uint8Array(SIZE)
  const view = viewOf(bytes)
  view.setUint16(0, ETHERNET)
  view.setUint16(2, IPV4)
  bytes[4] = MAC_SIZE
  bytes[5] = IP_SIZE
  view.setUint16(6, field("operation", operation, 16))
  putMac(bytes, 8, "sender.mac", sender.mac)
  putIp(bytes, 14, "sender.ip", sender.ip)
  putMac(bytes, 18, "target.mac", target.mac)
  putIp(bytes, 24, "target.ip", target.ip)
  return bytes
}
