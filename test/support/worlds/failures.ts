/**
 * Worlds in which something goes wrong, or could go unseen: run in one process and in many.
 *
 * @module
 */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Queue from "effect/Queue"
import * as Schema from "effect/Schema"
import * as Transformation from "effect/SchemaTransformation"
import * as Stream from "effect/Stream"
import { GuestClock } from "../../../src/index.ts"
import { Device, Guest, Link, World } from "../../../src/simulation.ts"

// ------------------------------------------------------------------------ messages

type Numbered = { readonly n: number }

const Message = Schema.Struct({ n: Schema.Number })

/** One guest sends what it wants on a link made so; the other takes what comes. */
const sending = <M>(
  options: Partial<Link.Options<M>> & Pick<Link.Options<M>, "message">,
  send: (port: Link.Port<M>) => Effect.Effect<unknown, unknown, Guest.Self>,
  take: (port: Link.Port<M>) => Effect.Effect<unknown, unknown, Guest.Services> = (port) => port.receive,
): World.World => {
  const wire = Link.make<M>("wire", { ends: ["ann", "bob"], latency: "1 millis", ...options })
  return World.make({
    guests: [
      Guest.make("ann", Effect.flatMap(Link.open(wire), send)),
      Guest.make("bob", Effect.flatMap(Link.open(wire), take)),
    ],
    links: [wire],
  })
}

const nonsense = { n: "nonsense" } as unknown as Numbered

export const badMessage: World.World = sending<Numbered>({ message: Message }, (port) => port.send(nonsense))

export const badMessageOnSlowLink: World.World = sending<Numbered>(
  { message: Message, bandwidth: 1_000_000 },
  (port) => port.send(nonsense),
)

/** A number is on its way as it is, and checked all the same. */
export const badNumber: World.World = sending<number>(
  { message: Schema.Int },
  (port) => Effect.andThen(Effect.sleep("2 millis"), port.send(1.5)),
)

/** A getter runs while a message is encoded. */
export const badGetter: World.World = sending<Numbered>({ message: Message }, (port) =>
  port.send({
    get n(): number {
      throw new Error("no number")
    },
  }))

/** A codec of one's own runs while a message is encoded. */
const Slow = Message.pipe(Schema.decodeTo(
  Message,
  Transformation.transformEffect({
    decode: (message: Numbered) => Effect.succeed(message),
    encode: (message: Numbered) => Effect.as(Effect.sleep("1 second"), message),
  }),
))
export const slowCodec: World.World = sending<Numbered>({ message: Slow }, (port) => port.send({ n: 1 }))

/** The sender sees to it. */
export const badMessageCaught: World.World = sending<Numbered>(
  { message: Message },
  (port) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(port.send(nonsense))
      yield* Guest.note("refused", { tag: error._tag, message: error.message })
      yield* port.send({ n: 1 })
    }),
)

export const corruptToNonsense: World.World = sending<Numbered>(
  { message: Message, impairments: { corrupt: 1 }, corrupt: () => nonsense },
  (port) => port.send({ n: 1 }),
)

export const corruptThrows: World.World = sending<Numbered>(
  {
    message: Message,
    impairments: { corrupt: 1 },
    corrupt: () => {
      throw new Error("no idea")
    },
  },
  (port) => port.send({ n: 1 }),
)

/** Encodes what can't be decoded any more. */
const Lost = Schema.Struct({ n: Schema.Number.check(Schema.makeFilter((n) => n < 10)) })
export const badBounds: World.World = sending<Numbered>({ message: Lost }, (port) => port.send({ n: 11 }))

