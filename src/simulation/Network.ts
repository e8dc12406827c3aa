/**
 * Networks: Ethernet frames over links, between guests, and a switch that learns.
 *
 * A cable is a link between two guests, whose messages are frames: bytes, from the destination's address on. A network is
 * a switch, which is a guest of its own, with a cable to each host. Each cable has all that a link has: latency, bandwidth,
 * queue, loss and faults, seeded, in either direction for itself.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { Frame, Host } from "guest-clock/devices"
 * import { Guest, Network, World } from "guest-clock/simulation"
 *
 * const lan = Network.make("lan", { hosts: ["ann", "bob"], latency: "250 micros" })
 *
 * const ann = Guest.make("ann", Effect.gen(function*() {
 *   const port = yield* Network.open(lan)
 *   const host = yield* Host.make({ mac: "02:00:00:00:00:01", ip: "10.0.0.1" })
 *   for (const frame of host.ping({ to: "10.0.0.2" })) yield* port.send(frame)
 *   while (true) {
 *     const { message, at } = yield* port.receive
 *     const { send, delivered } = host.receive(message)
 *     for (const frame of send) yield* port.send(frame)
 *     if (delivered !== undefined) return console.log(`${Frame.name(message)} at ${at} ns`)
 *   }
 * }))
 * const bob = Guest.make("bob", Effect.gen(function*() {
 *   const port = yield* Network.open(lan)
 *   const host = yield* Host.make({ mac: "02:00:00:00:00:02", ip: "10.0.0.2" })
 *   while (true) {
 *     for (const frame of host.receive((yield* port.receive).message).send) yield* port.send(frame)
 *   }
 * }), { daemon: true })
 *
 * await Effect.runPromise(World.run(World.make({ guests: [ann, bob, ...lan.guests], links: lan.links })))
 * // pong 1#1 10.0.0.2 → 10.0.0.1 at 2000000 ns
 * ```
 *
 * @module
 */
import * as Effect from "effect/Effect"
import type * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { OptionError } from "../core/Fault.ts"
import * as Frame from "../devices/Frame.ts"
import * as Switch from "../devices/Switch.ts"
import * as Connection from "../internal/simulation/Connection.ts"
import { carriesFrames, isNetwork } from "../internal/simulation/Tap.ts"
import { badDuration, badList, badName } from "../internal/services/Checks.ts"
import { inNanos } from "../internal/services/Times.ts"
import * as Guest from "./Guest.ts"
import type { Entry } from "./Journal.ts"
import * as Link from "./Link.ts"
import type { Port, Self } from "../internal/simulation/Self.ts"

/**
 * The options of a cable: a link's (`Link.Options`). Unlike those of other links, its messages have as many bytes as
 * their frame; {@link onWire} tells how many an Ethernet would take for it.
 *
 * @since 0.2.0
 * @category models
 */
export type CableOptions = Omit<Link.Options<Uint8Array>, "ends" | "message" | "title">

/**
 * A link whose messages are frames.
 *
 * @since 0.2.0
 * @category models
 */
export type Cable = Link.Link<Uint8Array>

/**
 * A cable between two guests. What is wrong with its options, its world says.
 *
 * **When to use**
 *
 * Use it for Ethernet frames between two guests, kernels among them.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { Guest, Link, Network, World } from "guest-clock/simulation"
 *
 * const cable = Network.cable("cable", { ends: ["ann", "bob"], bandwidth: 1_000_000 })
 * const ann = Guest.make("ann", Effect.gen(function*() {
 *   yield* (yield* Link.open(cable)).send(new Uint8Array(125))
 * }))
 * const bob = Guest.make("bob", Effect.gen(function*() {
 *   console.log((yield* (yield* Link.open(cable)).receive).at) // 1000000n
 * }))
 * await Effect.runPromise(World.run(World.make({ guests: [ann, bob], links: [cable] })))
 * ```
 *
 * @since 0.2.0
 * @category constructors
 */
export const cable = (
  name: string,
  options: CableOptions & { readonly ends: readonly [string, string] },
): Cable =>
  carriesFrames(Link.make(name, {
    size: (frame: Uint8Array) => frame.length,
    ...options,
    message: Schema.Uint8Array,
    title: Frame.name,
  }))

