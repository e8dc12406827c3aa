/**
 * Guests on a calendar that wake up again and again, and what they send and hear.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import * as Message from "../src/core/Message.ts"
import { GuestClock, Mode } from "../src/index.ts"
import * as VirtualTime from "../src/VirtualTime.ts"
import type { Link } from "../src/services/Link.ts"

const MILLI = 1_000_000n

/** What went over a link. */
export class Count {
  messages = 0
}

/** The same link, to a calendar in another process, whose messages are counted. */
export const counted = (count: Count) => (link: Link): Link => {
  const { direct } = link
  if (direct === undefined) throw new Error("a socket's link can do all that it does at once")
  return {
    ...link,
    direct: {
      ...direct,
      post: (message) => {
        count.messages++
        return direct.post(message)
      },
      take: () => {
        const taken = direct.take()
        if (taken instanceof Uint8Array) count.messages += taken.length / Message.SIZE
        return taken
      },
    },
  }
}

/** On a guest's clock: a plain handler that wakes up so often, 1 ms apart. */
export const handler = (times: number) =>
  Effect.gen(function* () {
    const clock = yield* GuestClock.GuestClock
    let left = times
    const wakeUp = GuestClock.event("wake up", ({ now, addEvent }, self) => {
      if (--left > 0) addEvent(self, now + MILLI)
    })
    yield* clock.addEvent(wakeUp, yield* clock.after("1 milli"))
    while (left > 0) yield* clock.sleep
  })

/** On a guest's clock: its main line wakes up so often, `period` ns apart, and reads the clock source each time if it `reads`. */
export const periodic = (times: number, period: bigint, reads: boolean) =>
  Effect.gen(function* () {
    const clock = yield* GuestClock.GuestClock
    let woken = 0
    const wakeUp = GuestClock.event("wake up", () => {
      woken++
    })
    for (let time = 1; time <= times; time++) {
      yield* clock.addEvent(wakeUp, BigInt(time) * period)
      while (woken < time) yield* clock.sleep
      if (reads) yield* clock.readClockSource
    }
  })

/** The same with a fiber on simulated time. */
export const fiber = (times: number) =>
  VirtualTime.run(Effect.gen(function* () {
    for (let left = times; left > 0; left--) yield* Effect.sleep("1 milli")
  }))

/** Guests on links, each of which runs what it is given. */
export const guests = <E, E2>(
  links: ReadonlyArray<Effect.Effect<Link, E, Scope.Scope>>,
  run: Effect.Effect<void, E2, Mode.Services>,
) =>
  Effect.gen(function* () {
    const fibers: Array<Fiber.Fiber<void, unknown>> = []
    for (const link of links) {
      fibers.push(yield* Effect.forkChild(Effect.provide(run, Mode.linked(link), { local: true })))
    }
    for (const each of fibers) yield* Fiber.join(each)
  })
