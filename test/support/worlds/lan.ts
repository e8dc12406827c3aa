/**
 * A network of three hosts, for tests: one pings another while a third looks on.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import { Ethernet, Host } from "../../../src/devices.ts"
import { Distribution, Guest, Network, World } from "../../../src/simulation.ts"

/** The address of the guest with this number. */
export const addressOf = (number: number): Host.Options => ({
  mac: `02:00:00:00:00:0${number}`,
  ip: `10.0.0.${number}`,
})

/** Answers ARP and echo requests; notes how many frames came by. */
export const answers = (name: string, number: number, network: Network.Network | Network.Cable): Guest.Guest =>
  Guest.make(
    name,
    Effect.gen(function* () {
      const port = yield* Network.open(network)
      const host = Host.makeUnsafe(addressOf(number))
      for (let seen = 1;; seen++) {
        const { message } = yield* port.receive
        yield* Guest.note("saw", seen)
        for (const frame of host.receive(message).send) yield* port.send(frame)
      }
    }),
    { daemon: true },
  )

/** Pings a host `times` times, one each 10 ms, and notes how long each took, in ns. */
export const pings = (
  name: string,
  number: number,
  network: Network.Network | Network.Cable,
  { to, times = 3 }: { readonly to: number; readonly times?: number },
): Guest.Guest =>
  Guest.make(
    name,
    Effect.gen(function* () {
      const self = yield* Guest.Self
      const port = yield* Network.open(network)
      const host = Host.makeUnsafe(addressOf(number))
      const sent = new Map<number, bigint>()
      const listening = Effect.gen(function* () {
        while (true) {
          const { message, at } = yield* port.receive
          const { send, delivered } = host.receive(message)
          for (const frame of send) yield* port.send(frame)
          if (delivered?._tag !== "Echoed") continue
          yield* Guest.note(`pong ${delivered.sequence}`, at - sent.get(delivered.sequence)!)
        }
      })
      yield* Effect.forkChild(listening, { startImmediately: true })
      for (let sequence = 1; sequence <= times; sequence++) {
        sent.set(sequence, self.now())
        for (const frame of host.ping({ to: addressOf(to).ip, sequence })) yield* port.send(frame)
        yield* Effect.sleep("10 millis")
      }
    }),
  )

/** A frame of so many bytes between hosts that nobody else is. */
export const frameOf = (destination: string, source: string, bytes = 60): Uint8Array =>
  Ethernet.encode({ destination, source, type: 0x88b5, payload: new Uint8Array(bytes - Ethernet.HEADER) })

const lan = Network.make("lan", {
  hosts: ["ann", "bob", "cid"],
  latency: Distribution.exponential("250 micros"),
  bandwidth: 10_000_000,
  size: Network.onWire,
  loss: 0.1,
  duplication: 0.1,
})

/** All that can happen on such a network. */
export const world: World.World = World.make({
  guests: [pings("ann", 1, lan, { to: 2, times: 20 }), answers("bob", 2, lan), answers("cid", 3, lan), ...lan.guests],
  links: lan.links,
})
