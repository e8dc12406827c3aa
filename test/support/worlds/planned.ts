/**
 * Makes a world of a plan. `world` is that of the plan in the variable `GUEST_CLOCK_WORLD`, for the processes of its
 * guests, which import this module.
 *
 * @module
 */
import type * as Duration from "effect/Duration"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as EffectRandom from "effect/Random"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import process from "node:process"
import { GuestClock } from "../../../src/index.ts"
import { Distribution, Guest, Link, type Random, Statistics, World } from "../../../src/simulation.ts"
import * as Messages from "./messages.ts"
import type { GuestPlan, Interval, Latency, LinkPlan, Send, Step, WorldPlan } from "./plan.ts"
import * as Values from "./values.ts"

/** Ends a program early, whatever is around it. */
class End {
  readonly _tag = "End"
}

const latency = (given: number | Latency): Duration.Input | Distribution.Distribution =>
  typeof given === "number" ? BigInt(given) : Schema.decodeUnknownSync(Distribution.Distribution)(given)

const intervals = (given: ReadonlyArray<Interval>) =>
  given.map(([from, until]) => ({ from: BigInt(from), until: BigInt(until) }))

const corrupted = ({ kind, corrupt }: LinkPlan) => (message: unknown, random: Random.Random): unknown => {
  const { hops } = Messages.read(kind, message)
  if (corrupt === "throws") throw new Error("corrupt threw")
  return Messages.message(kind, {
    n: Number(random.below(1000n)),
    hops,
    ...corrupt === "nonsense" && { quirk: "broken" as const },
  })
}

const linkOf = (plan: LinkPlan): Link.Link<unknown> => {
  const { ends, kind, size, outages, impairments, bandwidth, queue, loss, duplication, reordering } = plan
  return Link.make(plan.name, {
    ends,
    message: Messages.schemas[kind],
    ...plan.latency !== undefined && { latency: latency(plan.latency) },
    ...bandwidth !== undefined && { bandwidth },
    ...size !== undefined &&
      { size: (message) => typeof size === "number" ? size : 100 * (1 + Messages.read(kind, message).hops) },
    ...queue !== undefined && { queue },
    ...loss !== undefined && { loss },
    ...duplication !== undefined && { duplication },
    ...reordering !== undefined && { reordering },
    ...outages !== undefined && { outages: intervals(outages) },
    ...impairments !== undefined && {
      impairments: {
        ...impairments.drop !== undefined && { drop: impairments.drop },
        ...impairments.corrupt !== undefined && { corrupt: impairments.corrupt },
        ...impairments.duplicate !== undefined && { duplicate: impairments.duplicate },
        ...impairments.delay !== undefined && { delay: impairments.delay },
        ...impairments.by !== undefined && { by: Distribution.from(latency(impairments.by)) },
        ...impairments.during !== undefined && { during: intervals(impairments.during) },
        ...impairments.outages !== undefined && { outages: intervals(impairments.outages) },
      },
    },
    ...plan.corrupt !== undefined && { corrupt: corrupted(plan) },
  })
}

type Program = Effect.Effect<unknown, unknown, Guest.Services>