/** Preamble, check sequence and the gap to the next frame, in bytes. */
const AROUND = 8 + 4 + 12

/** Bytes of the shortest frame, without check sequence. */
const SHORTEST = 60

/**
 * How many bytes an Ethernet takes for a frame: padding, preamble, check sequence and the gap behind it included. As the
 * option `size` of a cable, its bandwidth is that of an Ethernet.
 *
 * @example
 * ```ts
 * import { Network } from "guest-clock/simulation"
 *
 * const cable = Network.cable("cable", { ends: ["ann", "bob"], bandwidth: 100_000_000, size: Network.onWire })
 * console.log(Network.onWire(new Uint8Array(1514)), Network.onWire(new Uint8Array(42))) // 1538 84
 * ```
 *
 * @since 0.2.0
 * @category sizes
 */
export const onWire = (frame: Uint8Array): number => Math.max(frame.length, SHORTEST) + AROUND

/**
 * The options of a network: what all its cables are like, and its switch.
 *
 * @since 0.2.0
 * @category models
 */
export interface Options extends CableOptions {
  /** The names of the guests that it connects: 2 or more. */
  readonly hosts: ReadonlyArray<string>
  /** What the cable to a host is like, where that is another than that to others. */
  readonly cables?: { readonly [host: string]: CableOptions }
  /** For how long the switch knows where an address is: 1 ns or more. Default: 300 s. */
  readonly ageing?: Duration.Input
  /** The most addresses that the switch knows, 1 to 1,048,576. Default: 8,192. */
  readonly addresses?: number
}

/**
 * A network: the guests and links that a world needs for it.
 *
 * @since 0.2.0
 * @category models
 */
export interface Network {
  /** Its switch is called this as well. */
  readonly name: string
  /** The switch, a daemon. */
  readonly guests: ReadonlyArray<Guest.Guest>
  /** A cable for each host, called `NETWORK/HOST`, in the order of the hosts. */
  readonly links: ReadonlyArray<Cable>
}

/** Checks the switch's options, and returns what is wrong. */
const badIn = (name: string, options: Options): OptionError | undefined => {
  const { hosts, cables = {}, ageing } = options
  const named = (option: string) => `${option} of the network ${JSON.stringify(name)}`
  const wrong = (option: string, given: unknown, allowed: string) => new OptionError(named(option), given, allowed)
  const bad = badName("the name of a network", name) ?? badList(named("hosts"), hosts)
  if (bad !== undefined) return bad
  if (hosts.length < 2) return wrong("hosts", hosts, "it has 2 hosts or more")
  if (new Set(hosts).size < hosts.length) return wrong("hosts", hosts, "each host is there once")
  if (hosts.includes(name)) return wrong("hosts", name, "its switch is called that")
  const stranger = Object.keys(cables).find((host) => !hosts.includes(host))
  if (stranger !== undefined) return wrong("cables", stranger, `its hosts are ${hosts.join(", ")}`)
  return (ageing === undefined ? undefined : badDuration(named("ageing"), ageing)) ?? Switch.check(settingsOf(options))
}

/** How the switch of a network is. */
const settingsOf = ({ hosts, ageing, addresses }: Options): Switch.Options => ({
  ports: hosts.length,
  ...ageing !== undefined && { ageing: inNanos(ageing) },
  ...addresses !== undefined && { addresses },
})

/** What a switch does, as the program of a guest. */
const program = (cables: ReadonlyArray<Cable>, options: Switch.Options) =>
  Effect.gen(function* () {
    const made = yield* Switch.make(options)
    const ports = yield* Effect.forEach(cables, (cable) => Link.open(cable))
    for (const [number, port] of ports.entries()) {
      yield* port.onArrival(({ message, at }) => {
        const leaves = made.receive(number, message, at)
        if (leaves.length === 0) return
        // Of one that is returned as it is, no fiber is made.
        if (leaves.length === 1) return ports[leaves[0]!]!.send(message)
        return Effect.forEach(leaves, (to) => ports[to]!.send(message), { discard: true })
      })
    }
    return yield* Effect.never
  })

