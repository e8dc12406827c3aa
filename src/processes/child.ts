/**
 * What a guest's process runs: it asks the hub who it is, and runs that guest.
 *
 * @module
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeSocket from "@effect/platform-node/NodeSocket"
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import process from "node:process"
import * as Mode from "../Mode.ts"
import * as Node from "../simulation/Node.ts"
import * as Random from "../simulation/Random.ts"
import type { Packet, Transport } from "../simulation/Transport.ts"
import type { World } from "../simulation/World.ts"
import * as Pipe from "./Pipe.ts"

/** The messages of a link, to JSON and back. */
const codecsOf = (world: World) => {
  const codecs = new Map(world.links.map((link) => [link.name, Node.codec(link)]))
  const recode = (direction: "encode" | "decode") => (packet: Packet): Packet => ({
    ...packet,
    message: codecs.get(packet.link)![direction](packet.message),
  })
  return { encode: recode("encode"), decode: recode("decode") }
}

const child = Effect.gen(function* () {
  const [path = "", name = "", module = "", exported = ""] = process.argv.slice(2)
  const { [exported]: world } = (yield* Effect.promise(() => import(module))) as { readonly [name: string]: World }
  const guest = world?.guests.find((guest) => guest.name === name)
  if (world === undefined || guest === undefined) {
    return yield* Effect.die(new Error(`${module} exports no world ${exported} with a guest ${JSON.stringify(name)}`))
  }
  const codecs = codecsOf(world)
  const socket = yield* NodeSocket.makeNet({ path })
  const pipe = yield* Pipe.make(socket, Pipe.ToGuest, Pipe.FromGuest)

  let asked = 0
  const answers = new Map<number, Deferred.Deferred<ReadonlyArray<number>>>()
  /** Says something that is answered, when all whom it concerns have heard it. */
  const ask = (make: (n: number) => Pipe.FromGuest): Effect.Effect<ReadonlyArray<number>> =>
    Effect.suspend(() => {
      const n = ++asked
      const answer = Deferred.makeUnsafe<ReadonlyArray<number>>()
      answers.set(n, answer)
      pipe.say(make(n))
      return Deferred.await(answer)
    })
  const transport: Transport = {
    deliver: (packets) =>
      Effect.map(
        ask((n) => ({ _tag: "Send", n, packets: packets.map(codecs.encode) })),
        (left) => left.map((index) => packets[index]!),
      ),
  }

  const setup = yield* Deferred.make<Extract<Pipe.ToGuest, { _tag: "Setup" }>>()
  const finish = yield* Deferred.make<bigint>()
  let node: Node.Node | undefined
  const listen = (message: Pipe.ToGuest): Effect.Effect<unknown> => {
    switch (message._tag) {
      case "Setup":
        return Deferred.succeed(setup, message)
      case "Deliver": {
        const delivered = Effect.sync(() => pipe.say({ _tag: "Delivered", n: message.n }))
        const received = node === undefined ? Effect.void : node.receive(codecs.decode(message.packet))
        return Effect.forkIn(Effect.andThen(received, delivered), scope, { startImmediately: true })
      }
      case "Heard":
        return Deferred.succeed(answers.get(message.n)!, message.left)
      case "WhatFor": {
        const fibers = node === undefined ? [] : node.fibers()
        return Effect.sync(() => pipe.say({ _tag: "Waiting", fibers }))
      }
      case "Finish":
        return Deferred.succeed(finish, message.time)
    }
  }
  const scope = yield* Effect.scope
  const hearing = yield* Effect.forkScoped(pipe.hear((message) => Effect.asVoid(listen(message))))
  pipe.say({ _tag: "Hello", guest: name })

  const { calendar, id, seed, journal, realTime } = yield* Deferred.await(setup)
  const random = Random.make(seed)
  if (!(random instanceof Random.Random)) return yield* Effect.die(random)
  const running = node = new Node.Node({
    guest,
    links: world.links,
    random,
    transport,
    journal,
    onEnded: Effect.asVoid(ask((n) => ({ _tag: "Ended", n }))),
  })
  const program = Effect.provide(running.run(), realTime ? Mode.off() : Mode.external({ socket: calendar, id }))
  yield* Effect.forkScoped(
    Effect.onExit(program, (exit) =>
      Effect.sync(() => {
        if (Exit.isSuccess(exit) || Cause.hasInterruptsOnly(exit.cause)) return
        const error = Cause.squash(exit.cause)
        const why = error instanceof Node.GuestFailed
          ? error.why
          : error instanceof Error
          ? error.message
          : String(error)
        pipe.say({ _tag: "Failed", time: running.now, why })
      })),
  )
  // Whoever has no world any more has nothing to do.
  const time = yield* Effect.raceFirst(Deferred.await(finish), Effect.andThen(Fiber.await(hearing), Effect.interrupt))
  pipe.say({ _tag: "Outcome", outcome: running.outcome(time) })
  yield* Fiber.await(hearing)
}).pipe(Effect.scoped)

NodeRuntime.runMain(child)
