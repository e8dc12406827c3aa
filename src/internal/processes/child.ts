/**
 * The program of a guest's process: it asks the hub for its name, and runs that guest.
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
import { LEAN } from "../../core/Revisions.ts"
import * as Mode from "../../Mode.ts"
import { BadValue, failed, whyNot } from "../simulation/Failure.ts"
import * as Node from "../simulation/Node.ts"
import * as Random from "../../simulation/Random.ts"
import type { Packet, Transport } from "../simulation/Transport.ts"
import { codecOf } from "../simulation/LinkCodec.ts"
import type { World } from "../../simulation/World.ts"
import * as Pipe from "./Pipe.ts"

/** The messages of the links, to JSON and back. */
const codecsOf = (world: World) => {
  const codecs = new Map(world.links.map((link) => [link.name, codecOf(link)]))
  return {
    encode: (packet: Packet): Pipe.Packet => ({
      ...packet,
      message: codecs.get(packet.link)!.json(packet.wire),
    }),
    decode: (packet: Pipe.Packet): Effect.Effect<Packet, BadValue> =>
      Effect.try({
        try: () => {
          const codec = codecs.get(packet.link)
          if (codec === undefined) throw new Error(`the world's links are ${[...codecs.keys()].join(", ")}`)
          const wire = codec.fromJson(packet.message)
          return { ...packet, message: codec.open(wire), wire }
        },
        catch: (error) => {
          const what = `what arrives on the link ${JSON.stringify(packet.link)} from ${JSON.stringify(packet.from)}`
          return new BadValue(packet.to, packet.link, what, packet.message, whyNot(error))
        },
      }),
  }
}

/** How long this process may still take to end, in ms, when the hub has hung up. A program can refuse to be interrupted. */
const ENDS_AFTER_MS = 2000

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
  const broken = yield* Deferred.make<never, Node.GuestFailed>()
  /** Something on the way to others went wrong: the guest fails, and what waits for it waits until that is known. */
  const orBreak = <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A> =>
    Effect.catchCause(
      effect,
      (cause) => Effect.andThen(Deferred.fail(broken, failed(name, node?.now ?? 0n, cause)), Effect.never),
    )
  const transport: Transport = {
    deliver: (packets) =>
      orBreak(Effect.map(
        ask((n) => ({ _tag: "Send", n, packets: packets.map(codecs.encode) })),
        (left) => left.map((index) => packets[index]!),
      )),
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
        const receiver = node
        const received = receiver === undefined
          ? Effect.void
          : Effect.flatMap(codecs.decode(message.packet), (packet) => receiver.receive(packet))
        return Effect.forkIn(orBreak(Effect.andThen(received, delivered)), scope, { startImmediately: true })
      }
      case "Heard": {
        const answer = answers.get(message.n)
        answers.delete(message.n)
        return answer === undefined ? Effect.void : Deferred.succeed(answer, message.left)
      }
      case "WhatFor": {
        const fibers = node === undefined ? [] : node.fibers()
        return Effect.sync(() => pipe.say({ _tag: "Waiting", fibers }))
      }
      case "Finish":
        return Deferred.succeed(finish, message.time)
    }
  }
  const scope = yield* Effect.scope
  const exitSoon = Effect.sync(() => setTimeout(() => process.exit(1), ENDS_AFTER_MS).unref())
  const heard = Effect.catchCause(
    pipe.hear((message) => Effect.asVoid(listen(message))),
    // The last that is heard. The world is told, and ends this process.
    (cause) => {
      const told = Deferred.fail(broken, failed(name, node?.now ?? 0n, cause, "of the world: "))
      return Effect.andThen(told, Effect.andThen(exitSoon, Effect.never))
    },
  )
  const hearing = yield* Effect.forkScoped(Effect.ensuring(heard, exitSoon))
  const tell = ({ time, why, event, link }: Node.GuestFailed) =>
    pipe.say({ _tag: "Failed", time, why, ...event !== undefined && { event }, ...link !== undefined && { link } })
  pipe.say({ _tag: "Hello", guest: name })

  // Without its world, the process has nothing to do.
  const leaving = Effect.raceFirst(
    Effect.catch(Deferred.await(broken), (failure) => Effect.andThen(Effect.sync(() => tell(failure)), Effect.never)),
    Effect.andThen(Fiber.await(hearing), Effect.interrupt),
  )
  const { calendar, id, seed, journal, realTime, warmUp, course } = yield* Effect.raceFirst(
    Deferred.await(setup),
    leaving,
  )
  const random = yield* Effect.orDie(Random.make(seed))
  const running = node = new Node.Node({
    guest,
    links: world.links,
    random,
    transport,
    journal,
    warmUp,
    course,
    onEnded: Effect.asVoid(ask((n) => ({ _tag: "Ended", n }))),
    onStopped: Effect.asVoid(ask((n) => ({ _tag: "Stopped", n }))),
    stopWhen: world.stopWhen,
    // The world ends this process.
    onFailed: (failure) => Effect.andThen(Effect.sync(() => tell(failure)), Effect.never),
  })
  const program = Effect.provide(
    running.run(),
    realTime
      ? Mode.off() // By messages: to the other fibers, what waits for the calendar is one step, and so is what doesn't here.
      : Mode.external({ sharedMemory: false, socket: calendar, id, revision: LEAN }),
  )
  yield* Effect.forkScoped(
    Effect.onExit(program, (exit) =>
      Effect.sync(() => {
        if (Exit.isSuccess(exit) || Cause.hasInterruptsOnly(exit.cause)) return
        tell(failed(name, running.now, exit.cause))
      })),
  )
  const time = yield* Effect.raceFirst(Deferred.await(finish), leaving)
  pipe.say({ _tag: "Outcome", outcome: running.outcome(time) })
  yield* Fiber.await(hearing)
}).pipe(Effect.scoped)

NodeRuntime.runMain(child)