/** What the sender and the receivers do to messages changes nothing. */
export const changed: World.World = (() => {
  const Loaded = Schema.Struct({
    n: Schema.Number,
    tags: Schema.mutable(Schema.Array(Schema.String)),
    any: Schema.Unknown,
  })
  const wire = Link.make("wire", { ends: ["ann", "bob", "cid"], message: Loaded, latency: "1 millis", duplication: 1 })
  const taker = (name: string) =>
    Guest.make(
      name,
      Effect.gen(function* () {
        const port = yield* Link.open(wire)
        for (let i = 0; i < 2; i++) {
          const { message } = yield* port.receive
          yield* Guest.note("got", message)
          message.tags.push(name)
          ;(message.any as { list: Array<string> }).list.push(name)
        }
      }),
    )
  return World.make({
    guests: [
      Guest.make(
        "ann",
        Effect.gen(function* () {
          const port = yield* Link.open(wire)
          const message = { n: -0, tags: ["first"], any: { list: ["one"] }, extra: "nobody knows" }
          yield* port.send(message)
          message.tags.push("later")
          message.any.list.push("later")
          message.n = 9
          yield* Effect.sleep("5 millis")
        }),
      ),
      taker("bob"),
      taker("cid"),
    ],
    links: [wire],
  })
})()

/** What is under way when the receiver ends, in order, and what comes after that. */
export const endedReceiver: World.World = sending<number>(
  { message: Schema.Number, latency: "5 millis" },
  (port) =>
    Effect.gen(function* () {
      for (let n = 0; n < 6; n++) {
        yield* port.send(n)
        yield* Effect.sleep("2 millis")
      }
    }),
  (port) => Effect.andThen(port.receive, Effect.sleep("2 millis")),
)

// --------------------------------------------------------------------------- notes

export const noted: World.World = World.make({
  guests: [
    Guest.make(
      "ann",
      Effect.gen(function* () {
        const { now } = yield* Guest.Self
        const data = {
          at: now(),
          when: new Date(1234),
          map: new Map<unknown, unknown>([["a", 1n], [new Date(1), { deep: [1n] }]]),
          set: new Set([1, "one", 1n]),
          numbers: [NaN, -Infinity, -0, 0.1],
          bytes: new Uint8Array([1, 2, 255]),
          wide: new BigInt64Array([-5n]),
          nothing: [undefined, null],
          dropped: undefined,
          $: "bigint",
          of: "no number",
          text: "\ud800 – ok",
          error: new TypeError("no"),
        }
        yield* Guest.note("all", data)
        data.map.set("later", 1)
        data.set.clear()
        data.when.setTime(0)
        data.bytes[0] = 9
        data.numbers.push(5)
        yield* Guest.note("bigint", 5n)
        yield* Guest.note("nothing")
        yield* Guest.note("undefined", undefined)
      }),
    ),
    Guest.make("bob", Effect.sleep("1 second")),
  ],
})

const noting = (data: unknown): World.World =>
  World.make({ guests: [Guest.make("ann", Guest.note("odd", data)), Guest.make("bob", Effect.sleep("1 second"))] })

export const notedFunction: World.World = noting({ deep: [1, { call: () => 1 }] })
export const notedPromise: World.World = noting({ later: Promise.resolve(1) })
export const notedCycle: World.World = (() => {
  const data: { self?: unknown } = {}
  data.self = { data }
  return noting(data)
})()

// ------------------------------------------------------------------ handlers, devices

const alone = (program: Effect.Effect<unknown, unknown, Guest.Services>, options?: Guest.Options): World.World =>
  World.make({ guests: [Guest.make("bad", program, options), Guest.make("good", Effect.sleep("1 second"))] })

const handling = (handler: GuestClock.Handler, program: Effect.Effect<unknown, unknown> = Effect.sleep("1 minute")) =>
  alone(Effect.gen(function* () {
    const clock = yield* GuestClock.GuestClock
    yield* clock.addEvent(GuestClock.event("retransmit", handler), 7_000_000n)
    yield* program
  }))

const boom = (): never => {
  throw new Error("boom")
}

export const badHandler: World.World = handling(boom)
export const badHandlerEffect: World.World = handling(() => Effect.die(new Error("boom")))
export const badHandlerWhileBusy: World.World = alone(Effect.gen(function* () {
  const clock = yield* GuestClock.GuestClock
  yield* clock.addEvent(GuestClock.event("retransmit", boom), 7_000_000n)
  yield* clock.ndelay(1_000_000_000n)
}))

