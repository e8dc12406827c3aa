/**
 * Worlds that are measured: messages between guests, each with a clock of its own.
 *
 * @module
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { Guest, Link, World } from "../src/simulation.ts"

const run = (world: World.World) => Effect.runPromise(World.run(world))

/** How many million of something a second of real time. */
const rate = async (many: number, world: World.World): Promise<number> => many / (await run(world)).realMs / 1000

type Port = Link.Port<number>
type Program = (port: Port) => Effect.Effect<unknown, unknown, Guest.Services>

const open = (link: Link.Link<number>, program: Program) => Effect.flatMap(Link.open(link), program)

const wire = Link.make("wire", { ends: ["client", "server"], message: Schema.Number, latency: "1 millis" })

/** Round trips between two guests: million messages a second. */
const ping = (times: number, client: Program, server: Program): Promise<number> => {
  const guests = [
    Guest.make("client", open(wire, client)),
    Guest.make("server", open(wire, server), { daemon: true }),
  ]
  return rate(2 * times, World.make({ guests, links: [wire] }))
}

/** Round trips between two guests by their fibers: million messages a second. */
export const pingByFibers = (times: number): Promise<number> =>
  ping(
    times,
    (port) =>
      Effect.gen(function* () {
        for (let packet = 0; packet < times; packet++) {
          yield* port.send(packet)
          yield* port.receive
        }
      }),
    (port) =>
      Effect.gen(function* () {
        while (true) yield* port.send((yield* port.receive).message)
      }),
  )

/** The same by handlers, which run in the interrupt of the arrival. */
export const pingByHandlers = (times: number): Promise<number> =>
  ping(
    times,
    (port) =>
      Effect.gen(function* () {
        const done = yield* Deferred.make<void>()
        yield* port.onArrival(({ message }) => {
          if (message < times) return port.send(message + 1)
          Deferred.doneUnsafe(done, Effect.void)
        })
        yield* port.send(1)
        yield* Deferred.await(done)
      }),
    (port) => Effect.andThen(port.onArrival(({ message }) => port.send(message)), Effect.never),
  )

const NODES = 100
const names = Array.from({ length: NODES }, (_, index) => `node ${index}`)
const bus = Link.make("bus", { ends: names, message: Schema.Number, latency: "1 millis" })

/**
 * 100 guests on a bus, who all get what one after the other sends: million arrivals a second. Whose turn it is, a message
 * says; `next` sends to the next one, or to nobody after the last.
 */
const aroundTheBus = (
  sends: number,
  node: (port: Port, me: number, next: () => ReturnType<Port["send"]> | undefined) => ReturnType<Program>,
): Promise<number> => {
  let left = sends
  const guests = names.map((name, me) =>
    Guest.make(
      name,
      open(bus, (port) => node(port, me, () => --left > 0 ? port.send((me + 1) % NODES) : undefined)),
      { daemon: me !== sends % NODES },
    )
  )
  return rate(sends * (NODES - 1), World.make({ guests, links: [bus] }))
}

/** 100 guests on a bus by their fibers: million arrivals a second. */
export const busByFibers = (sends: number): Promise<number> =>
  aroundTheBus(sends, (port, me, next) =>
    Effect.gen(function* () {
      if (me === 0) yield* port.send(1)
      for (;;) {
        const { message } = yield* port.receive
        if (message !== me) continue
        const sent = next()
        if (sent === undefined) return
        yield* sent
      }
    }))

/** The same by handlers. */
export const busByHandlers = (sends: number): Promise<number> =>
  aroundTheBus(sends, (port, me, next) =>
    Effect.gen(function* () {
      const done = yield* Deferred.make<void>()
      yield* port.onArrival(({ message }) => {
        if (message !== me) return
        const sent = next()
        if (sent === undefined) Deferred.doneUnsafe(done, Effect.void)
        return sent
      })
      if (me === 0) yield* port.send(1)
      yield* Deferred.await(done)
    }))

/** So many guests, each of which is made, let in, and sleeps once: seconds. */
export const crowd = async (guests: number): Promise<number> => {
  const before = performance.now()
  await run(World.make({ guests: Array.from({ length: guests }, (_, i) => Guest.make(`guest ${i}`, Effect.sleep(1))) }))
  return (performance.now() - before) / 1000
}
