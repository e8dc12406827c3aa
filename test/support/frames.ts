/**
 * Frames that a seed decides, with all that codecs know in them.
 *
 * @module
 */
import { Arp, Ethernet, Icmp, Ipv4, Ntp, Tcp, Udp } from "../../src/devices.ts"
import type { Random } from "./random.ts"

export const bytesOf = (from: Random, most: number): Uint8Array =>
  Uint8Array.from({ length: from.int(most + 1) }, () => from.int(256))

/** A host's address, and no group's. */
export const macOf = (from: Random): string =>
  ["02", ...Array.from({ length: 5 }, () => from.int(256).toString(16).padStart(2, "0"))].join(":")

export const ipOf = (from: Random): string => Array.from({ length: 4 }, () => from.int(256)).join(".")

const optionsOf = (from: Random): Uint8Array =>
  // "No operation", which both IPv4 and TCP have.
  new Uint8Array(4 * from.int(11)).fill(1)

export const arpOf = (from: Random): Arp.Arp => ({
  operation: from.pick([Arp.REQUEST, Arp.REPLY]),
  sender: { mac: macOf(from), ip: ipOf(from) },
  target: { mac: macOf(from), ip: ipOf(from) },
})

export const icmpOf = (from: Random): Required<Icmp.Icmp> => ({
  type: from.pick([Icmp.types.echoReply, Icmp.types.echoRequest]),
  code: 0,
  identifier: from.int(0x10000),
  sequence: from.int(0x10000),
  data: bytesOf(from, 100),
})

/** A port that no protocol has for its own. */
const portOf = (from: Random): number => 0xc000 + from.int(0x4000)

export const udpOf = (from: Random, payload = bytesOf(from, 100)): Udp.Udp => ({
  sourcePort: portOf(from),
  destinationPort: portOf(from),
  payload,
})

export const tcpOf = (from: Random): Required<Tcp.Tcp> => ({
  sourcePort: portOf(from),
  destinationPort: portOf(from),
  sequence: from.int(2 ** 32),
  acknowledgment: from.int(2 ** 32),
  flags: from.int(256),
  window: from.int(0x10000),
  urgentPointer: from.int(0x10000),
  options: optionsOf(from),
  payload: bytesOf(from, 100),
})

export const ntpOf = (from: Random): Ntp.Ntp => ({
  leap: from.int(4),
  version: 1 + from.int(7),
  mode: from.int(8),
  stratum: from.int(256),
  poll: from.int(256) - 128,
  precision: from.int(256) - 128,
  rootDelay: from.int(2 ** 32),
  rootDispersion: from.int(2 ** 32),
  reference: from.int(2 ** 32),
  referenceTime: from.bigint(1n << 64n),
  originTime: from.bigint(1n << 64n),
  receiveTime: from.bigint(1n << 64n),
  transmitTime: from.bigint(1n << 64n),
})

/** A packet without its payload. */
export const ipv4Of = (from: Random): Omit<Required<Ipv4.Ipv4>, "payload" | "protocol"> => ({
  source: ipOf(from),
  destination: ipOf(from),
  ttl: from.int(256),
  identification: from.int(0x10000),
  service: from.int(256),
  dontFragment: from.bool(),
  moreFragments: false,
  fragmentOffset: 0,
  options: optionsOf(from),
})

/** A whole frame that is as its protocols say. */
export const frameOf = (from: Random): Uint8Array => {
  const [destination, source] = [from.bool(0.2) ? Ethernet.BROADCAST : macOf(from), macOf(from)]
  if (from.bool(0.2)) {
    return Ethernet.encode({ destination, source, type: Ethernet.types.arp, payload: Arp.encode(arpOf(from)) })
  }
  const packet = ipv4Of(from)
  const [protocol, payload] = from.pick([
    () => [Ipv4.protocols.icmp, Icmp.encode(icmpOf(from))] as const,
    () => [Ipv4.protocols.udp, Udp.encode(udpOf(from), packet)] as const,
    () => {
      const request = { ...ntpOf(from), version: 4, mode: Ntp.modes.client }
      const datagram = { ...udpOf(from, Ntp.encode(request)), destinationPort: Ntp.PORT }
      return [Ipv4.protocols.udp, Udp.encode(datagram, packet)] as const
    },
    () => [Ipv4.protocols.tcp, Tcp.encode(tcpOf(from), packet)] as const,
  ])()
  return Ethernet.encode({
    destination,
    source,
    type: Ethernet.types.ipv4,
    payload: Ipv4.encode({ ...packet, protocol, payload }),
  })
}