export const badArrival: World.World = sending<number>(
  { message: Schema.Number, latency: "7 millis" },
  (port) => Effect.andThen(port.send(1), Effect.sleep("1 second")),
  (port) => Effect.andThen(port.onArrival(boom), Effect.never),
)

export const badDevice: World.World = alone(Effect.gen(function* () {
  const device = yield* Device.registers(
    "doubler",
    ({ after }) => ({ GO: { write: () => void after(7_000_000n, boom) } }),
  )
  yield* device.write("GO", 1n)
  yield* Effect.sleep("1 minute")
}))

export const badRegister: World.World = alone(Effect.gen(function* () {
  const device = yield* Device.registers("doubler", () => ({ GO: { read: boom } }))
  yield* Effect.sleep("7 millis")
  yield* device.read("GO")
}))

// ------------------------------------------------------------------- what it fails with

class NotFound extends Data.TaggedError("NotFound")<{ readonly id: bigint }> {}

const failingWith = (failure: unknown): World.World => alone(Effect.fail(failure))

export const failsWithTag: World.World = failingWith({ _tag: "NotFound" })
export const failsWithFields: World.World = failingWith({ _tag: "NotFound", id: 5n })
export const failsWithMessage: World.World = failingWith({ _tag: "NotFound", message: "no such user" })
export const failsWithTaggedError: World.World = failingWith(new NotFound({ id: 5n }))
export const failsWithObject: World.World = failingWith({ code: 5 })
export const failsWithNothing: World.World = failingWith(undefined)
export const failsWithMany: World.World = alone(
  Effect.all([Effect.fail("one"), Effect.andThen(Effect.yieldNow, Effect.die({ _tag: "Other" }))], {
    concurrency: "unbounded",
  }).pipe(Effect.ensuring(Effect.die("too"))),
)

// ------------------------------------------------------------------------------ fibers

const dying = Effect.andThen(Effect.sleep("5 millis"), Effect.die(new Error("boom")))
const failing = Effect.andThen(Effect.sleep("5 millis"), Effect.fail({ _tag: "NoLuck" as const }))
const goingOn = Effect.sleep("1 minute")

export const child: World.World = alone(Effect.andThen(Effect.withSpan(Effect.forkChild(dying), "job"), goingOn))
export const detached: World.World = alone(Effect.andThen(Effect.forkDetach(failing), goingOn))
export const scoped: World.World = alone(Effect.andThen(Effect.forkScoped(dying), goingOn))
export const atOnce: World.World = alone(
  Effect.andThen(Effect.forkScoped(Effect.die(new Error("boom")), { startImmediately: true }), goingOn),
)
export const grandchild: World.World = alone(
  Effect.andThen(Effect.forkChild(Effect.andThen(Effect.forkChild(Effect.scoped(failing)), goingOn)), goingOn),
)
/** Nothing is left to do then but to end. */
export const atTheEnd: World.World = alone(
  Effect.andThen(Effect.forkDetach(Effect.die(new Error("boom"))), Effect.sleep(0)),
)

