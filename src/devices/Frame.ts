/**
 * Decodes an Ethernet frame, down to the protocols that this library has codecs for, and names it for traces.
 *
 * @module
 */
import * as Arp from "./Arp.ts"
import * as Ethernet from "./Ethernet.ts"
import * as Icmp from "./Icmp.ts"
import * as Ipv4 from "./Ipv4.ts"
import { isMalformed, type Malformed } from "./Malformed.ts"
import * as Ntp from "./Ntp.ts"
import * as Tcp from "./Tcp.ts"
import * as Udp from "./Udp.ts"

/**
 * What is in a frame: each protocol that was found and understood. What is within a fragment of an IPv4 packet isn't
 * looked at.
 *
 * @since 0.2.0
 * @category models
 */
export interface Frame {
  readonly ethernet: Ethernet.Ethernet
  readonly arp?: Arp.Arp
  readonly ipv4?: Required<Ipv4.Ipv4>
  readonly icmp?: Required<Icmp.Icmp>
  readonly udp?: Udp.Udp
  readonly tcp?: Required<Tcp.Tcp>
  /** The payload of a datagram to or from {@link Ntp.PORT}. */
  readonly ntp?: Ntp.Ntp
  /** The error of the innermost protocol, where it is malformed. */
  readonly malformed?: Malformed
}

/** A protocol's part, or what is wrong with it. */
const part = <Name extends string, A>(name: Name, read: A | Malformed): { readonly [K in Name]?: A } & {
  readonly malformed?: Malformed
} => (isMalformed(read) ? { malformed: read } : { [name]: read }) as { readonly [K in Name]?: A }

const inDatagram = (udp: Udp.Udp | Malformed): Partial<Frame> =>
  !isMalformed(udp) && (udp.destinationPort === Ntp.PORT || udp.sourcePort === Ntp.PORT)
    ? { udp, ...part("ntp", Ntp.decode(udp.payload)) }
    : part("udp", udp)

const inPacket = (ipv4: Required<Ipv4.Ipv4>): Partial<Frame> => {
  if (ipv4.moreFragments || ipv4.fragmentOffset > 0) return {}
  switch (ipv4.protocol) {
    case Ipv4.protocols.icmp:
      return part("icmp", Icmp.decode(ipv4.payload))
    case Ipv4.protocols.tcp:
      return part("tcp", Tcp.decode(ipv4.payload, ipv4))
    case Ipv4.protocols.udp:
      return inDatagram(Udp.decode(ipv4.payload, ipv4))
    default:
      return {}
  }
}

/**
 * Reads a frame and what is in it. Only where the frame itself is malformed, that is all there is.
 *
 * @example
 * ```ts
 * import { Ethernet, Frame, Icmp, Ipv4, Malformed } from "guest-clock/devices"
 *
 * const icmp = Icmp.encode({ type: Icmp.types.echoRequest, sequence: 3, data: new Uint8Array(8) })
 * const packet = { source: "10.0.0.1", destination: "10.0.0.2", protocol: Ipv4.protocols.icmp, payload: icmp }
 * const [destination, source] = ["02:00:00:00:00:02", "02:00:00:00:00:01"]
 * const payload = Ipv4.encode(packet)
 * const frame = Frame.decode(Ethernet.encode({ destination, source, type: Ethernet.types.ipv4, payload }))
 * if (!Malformed.isMalformed(frame)) console.log(frame.ipv4?.source, frame.icmp?.sequence) // 10.0.0.1 3
 * ```
 *
 * @since 0.2.0
 * @category codecs
 */
export const decode = (bytes: Uint8Array): Frame | Malformed => {
  const ethernet = Ethernet.decode(bytes)
  if (isMalformed(ethernet)) return ethernet
  if (ethernet.type === Ethernet.types.arp) return { ethernet, ...part("arp", Arp.decode(ethernet.payload)) }
  if (ethernet.type !== Ethernet.types.ipv4) return { ethernet }
  const ipv4 = Ipv4.decode(ethernet.payload)
  return isMalformed(ipv4) ? { ethernet, malformed: ipv4 } : { ethernet, ipv4, ...inPacket(ipv4) }
}

