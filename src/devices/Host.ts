/**
 * A host's part of ARP, IPv4, ICMP and UDP, and segments of TCP, without I/O: what it answers by itself, what is for its program, and the
 * frames of what the program sends.
 *
 * There are no fragments, no routing but a gateway, and no repetition: a program that asks for an address and hears nothing asks
 * again with the next packet for it.
 *
 * @module
 */
import type * as Effect from "effect/Effect"
import { OptionError } from "../core/Fault.ts"
import { badIp, badMac } from "../internal/devices/Bytes.ts"
import { badFlag, badWhole } from "../internal/services/Checks.ts"
import { orFail } from "../internal/services/Unsafe.ts"
import * as Arp from "./Arp.ts"
import * as Ethernet from "./Ethernet.ts"
import * as Frame from "./Frame.ts"
import * as Icmp from "./Icmp.ts"
import * as Ipv4 from "./Ipv4.ts"
import { isMalformed, type Malformed } from "./Malformed.ts"
import * as Tcp from "./Tcp.ts"
import * as Udp from "./Udp.ts"

/**
 * The options of a host: its addresses.
 *
 * @since 0.2.0
 * @category models
 */
export interface Options {
  /** Its MAC address, which is no group's. */
  readonly mac: string
  /** Its IPv4 address. */
  readonly ip: string
  /** How many bits of the address are the network's, 0 to 32. Default: 24. */
  readonly bits?: number
  /** The gateway to other networks. Default: none. */
  readonly gateway?: string
  /** Whether it answers echo requests. Default: true. */
  readonly answersEchoes?: boolean
}

/**
 * A packet for the host's program.
 *
 * @since 0.2.0
 * @category models
 */
export type Delivered =
  /** An echo reply. */
  | {
    readonly _tag: "Echoed"
    readonly from: string
    readonly identifier: number
    readonly sequence: number
    readonly data: Uint8Array
  }
  /** A datagram for this host, or for all. */
  | { readonly _tag: "Datagram"; readonly from: string; readonly to: string; readonly udp: Udp.Udp }
  /** A segment of TCP for this host: it is up to the program what comes of it. */
  | { readonly _tag: "Segment"; readonly from: string; readonly tcp: Required<Tcp.Tcp> }

/**
 * The result of a frame that has arrived.
 *
 * @since 0.2.0
 * @category models
 */
export interface Received {
  /** Frames to be sent at once, in order: answers, and what has waited for an address. */
  readonly send: ReadonlyArray<Uint8Array>
  readonly delivered: Delivered | undefined
  /** What is wrong with the frame, or with what is in it. */
  readonly malformed: Malformed | undefined
}

/**
 * An echo request of a host's own.
 *
 * @since 0.1.0
 * @category models
 */
export interface Ping {
  readonly to: string
  /** Whose it is, of 16 bits. Default: 1. */
  readonly identifier?: number
  /** Which one it is, of 16 bits. Default: 1. */
  readonly sequence?: number
  /** What is to come back. Default: 56 bytes. */
  readonly data?: Uint8Array
}

/**
 * A datagram of a host's own.
 *
 * @since 0.1.0
 * @category models
 */
export interface Datagram extends Udp.Udp {
  readonly to: string
}

/**
 * A segment of a host's own.
 *
 * @since 0.1.0
 * @category models
 */
export interface Segment extends Tcp.Tcp {
  readonly to: string
}

/** The most packets that wait for one address, and the most addresses that are known or waited for. */
const [MOST_WAITING, MOST_KNOWN] = [16, 1024]

const NOTHING: ReadonlyArray<Uint8Array> = []
const ignored: Received = { send: NOTHING, delivered: undefined, malformed: undefined }

/** Sets an entry. The oldest goes, if there are too many. */
const put = <A>(map: Map<string, A>, key: string, value: A): void => {
  if (!map.has(key) && map.size >= MOST_KNOWN) {
    const [oldest] = map.keys()
    map.delete(oldest!)
  }
  map.set(key, value)
}

/**
 * A host: the addresses that it knows and the packets that wait for others. Made by {@link make}.
 *
 * @since 0.2.0
 * @category models
 */
export class Host {
  readonly mac: string
  readonly ip: string
  readonly #bits: number
  /** The address of all in its network. */
  readonly #broadcast: string
  readonly #gateway: string | undefined
  readonly #answersEchoes: boolean
  /** The MAC addresses of IPv4 addresses. */
  readonly #known = new Map<string, string>()
  /** Packets for addresses whose MAC address isn't known yet. */
  readonly #waiting = new Map<string, Array<Uint8Array>>()
  #identification = 0