/** All that is allowed: each sees to the failures of its fibers. */
export const seenTo: World.World = alone(Effect.gen(function* () {
  yield* Effect.exit(Effect.flatMap(Effect.forkChild(dying), Fiber.join))
  const later = yield* Effect.forkChild(Effect.exit(failing))
  const soon = yield* Effect.forkChild(Effect.die("at once"), { startImmediately: true })
  const scope = yield* Effect.forkScoped(Effect.fail("at once"), { startImmediately: true })
  yield* Fiber.await(soon)
  yield* Effect.yieldNow
  yield* Effect.exit(Fiber.join(scope))
  yield* Effect.exit(Effect.raceFirst(dying, goingOn))
  yield* Effect.exit(Effect.race(failing, dying))
  yield* Effect.exit(Effect.all([dying, failing, Effect.fail(1), Effect.die(2)], { concurrency: "unbounded" }))
  yield* Effect.exit(Effect.forEach([1, 2, 3], () => Effect.fail("at once"), { concurrency: 2 }))
  yield* Effect.exit(Effect.timeout(dying, "1 second"))
  yield* Effect.timeoutOption(goingOn, "1 milli" as never).pipe(Effect.exit)
  const interrupted = yield* Effect.forkChild(goingOn)
  yield* Effect.sleep("1 millis")
  yield* Fiber.interrupt(interrupted)
  const unwatched = yield* Effect.forkChild(Guest.unwatched(dying))
  yield* Effect.sleep("1 second")
  const exits = yield* Fiber.awaitAll([later, unwatched])
  yield* Guest.note("exits", exits.map(Exit.isFailure))
  yield* Stream.make(1, 2).pipe(Stream.buffer({ capacity: 2 }), Stream.merge(Stream.make(3)), Stream.runDrain)
  const slow = Stream.tap(Stream.concat(Stream.make(1, 2), Stream.fail("E")), () => Effect.sleep("1 millis"))
  yield* Effect.exit(Stream.runDrain(Stream.buffer(slow, { capacity: 2 })))
  const slowly = Stream.runForEach(Stream.buffer(slow, { capacity: 9 }), () => Effect.sleep("1 second"))
  yield* Guest.unwatched(Effect.exit(slowly))
  yield* Effect.exit(Stream.runDrain(Stream.merge(slow, Stream.never)))
  yield* Effect.exit(Stream.runDrain(Stream.flatMap(Stream.make(1, 2, 3), () => slow, { concurrency: 2 })))
  yield* Effect.exit(Stream.runDrain(Stream.switchMap(Stream.make(1), () => slow)))
  yield* Guest.unwatched(Effect.exit(Stream.runDrain(Stream.haltWhen(Stream.tick("1 millis"), failing))))
  const queue = yield* Queue.unbounded<number>()
  yield* Effect.forkScoped(Effect.forever(Queue.take(queue)))
}))

export const allowed: World.World = alone(
  Effect.andThen(Effect.forkDetach(dying), Effect.sleep("1 second")),
  { watchesFibers: false },
)

/** A clock that a fault ends, in a world that comes to its end when nobody else has anything to do. */
export const deadClock: World.World = World.make({
  guests: [
    Guest.make(
      "bad",
      Effect.gen(function* () {
        const clock = yield* GuestClock.GuestClock
        yield* Effect.sleep("1 millis")
        yield* clock.addEvent(GuestClock.event("past", () => {}), 0n)
        yield* Effect.sleep("1 millis")
      }),
    ),
    Guest.make("idle", Effect.never),
  ],
})

/** A fiber whose own call ends the clock, while its parent sleeps. */
export const deadInChild: World.World = alone(Effect.gen(function* () {
  const clock = yield* GuestClock.GuestClock
  yield* Effect.sleep("1 millis")
  yield* clock.addEvent(GuestClock.event("past", () => {}), 0n)
  yield* Effect.forkChild(clock.ndelay(1n))
  yield* goingOn
}))

const spoken = Link.make("spoken", { ends: ["bad", "other"], message: Message, latency: "1 millis" })

/** A fiber that sends while another's call waits for the calendar, which then closes the connection. */
export const sendsWhileBusy: World.World = World.make({
  guests: [
    Guest.make(
      "bad",
      Effect.gen(function* () {
        const clock = yield* GuestClock.GuestClock
        const port = yield* Link.open(spoken)
        yield* Effect.forkChild(Effect.andThen(Effect.sleep(0), port.send({ n: 1 })))
        yield* Effect.yieldNow
        yield* clock.ndelay(1n)
      }),
    ),
    Guest.make("other", Effect.andThen(Effect.sleep(0), Effect.sleep("1 hour"))),
  ],
  links: [spoken],
})

/** A program that refuses to be interrupted, beside one that fails. */
export const stubborn: World.World = World.make({
  guests: [
    Guest.make("stubborn", Effect.uninterruptible(Effect.never), { daemon: true }),
    Guest.make("bad", Effect.andThen(Effect.sleep("1 millis"), Effect.fail("no more"))),
  ],
})
