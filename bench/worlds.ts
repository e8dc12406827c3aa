/**
 * Worlds that are measured: messages between guests, each with a clock of its own.
 *
 * @module
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { Guest, Link, World } from "../src/simulation/index.ts"

const run = (world: World.World) => Effect.runPromise(World.run(world))

/** How many million of something a second of real time. */
const rate = async (many: number, world: World.World): Promise<number> => many / (await run(world)).realMs / 1000

const wire = Link.make("wire", { ends: ["client", "server"], message: Schema.Number, latency: "1 millis" })

/** Round trips between two guests by their fibers: million messages a second. */
export const pingByFibers = (times: number): Promise<number> => {
  const client = Guest.make(
    "client",
    Effect.gen(function* () {
      const port = yield* Link.open(wire)
      for (let packet = 0; packet < times; packet++) {
        yield* port.send(packet)
        yield* port.receive
      }
    }),
  )
  const server = Guest.make(
    "server",
    Effect.gen(function* () {
      const port = yield* Link.open(wire)
      while (true) yield* port.send((yield* port.receive).message)
    }),
    { daemon: true },
  )
  return rate(2 * times, World.make({ guests: [client, server], links: [wire] }))
}

/** The same by handlers, within the interrupts that messages are. */
export const pingByHandlers = (times: number): Promise<number> => {
  const client = Guest.make(
    "client",
    Effect.gen(function* () {
      const port = yield* Link.open(wire)
      const done = yield* Deferred.make<void>()
      yield* port.onArrival(({ message }) => {
        if (message < times) return port.send(message + 1)
        Deferred.doneUnsafe(done, Effect.void)
      })
      yield* port.send(1)
      yield* Deferred.await(done)
    }),
  )
  const server = Guest.make(
    "server",
    Effect.gen(function* () {
      const port = yield* Link.open(wire)
      yield* port.onArrival(({ message }) => port.send(message))
      yield* Effect.never
    }),
    { daemon: true },
  )
  return rate(2 * times, World.make({ guests: [client, server], links: [wire] }))
}

const NODES = 100
const names = Array.from({ length: NODES }, (_, index) => `node ${index}`)
const bus = Link.make("bus", { ends: names, message: Schema.Number, latency: "1 millis" })

/** 100 guests on a bus, who all get what one after the other sends: million arrivals a second. */
export const busByFibers = (sends: number): Promise<number> => {
  let left = sends
  const guests = names.map((name, me) =>
    Guest.make(
      name,
      Effect.gen(function* () {
        const port = yield* Link.open(bus)
        if (me === 0) yield* port.send(1)
        for (;;) {
          const { message } = yield* port.receive
          if (message !== me) continue
          if (--left > 0) yield* port.send((me + 1) % NODES)
          else return
        }
      }),
      { daemon: me !== sends % NODES },
    )
  )
  return rate(sends * (NODES - 1), World.make({ guests, links: [bus] }))
}

/** The same by handlers. */
export const busByHandlers = (sends: number): Promise<number> => {
  let left = sends
  const guests = names.map((name, me) =>
    Guest.make(
      name,
      Effect.gen(function* () {
        const port = yield* Link.open(bus)
        const done = yield* Deferred.make<void>()
        yield* port.onArrival(({ message }) => {
          if (message !== me) return
          if (--left > 0) return port.send((me + 1) % NODES)
          Deferred.doneUnsafe(done, Effect.void)
        })
        if (me === 0) yield* port.send(1)
        yield* Deferred.await(done)
      }),
      { daemon: me !== sends % NODES },
    )
  )
  return rate(sends * (NODES - 1), World.make({ guests, links: [bus] }))
}

/** So many guests, each of which is made, let in, and sleeps once: seconds. */
export const crowd = async (guests: number): Promise<number> => {
  const before = performance.now()
  await run(World.make({ guests: Array.from({ length: guests }, (_, i) => Guest.make(`guest ${i}`, Effect.sleep(1))) }))
  return (performance.now() - before) / 1000
}