const hex = (number: number): string => `0x${number.toString(16).padStart(4, "0")}`

const arpName = ({ operation, sender, target }: Arp.Arp): string => {
  if (operation === Arp.REPLY) return `ARP ${sender.ip} is at ${sender.mac}`
  if (operation !== Arp.REQUEST) return `ARP operation ${operation}`
  return sender.ip === target.ip ? `ARP ${sender.ip} is mine` : `ARP who has ${target.ip}? tell ${sender.ip}`
}

const icmpName = ({ type, code, identifier, sequence }: Required<Icmp.Icmp>): string => {
  if (type === Icmp.types.echoRequest) return `ping ${identifier}#${sequence}`
  if (type === Icmp.types.echoReply) return `pong ${identifier}#${sequence}`
  return `ICMP ${type}.${code}`
}

const FLAGS = Object.entries(Tcp.flags)

const tcpName = ({ flags, sequence, acknowledgment, payload }: Required<Tcp.Tcp>): string => {
  const set = FLAGS.flatMap(([name, bit]) => (flags & bit) === 0 ? [] : [name.toUpperCase()]).join(" ")
  const ack = (flags & Tcp.flags.ack) === 0 ? "" : ` ack ${acknowledgment}`
  return `TCP ${set} seq ${sequence}${ack}, ${payload.length} bytes`
}

const ports = ({ sourcePort, destinationPort }: Udp.Udp | Tcp.Tcp, { source, destination }: Udp.Between): string =>
  `${source}:${sourcePort} → ${destination}:${destinationPort}`

/**
 * A frame's name: what it is and between whom, in a few words.
 *
 * @example
 * ```ts
 * import { Arp, Ethernet, Frame } from "guest-clock/devices"
 *
 * const [sender, target] = [{ mac: "02:00:00:00:00:01", ip: "10.0.0.1" }, { mac: Arp.UNKNOWN, ip: "10.0.0.2" }]
 * const payload = Arp.encode({ operation: Arp.REQUEST, sender, target })
 * const ask = { destination: Ethernet.BROADCAST, source: sender.mac, type: Ethernet.types.arp, payload }
 * console.log(Frame.name(Ethernet.encode(ask))) // ARP who has 10.0.0.2? tell 10.0.0.1
 * ```
 *
 * @since 0.2.0
 * @category names
 */
export const name = (bytes: Uint8Array): string => {
  const frame = decode(bytes)
  if (isMalformed(frame)) return `malformed: ${frame.message}`
  const { ethernet, arp, ipv4, icmp, udp, tcp, ntp, malformed } = frame
  const wrong = malformed === undefined ? "" : `, malformed: ${malformed.message}`
  if (arp !== undefined) return arpName(arp)
  if (ipv4 === undefined) {
    const what = ethernet.type === Ethernet.types.ipv6 ? "IPv6" : `type ${hex(ethernet.type)}`
    return `${what} ${ethernet.source} → ${ethernet.destination}, ${bytes.length} bytes${wrong}`
  }
  const between = `${ipv4.source} → ${ipv4.destination}`
  if (icmp !== undefined) return `${icmpName(icmp)} ${between}`
  if (tcp !== undefined) return `${tcpName(tcp)} ${ports(tcp, ipv4)}`
  if (ntp !== undefined) return `NTP ${ntp.mode === Ntp.modes.server ? "answer" : "question"} ${between}`
  if (udp !== undefined) return `UDP ${udp.payload.length} bytes ${ports(udp, ipv4)}${wrong}`
  return `IPv4 protocol ${ipv4.protocol} ${between}, ${bytes.length} bytes${wrong}`
}
