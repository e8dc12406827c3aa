/**
 * One guest of the demo: it wakes up at its own rate, has some work to do each
 * time, and interrupts another guest now and then.
 *
 * @module
 */
import * as Console from "effect/Console"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import { GuestClock } from "../../src/index.ts"
import * as Wire from "./wire.ts"

const MILLI = 1_000_000n

/** What a guest does. Times are in ns of guest time. */
export interface Guest {
  readonly name: string
  /** What its calendar knows it by. */
  readonly id: bigint
  /** How often its timer wakes it. */
  readonly every: bigint
  /** How long it is busy then. */
  readonly work: bigint
  /** How long it is busy when another guest has interrupted it. */
  readonly service: bigint
  /** Whom it interrupts when its work is done, each `nth` time. */
  readonly interrupts: { readonly name: string; readonly nth: number }
}

/** The guests of the demo. */
export const guests: ReadonlyArray<Guest> = [
  {
    name: "camera",
    id: 1n,
    every: 40n * MILLI,
    work: 9n * MILLI,
    service: 15n * MILLI,
    interrupts: { name: "brain", nth: 3 },
  },
  {
    name: "brain",
    id: 2n,
    every: 250n * MILLI,
    work: 20n * MILLI,
    service: 35n * MILLI,
    interrupts: { name: "motor", nth: 1 },
  },
  {
    name: "motor",
    id: 3n,
    every: 90n * MILLI,
    work: 12n * MILLI,
    service: 25n * MILLI,
    interrupts: { name: "camera", nth: 7 },
  },
]

/** Runs `guest` until the guest time `end`, on whatever clock is there. */
export const run = (guest: Guest, end: bigint) =>
  Effect.gen(function* () {
    const clock = yield* GuestClock.GuestClock
    const stdio = yield* Stdio.Stdio
    // Console.log adds the end of the line itself.
    const tell = (message: Wire.FromGuest) =>
      Effect.flatMap(Wire.fromGuest.encode(message), (line) => Console.log(line.trimEnd()))

    /** How long the guest has to be busy for each thing that it has yet to do. */
    const toDo: Array<bigint> = []
    const timer = GuestClock.event("timer", ({ now, addEvent }) => {
      toDo.push(guest.work)
      addEvent(timer, now + guest.every)
      return tell({ _tag: "Woke", at: now })
    })

    /** Ends when the interrupt that this guest raised has been taken. */
    let taken = yield* Deferred.make<void>()
    const interruptedBy = (name: string) =>
      GuestClock.event(`interrupt from ${name}`, ({ now }) => {
        toDo.push(guest.service)
        return tell({ _tag: "Interrupted", at: now, by: name })
      })
    const hear = (message: Wire.ToGuest) =>
      message._tag === "Taken"
        ? Deferred.succeed(taken, undefined)
        : Effect.andThen(clock.irqEvent(interruptedBy(message.from)), tell({ _tag: "Taken", from: message.from }))
    yield* Effect.forkScoped(Stream.runForEach(Wire.toGuest.decode(stdio.stdin), hear))

    /** Tell the time before you knock, and don't go on before you were heard (SPEC 9.5). */
    const interrupt = (name: string) =>
      Effect.gen(function* () {
        taken = yield* Deferred.make<void>()
        yield* clock.propagateTime
        yield* tell({ _tag: "Interrupt", to: name })
        yield* clock.waitReadable(Deferred.await(taken))
        // Meanwhile the calendar may have said that this guest can't run as far by itself any more, as the other
        // wants to run before that: it said so before it answers this.
        yield* clock.propagateTime
      })

    yield* clock.addEvent(timer, guest.every)
    for (let done = 1, now = 0n; now < end; now = yield* clock.now) {
      const work = toDo.shift()
      if (work === undefined) {
        yield* clock.sleep
        continue
      }
      yield* clock.ndelay(work)
      yield* tell({ _tag: "Busy", from: now, to: yield* clock.now })
      // At the end the others may have left.
      if (done++ % guest.interrupts.nth === 0 && (yield* clock.now) < end) yield* interrupt(guest.interrupts.name)
    }
    yield* tell({ _tag: "Done" })
  })