  /** @internal */
  constructor({ mac, ip, bits = 24, gateway, answersEchoes = true }: Options) {
    this.mac = mac.toLowerCase()
    this.ip = ip
    this.#bits = bits
    this.#broadcast = bits < 31 ? Ipv4.broadcastOf(ip, bits) : Ipv4.BROADCAST
    this.#gateway = gateway
    this.#answersEchoes = answersEchoes
  }

  /** The MAC addresses that it knows, by IPv4 address. */
  get known(): ReadonlyMap<string, string> {
    return this.#known
  }

  /** What comes of a frame. Those for others, and what is of no concern to a host, are ignored. */
  receive(bytes: Uint8Array): Received {
    const frame = Frame.decode(bytes)
    if (isMalformed(frame)) return { ...ignored, malformed: frame }
    const { ethernet, arp, ipv4, malformed } = frame
    if (ethernet.destination !== this.mac && !Ethernet.isGroup(ethernet.destination)) return ignored
    if (malformed !== undefined) return { ...ignored, malformed }
    if (arp !== undefined) return { ...ignored, send: this.#hear(arp) }
    if (ipv4 === undefined || !this.#isFor(ipv4.destination)) return ignored
    return this.#take(frame, ipv4)
  }

  /**
   * The frames that an echo request is sent with: it, or who has that address. A field that can't be, or an address that
   * nobody passes it on to, is thrown as an `OptionError`.
   */
  ping({ to, identifier = 1, sequence = 1, data = new Uint8Array(56) }: Ping): ReadonlyArray<Uint8Array> {
    return this.#send(
      to,
      Ipv4.protocols.icmp,
      Icmp.encode({ type: Icmp.types.echoRequest, identifier, sequence, data }),
    )
  }

  /** The frames that a datagram is sent with, as those of {@link Host.ping}. */
  datagram(datagram: Datagram): ReadonlyArray<Uint8Array> {
    const { to } = datagram
    return this.#send(to, Ipv4.protocols.udp, Udp.encode(datagram, { source: this.ip, destination: to }))
  }

  /** The frames that a segment of TCP is sent with, as those of {@link Host.ping}. Nothing is sent again. */
  segment(segment: Segment): ReadonlyArray<Uint8Array> {
    const { to } = segment
    return this.#send(to, Ipv4.protocols.tcp, Tcp.encode(segment, { source: this.ip, destination: to }))
  }

  /** The frame by which it says who it is, without being asked: so that others, and switches, know. */
  announce(): Uint8Array {
    return this.#ask(this.ip)
  }

  #isFor(ip: string): boolean {
    return ip === this.ip || this.#isBroadcast(ip)
  }