/**
 * A network named `name`: a switch, and a cable from it to each host. A frame is under way on two of them, one after the
 * other: with a latency of 0.5 ms it arrives after 1 ms, and with a bandwidth, the switch has to have all of a frame
 * before it sends it on. What is wrong with it, its world says.
 *
 * **When to use**
 *
 * Use it for Ethernet frames among several guests: a switch with a cable to each.
 *
 * @example
 * ```ts
 * import { Network } from "guest-clock/simulation"
 *
 * const { guests, links } = Network.make("lan", {
 *   hosts: ["ann", "bob", "cid"],
 *   latency: "1 millis",
 *   cables: { cid: { latency: "20 millis", loss: 0.01 } },
 * })
 * console.log(guests.map(({ name }) => name), links.map(({ name }) => name))
 * // [ "lan" ] [ "lan/ann", "lan/bob", "lan/cid" ]
 * ```
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = (name: string, options: Options): Network => {
  const wrong = badIn(name, options)
  // All that is left of such a network is what its world says of it.
  if (wrong !== undefined) return { name, links: [], guests: [{ ...Guest.make(name, Effect.void), wrong }] }
  const { hosts, cables = {}, ageing: _, addresses: _addresses, ...all } = options
  const links = hosts.map((host) => cable(`${name}/${host}`, { ...all, ...cables[host], ends: [host, name] }))
  const settings = settingsOf(options)
  return { name, links, guests: [Guest.make(name, program(links, settings), { daemon: true })] }
}

/**
 * A guest's end of a network, or of a cable. A guest that isn't connected to it gets an `OptionError`.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { Guest, Network, World } from "guest-clock/simulation"
 *
 * const lan = Network.make("lan", { hosts: ["ann", "bob"] })
 * const cid = Guest.make("cid", Network.open(lan))
 * const others = ["ann", "bob"].map((name) => Guest.make(name, Effect.void))
 * const world = World.make({ guests: [cid, ...others, ...lan.guests], links: lan.links })
 * console.log((await Effect.runPromise(Effect.flip(World.run(world)))).message)
 * // the guest "cid" failed at 0 ns: network can't be lan: it connects ann, bob
 * ```
 *
 * @since 0.2.0
 * @category opening
 */
export const open = (network: Network | Cable): Effect.Effect<Port<Uint8Array>, OptionError, Self> =>
  Connection.open(network)

/**
 * Whether a link's messages are frames: whether it is a {@link cable}.
 *
 * @example
 * ```ts
 * import { Schema } from "effect"
 * import { Link, Network } from "guest-clock/simulation"
 *
 * const ends = ["ann", "bob"] as const
 * const wire = Link.make("wire", { ends, message: Schema.Uint8Array })
 * console.log(Network.isCable(Network.cable("cable", { ends })), Network.isCable(wire)) // true false
 * ```
 *
 * @since 0.2.0
 * @category checks
 */
export const isCable = (link: Link.Any): link is Cable => isNetwork(link)

const bytesOf = Schema.decodeUnknownOption(Schema.Uint8ArrayFromBase64)

/**
 * The frame that a journal's entry is about; none, if it isn't about bytes.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { Guest, Network, World } from "guest-clock/simulation"
 *
 * const cable = Network.cable("cable", { ends: ["ann", "bob"] })
 * const ann = Guest.make("ann", Effect.flatMap(Network.open(cable), (port) => port.send(Uint8Array.of(1, 2))))
 * const bob = Guest.make("bob", Effect.void)
 * const world = World.make({ guests: [ann, bob], links: [cable] })
 * const { journal } = await Effect.runPromise(World.run(world, { journal: true }))
 * console.log(Network.frameOf(journal[0]!)) // Uint8Array(2) [ 1, 2 ]
 * ```
 *
 * @since 0.2.0
 * @category journals
 */
export const frameOf = (entry: Entry): Uint8Array | undefined =>
  "message" in entry ? Option.getOrUndefined(bytesOf(entry.message)) : undefined