/** What one guest does: its ports are opened when it starts. */
const programOf = (plan: GuestPlan, links: ReadonlyArray<readonly [LinkPlan, Link.Link<unknown>]>): Program =>
  Effect.gen(function* () {
    const clock = yield* GuestClock.GuestClock
    const self = yield* Guest.Self
    const here = links.filter(([{ ends }]) => ends.includes(plan.name))
    const ports = new Map<string, Link.Port<unknown>>()
    const kinds = new Map(here.map(([{ name, kind }]) => [name, kind]))
    for (const [{ name }, link] of here) ports.set(name, yield* Link.open(link))
    const port = (name: string) => ports.get(name)!
    const kind = (name: string) => kinds.get(name)!
    const got = yield* Statistics.counter("got")
    const flight = yield* Statistics.histogram("flight")
    const pending = yield* Statistics.level("pending")
    const values = yield* Statistics.series("values", { capacity: 16 })

    const send = ({ link, to, body }: Send) =>
      Effect.suspend(() => {
        const message = Messages.message(kind(link), body)
        return Effect.tap(port(link).send(message, to), () => {
          if (body.quirk === "changed later") Messages.change(message)
          return Effect.void
        })
      })

    const received = (link: string, { message, from, sentAt, at }: Link.Arrival<unknown>) => {
      got.add()
      flight.record(at - sentAt)
      return Guest.note("received", { link, from, sentAt, at, message })
    }

    const all = (steps: ReadonlyArray<Step>): Program => Effect.forEach(steps, step, { discard: true })

    const step = (one: Step): Program => {
      switch (one.do) {
        case "sleep":
          return Effect.sleep(BigInt(one.ns))
        case "busy":
          return clock.ndelay(BigInt(one.ns))
        case "yield":
          return Effect.yieldNow
        case "send":
          return send(one.send)
        case "sends":
          return Effect.forEach(one.sends, (each, index) => Effect.tap(send(each), () => Guest.note(`sent ${index}`)), {
            concurrency: one.atOnce,
            discard: true,
          })
        case "within":
          return Effect.flatMap(
            Effect.timeoutOption(all(one.steps), BigInt(one.ns)),
            (done) => Guest.note(Option.isSome(done) ? "in time" : "not in time"),
          )
        case "receive": {
          const { receive } = port(one.link)
          if (one.within === undefined) return Effect.flatMap(receive, (arrival) => received(one.link, arrival))
          return Effect.flatMap(
            Effect.timeoutOption(receive, BigInt(one.within)),
            (arrival) => Option.isSome(arrival) ? received(one.link, arrival.value) : Guest.note("nothing"),
          )
        }
        case "stream":
          return Effect.timeoutOption(
            Stream.runForEach(Stream.take(port(one.link).arrivals, one.count), (each) => received(one.link, each)),
            BigInt(one.within),
          )
        case "handle":
          return port(one.link).onArrival((arrival, { now }) =>
            Effect.gen(function* () {
              const { n, hops } = Messages.read(kind(one.link), arrival.message)
              got.add()
              yield* self.note("handled", { link: one.link, message: arrival.message, from: arrival.from, now })
              if (one.fails !== undefined) throw Values.failure(one.fails)
              if (one.busy !== undefined) yield* clock.ndelay(BigInt(one.busy))
              if (!one.answer || !(hops > 0)) return
              const answer = Messages.message(kind(one.link), { n: n + 1, hops: hops - 1 })
              yield* Effect.orDie(port(one.link).send(answer, arrival.from))
            })
          )
        case "timer":
          return Effect.flatMap(clock.after(BigInt(one.ns)), (at) =>
            clock.addEvent(
              GuestClock.event("timer", () =>
                Effect.gen(function* () {
                  yield* self.note("timer")
                  if (one.fails !== undefined) throw Values.failure(one.fails)
                  if (one.send !== undefined) yield* Effect.orDie(send(one.send))
                })),
              at,
            ))
        case "unplug":
          return port(one.link).unplug
        case "plugIn":
          return port(one.link).plugIn
        case "race":
          return Effect.flatMap(
            Effect.raceAllFirst(one.arms.map((arm, index) => Effect.as(all(arm), index))),
            (first) => Guest.note("first", first),
          )
        case "together":
          return Effect.forEach(one.arms, all, { concurrency: "unbounded", discard: true })
        case "fork":
          return Effect.gen(function* () {
            const fiber = yield* Effect.forkChild(all(one.steps))
            if (one.then === undefined) return
            yield* Effect.sleep(BigInt(one.ns))
            yield* one.then === "join" ? Fiber.join(fiber) : Fiber.interrupt(fiber)
          })
        case "repeat":
          return Effect.forEach(Array.from({ length: one.times }), () => all(one.steps), { discard: true })
        case "try":
          return Effect.catchCause(all(one.steps), (cause) => {
            const squashed = Cause.squash(cause)
            if (squashed instanceof End) return Effect.failCause(cause)
            return Guest.note("caught", squashed instanceof Error ? squashed.message : "something else")
          })
        case "note":
          return Effect.suspend(() => {
            const value = Values.value(one.value)
            return Effect.tap(Guest.note(one.value, value), () => Effect.sync(() => Values.change(value)))
          })
        case "clocks":
          return Effect.gen(function* () {
            const read = [
              yield* Clock.currentTimeMillis,
              yield* Clock.currentTimeNanos,
              yield* clock.now,
              self.now(),
              yield* clock.wallClock,
              clock.nowUnsafe(),
            ]
            yield* Guest.note("clocks", read.map(String))
          })
        case "draw":
          return Effect.gen(function* () {
            const drawn = [self.random.number(), self.random.below(1000n), yield* EffectRandom.next]
            yield* Guest.note("drew", drawn.map(String))
          })
        case "measure":
          return Effect.sync(() => {
            pending.set(one.value)
            values.sample(one.value)
          })
        case "fail":
          return Effect.suspend(() => Effect.fail(Values.failure(one.value)))
        case "die":
          return Effect.sync(() => {
            throw Values.failure(one.value)
          })
        case "interrupt":
          return Effect.interrupt
        case "end":
          return Effect.fail(new End())
      }
    }
    return yield* Effect.catch(all(plan.steps), (error) => error instanceof End ? Effect.void : Effect.fail(error))
  })

/** The world of a plan. */
export const worldOf = (plan: WorldPlan): World.World => {
  const links = plan.links.map((link) => [link, linkOf(link)] as const)
  const guests = plan.guests.map((guest) =>
    Guest.make(guest.name, programOf(guest, links), {
      ...guest.daemon !== undefined && { daemon: guest.daemon },
      ...guest.readsCostTime !== undefined && { readsCostTime: guest.readsCostTime },
      livelockAfter: 100_000,
    })
  )
  return World.make({ name: "planned", guests, links: links.map(([, link]) => link) })
}

/** How a plan says that its world is run. */
export const optionsOf = ({ seed, until, order }: WorldPlan): World.Options => ({
  seed,
  ...until !== undefined && { until: BigInt(until) },
  ...order !== undefined && { order: typeof order === "number" ? { seed: order } : order },
})

/** The variable in which a process finds the plan of its world. */
export const VARIABLE = "GUEST_CLOCK_WORLD"

/** The world of the plan in {@link VARIABLE}. */
export const world: World.World | undefined = process.env[VARIABLE] === undefined
  ? undefined
  : worldOf(JSON.parse(process.env[VARIABLE]))