  #isBroadcast(ip: string): boolean {
    return ip === Ipv4.BROADCAST || ip === this.#broadcast
  }

  #hear({ operation, sender, target }: Arp.Arp): ReadonlyArray<Uint8Array> {
    const isForThis = target.ip === this.ip
    if (sender.ip === this.ip || Ethernet.isGroup(sender.mac)) return NOTHING
    // RFC 826: the sender of a request to this host is remembered, as it is answered; others are only updated.
    if (!isForThis && !this.#known.has(sender.ip)) return NOTHING
    put(this.#known, sender.ip, sender.mac)
    const waited = (this.#waiting.get(sender.ip) ?? NOTHING).map((packet) => this.#frame(sender.mac, packet))
    this.#waiting.delete(sender.ip)
    if (!isForThis || operation !== Arp.REQUEST) return waited
    const reply = Arp.encode({ operation: Arp.REPLY, sender: { mac: this.mac, ip: this.ip }, target: sender })
    return [this.#frame(sender.mac, reply, Ethernet.types.arp), ...waited]
  }

  #take({ icmp, udp, tcp }: Frame.Frame, { source: from, destination: to }: Ipv4.Ipv4): Received {
    if (udp !== undefined) return { ...ignored, delivered: { _tag: "Datagram", from, to, udp } }
    if (to !== this.ip) return ignored
    if (tcp !== undefined) return { ...ignored, delivered: { _tag: "Segment", from, tcp } }
    if (icmp === undefined) return ignored
    const { type, identifier, sequence, data } = icmp
    if (type === Icmp.types.echoReply) {
      return { ...ignored, delivered: { _tag: "Echoed", from, identifier, sequence, data } }
    }
    if (type !== Icmp.types.echoRequest || !this.#answersEchoes || !this.#canReach(from)) return ignored
    const reply = Icmp.encode({ type: Icmp.types.echoReply, identifier, sequence, data })
    return { ...ignored, send: this.#send(from, Ipv4.protocols.icmp, reply) }
  }

  #canReach(ip: string): boolean {
    return this.#gateway !== undefined || Ipv4.isIn(ip, this.ip, this.#bits)
  }

  #send(to: string, protocol: number, payload: Uint8Array): ReadonlyArray<Uint8Array> {
    const bad = badIp("to", to)
    if (bad !== undefined) throw bad
    const identification = this.#identification
    this.#identification = identification + 1 & 0xffff
    const packet = Ipv4.encode({ source: this.ip, destination: to, protocol, payload, identification })
    if (this.#isBroadcast(to)) return [this.#frame(Ethernet.BROADCAST, packet)]
    const isNear = Ipv4.isIn(to, this.ip, this.#bits)
    const next = isNear ? to : this.#gateway
    if (next === undefined) {
      throw new OptionError("to", to, `it is in the network of ${this.ip}/${this.#bits}: there is no gateway`)
    }
    const mac = this.#known.get(next)
    if (mac !== undefined) return [this.#frame(mac, packet)]
    const waiting = this.#waiting.get(next) ?? []
    put(this.#waiting, next, [...waiting, packet].slice(-MOST_WAITING))
    return [this.#ask(next)]
  }

  #ask(ip: string): Uint8Array {
    const sender = { mac: this.mac, ip: this.ip }
    const question = Arp.encode({ operation: Arp.REQUEST, sender, target: { mac: Arp.UNKNOWN, ip } })
    return this.#frame(Ethernet.BROADCAST, question, Ethernet.types.arp)
  }

  #frame(destination: string, payload: Uint8Array, type: number = Ethernet.types.ipv4): Uint8Array {
    return Ethernet.encode({ destination, source: this.mac, type, payload })
  }
}

/**
 * Checks the options of a host, and returns what is wrong.
 *
 * @since 0.2.0
 * @category checks
 */
export const check = ({ mac, ip, bits, gateway, answersEchoes }: Options): OptionError | undefined =>
  badMac("mac", mac) ?? (Ethernet.isGroup(mac) ? new OptionError("mac", mac, "it is no group's") : undefined) ??
    badIp("ip", ip) ?? (bits === undefined ? undefined : badWhole("bits", bits, 0, 32)) ??
    (gateway === undefined ? undefined : badIp("gateway", gateway)) ??
    (answersEchoes === undefined ? undefined : badFlag("answersEchoes", answersEchoes))

/**
 * A host that knows nobody yet. Throws an `OptionError` for options that can't be; {@link make} fails.
 *
 * @example
 * ```ts
 * import { Frame, Host } from "guest-clock/devices"
 *
 * const a = Host.makeUnsafe({ mac: "02:00:00:00:00:0a", ip: "10.0.0.1" })
 * const b = Host.makeUnsafe({ mac: "02:00:00:00:00:0b", ip: "10.0.0.2" })
 * const names: Array<string> = []
 * let [frame, to, from] = [a.ping({ to: "10.0.0.2" })[0], b, a]
 * while (frame !== undefined) {
 *   names.push(Frame.name(frame))
 *   ;[frame, to, from] = [to.receive(frame).send[0], from, to]
 * }
 * console.log(names.join("\n"))
 * // ARP who has 10.0.0.2? tell 10.0.0.1
 * // ARP 10.0.0.2 is at 02:00:00:00:00:0b
 * // ping 1#1 10.0.0.1 → 10.0.0.2
 * // pong 1#1 10.0.0.2 → 10.0.0.1
 * ```
 *
 * @since 0.2.0
 * @category constructors
 */
export const makeUnsafe = (options: Options): Host => {
  const bad = check(options)
  if (bad !== undefined) throw bad
  return new Host(options)
}

/**
 * A host that knows nobody yet. Fails with an `OptionError` for options that can't be.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { Host } from "guest-clock/devices"
 *
 * const error = await Effect.runPromise(Effect.flip(Host.make({ mac: "02:00:00:00:00:0a", ip: "10.0.0" })))
 * console.log(error.message) // ip can't be 10.0.0: it is an IPv4 address, as "10.0.0.1"
 * ```
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = (options: Options): Effect.Effect<Host, OptionError> => orFail(() => makeUnsafe(options))
