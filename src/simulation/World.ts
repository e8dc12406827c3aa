/**
 * A world: guests on one calendar, the links between them, and who checks what they
 * do. In one process unless another {@link Place} is provided; the same guests do the
 * same things in either.
 *
 * @module
 */
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as CalendarServer from "../calendar/CalendarServer.ts"
import { LEAN } from "../core/Revisions.ts"
import { OptionError } from "../core/Fault.ts"
import { FOREVER, NONE } from "../core/Nanos.ts"
import { CurrentKernelHost, serve } from "../internal/simulation/KernelHost.ts"
import { currentTap } from "../internal/simulation/Tap.ts"
import { badDuration, badList, badName, badNanos, badPace, badSeed, badUntil } from "../internal/services/Checks.ts"
import { durationOf, inNanos } from "../internal/services/Times.ts"
import { orFail } from "../internal/services/Unsafe.ts"
import type { ClockError } from "../Event.ts"
import * as Mode from "../Mode.ts"
import { clock } from "../internal/platform/RealTime.ts"
import { TraceName } from "../services/Tracer.ts"
import { badLivelockAfter } from "../internal/virtual/Options.ts"
import { takingNoTime } from "../VirtualTime.ts"
import * as Checker from "./Checker.ts"
import type { Guest } from "./Guest.ts"
import * as Journal from "./Journal.ts"
import * as Link from "./Link.ts"
import { type GuestFailed, Node, type Outcome } from "../internal/simulation/Node.ts"
import * as Progress from "./Progress.ts"
import * as Random from "./Random.ts"
import type { Settings } from "../internal/simulation/Statistics.ts"
import type { Note } from "../internal/simulation/Stop.ts"
import * as Watching from "../internal/simulation/Watching.ts"
import { Switch } from "../internal/simulation/Transport.ts"

export { GuestFailed, type Outcome } from "../internal/simulation/Node.ts"
export type { WatchOptions } from "../internal/simulation/Watching.ts"
export type { Note } from "../internal/simulation/Stop.ts"

/**
 * Guests, and what connects them.
 *
 * @since 0.1.0
 * @category models
 */
export interface World {
  /** For reports. */
  readonly name: string
  readonly guests: ReadonlyArray<Guest>
  readonly links: ReadonlyArray<Link.Any>
  /** What must hold of what the guests note down, whatever happens. */
  readonly checkers: ReadonlyArray<Checker.Checker>
  /**
   * Whether the world ends at a note that a guest makes (`Guest.note`), at once: a pure function, asked of each, in
   * whichever process the guest is.
   */
  readonly stopWhen?: ((note: Note) => boolean) | undefined
}

/**
 * A world. What is wrong with it, {@link run} says.
 *
 * **When to use**
 *
 * Use it to say which guests there are and which links they have; {@link run} runs that, as often as you like.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { Guest, World } from "guest-clock/simulation"
 *
 * const guest = Guest.make("guest", Effect.sleep("1 hour"))
 * const world = World.make({ name: "alone", guests: [guest] })
 * console.log((await Effect.runPromise(World.run(world))).time) // 3600000000000n
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (world: {
  readonly name?: string
  readonly guests: ReadonlyArray<Guest>
  readonly links?: ReadonlyArray<Link.Any>
  readonly checkers?: ReadonlyArray<Checker.Checker>
  readonly stopWhen?: ((note: Note) => boolean) | undefined
}): World => ({ name: "world", links: [], checkers: [], ...world })

/**
 * How a world is run.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** Decides all chance: latencies, losses, what programs draw. An unsigned 32-bit number. Default: 0. */
  readonly seed?: number
  /**
   * The simulated time at which it ends, if it hasn't before: from 0 on. What is due exactly then
   * still happens, and nothing that is due later. Default: none.
   */
  readonly until?: Duration.Input
  /**
   * The simulated time at which all statistics begin anew (`Statistics.restart`), so that how a world begins isn't in them:
   * from 0 on, and before `until`. What a guest measures that ends before that is empty. Default: they are kept from the
   * beginning.
   */
  readonly warmUp?: Duration.Input
  /**
   * The name of a histogram, tally or level whose course is kept: as a series `NAME course`, of the means of batches in
   * a row: 5 values each, or of a level equally long times, and more where there would be 4,096 batches. `WarmUp` finds a
   * warm-up by it. Default: none.
   */
  readonly course?: string
  /** The time of day at time 0, in ns since 1970, of 64 bits. Default: 0. */
  readonly start?: bigint
  /** Who goes first of the guests that are to run at the same time. Default: `first-come`. */
  readonly order?: CalendarServer.ServeOptions["order"]
  /** Whether to keep a journal of all that happened. Default: only if there are checkers, which need it. */
  readonly journal?: boolean
  /** The guests that run on the host's clock instead of the calendar. The others then keep pace with it. */
  readonly realTime?: ReadonlyArray<string>
  /** Simulated seconds a real second, 10^-9 to 10^9. Default: as fast as it goes, but 1 with guests in real time. */
  readonly pace?: number
  /**
   * Whether a page on 127.0.0.1 follows it and can pause, step and pace it; where, is printed to standard error.
   * @since 0.2.0
   */
  readonly watch?: boolean | Watching.WatchOptions
  /** Real time for which no guest has asked for a time before that is a deadlock. Default: 1 second. */
  readonly deadlockAfter?: Duration.Input
}

/**
 * What a run came to.
 *
 * @since 0.1.0
 * @category models
 */
export interface Result {
  readonly world: string
  readonly seed: number
  /** The calendar's time at the end, in ns. */
  readonly time: bigint
  /** Since when statistics were kept, in ns, if not from the beginning. */
  readonly warmUp?: bigint
  /** How long it took, in ms of real time. */
  readonly realMs: number
  /** How often a guest had its turn. */
  readonly grants: number
  /** What went to the calendar and came from it. */
  readonly messages: number
  /** What is left of each guest, in the order of the world's. */
  readonly guests: ReadonlyArray<Outcome>
  /** Who has ended it before it was over (`Guest.stop`, or a note by `stopWhen`), and why; none, if nobody has. */
  readonly stopped?: { readonly guest: string; readonly reason: string }
  /** All that happened, if a journal was kept. */
  readonly journal: Journal.Journal
}

/**
 * What a run can fail with.
 *
 * @since 0.1.0
 * @category errors
 */
export type RunError =
  | OptionError
  | GuestFailed
  | Checker.CheckFailed
  | CalendarServer.CalendarDeadlock
  | ClockError

/**
 * A world, with all that decides what happens in it: checked.
 *
 * @since 0.1.0
 * @category models
 */
export interface Plan extends Settings {
  readonly world: World
  readonly seed: number
  readonly random: Random.Random
  readonly journal: boolean
  readonly realTime: ReadonlySet<string>
  readonly watch?: Watching.WatchOptions
  /** How the calendar runs, of which those in real time are no clients. */
  readonly calendar: CalendarServer.ServeOptions
}

/**
 * What has come of a plan.
 *
 * @since 0.1.0
 * @category models
 */
export interface Ran extends CalendarServer.Stats {
  readonly outcomes: ReadonlyArray<Outcome>
}

/**
 * Where a world's guests are.
 *
 * @since 0.1.0
 * @category models
 */
export interface Place {
  /** Runs the guests until all but daemons have ended, the calendar has, or one has failed. */
  readonly run: (
    plan: Plan,
  ) => Effect.Effect<Ran, OptionError | GuestFailed | CalendarServer.CalendarDeadlock | ClockError, Scope.Scope>
}

/**
 * Counts those whose end a world waits for. The last of them stops the calendar, so that
 * no daemon goes on in the meantime.
 *
 * @since 0.1.0
 * @category models
 */
export class Attendance {
  readonly #awaited: Set<string>
  readonly #calendar: CalendarServer.CalendarServer
  readonly #over = Deferred.makeUnsafe<void>()

  constructor(guests: ReadonlyArray<Guest>, calendar: CalendarServer.CalendarServer) {
    this.#awaited = new Set(guests.filter(({ options }) => options.daemon !== true).map(({ name }) => name))
    this.#calendar = calendar
  }

  /** A guest's program has ended; to be done before it leaves the calendar. */
  ended(guest: string): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (!this.#awaited.delete(guest) || this.#awaited.size > 0) return Effect.void
      return this.stop
    })
  }

  /** A guest ends the world. */
  get stop(): Effect.Effect<void> {
    return Effect.andThen(this.#calendar.pause, Deferred.succeed(this.#over, undefined))
  }

  /** Ends when nobody is waited for any more, or the calendar has ended. */
  get over(): Effect.Effect<void, CalendarServer.CalendarDeadlock> {
    // With the last client gone the calendar ends as well, and so do guests in real time.
    const ended = Effect.flatMap(
      this.#calendar.ended,
      (how) => how === "left" && this.#awaited.size > 0 ? Effect.never : Effect.void,
    )
    return Effect.raceFirst(Deferred.await(this.#over), ended)
  }
}

/**
 * Has a deadlock say what the guests wait for. `fibersOf` tells that of one, or nothing if it has ended; it is asked
 * while all of them still wait.
 *
 * @since 0.1.0
 * @category running
 */
export const naming = <A, E, G extends { readonly name: string }>(
  effect: Effect.Effect<A, E>,
  guests: ReadonlyArray<G>,
  fibersOf: (guest: G) => Effect.Effect<ReadonlyArray<string> | undefined>,
): Effect.Effect<A, E | CalendarServer.CalendarDeadlock> =>
  Effect.catch(effect, (error): Effect.Effect<never, E | CalendarServer.CalendarDeadlock> => {
    if (!(error instanceof CalendarServer.CalendarDeadlock)) return Effect.fail(error)
    return Effect.flatMap(Effect.forEach(guests, fibersOf, { concurrency: "unbounded" }), (all) => {
      const waiting = guests.flatMap(({ name: guest }, i) => {
        const fibers = all[i]
        return fibers === undefined ? [] : [{ guest, fibers }]
      })
      return Effect.fail(error.of(waiting, guests.length - waiting.length))
    })
  })

/**
 * While the scope is open, shows how far a calendar has come, if anybody wants to see that.
 *
 * @since 0.1.0
 * @category running
 */
export const watching = (
  calendar: CalendarServer.CalendarServer,
  { until }: CalendarServer.ServeOptions,
): Effect.Effect<void, never, Scope.Scope> =>
  Effect.gen(function* () {
    yield* (yield* Watching.CurrentWatcher)?.attach(calendar) ?? Effect.void
    yield* Progress.watching(Effect.map(calendar.stats, ({ time, grants }) => ({ time, grants, until })))
  })

/** What a guest or a calendar is called in traces. */
const traced = <A, E, R>(effect: Effect.Effect<A, E, R>, name: string): Effect.Effect<A, E, R> =>
  Effect.provideService(effect, TraceName, name)

/** A guest that is alone in its world has nobody to agree with about the time: it needs no calendar. */
const isAlone = ({ world: { guests }, realTime, watch }: Plan): boolean =>
  guests.length === 1 && realTime.size === 0 && watch === undefined && guests[0]!.hasKernel !== true

const alone = ({ world, random, journal, warmUp, course, calendar }: Plan): ReturnType<Place["run"]> =>
  Effect.gen(function* () {
    const [guest] = world.guests as [Guest]
    const { start = 0n, until } = calendar
    const transport = new Switch()
    const nobody = { onEnded: Effect.void, onStopped: Effect.void }
    const { links, stopWhen } = world
    const tap = yield* currentTap(start)
    const node = new Node({
      guest,
      links,
      stopWhen,
      random,
      transport,
      journal,
      tap,
      warmUp,
      course,
      ...nobody,
      alone: calendar,
    })
    yield* Progress.watching(Effect.sync(() => ({ time: node.now, until, grants: 0 })))
    yield* traced(Effect.provide(node.run(), Mode.infCpu({ start })), node.name)
    const time = node.hasEnded ? node.now : until ?? node.now
    return { messages: 0, grants: 0, time, clients: 0, outcomes: [node.outcome(time)] }
  })

/**
 * All guests in this process, without sockets.
 *
 * @since 0.1.0
 * @category running
 */
export const inProcess: Place = {
  run: (plan) => isAlone(plan) ? alone(plan) : together(plan),
}

const together = (
  { world, random, journal, realTime, warmUp, course, calendar: options }: Plan,
): ReturnType<Place["run"]> =>
  Effect.gen(function* () {
    const { calendar, host } = yield* traced(serve(world.guests, options), world.name)
    const attendance = new Attendance(world.guests, calendar)
    const transport = new Switch()
    const tap = yield* currentTap(options.start)
    const nodes = world.guests.map((guest) =>
      new Node({
        guest,
        links: world.links,
        random,
        transport,
        journal,
        warmUp,
        course,
        tap,
        onEnded: Effect.suspend(() => {
          transport.plug(guest.name, undefined)
          return attendance.ended(guest.name)
        }),
        onFailed: () => calendar.pause,
        onStopped: attendance.stop,
        stopWhen: world.stopWhen,
      })
    )
    for (const node of nodes) transport.plug(node.name, node)
    const running = Effect.forEach(
      nodes,
      (node, index) =>
        traced(
          Effect.provide(
            Effect.provideService(node.run(), CurrentKernelHost, host),
            realTime.has(node.name)
              ? Mode.off()
              : Mode.linked(calendar.link(node.name), { id: BigInt(index + 1), revision: LEAN }),
          ),
          node.name,
        ),
      { concurrency: "unbounded", discard: true },
    )
    yield* watching(calendar, options)
    const over = naming(attendance.over, nodes, (node) => Effect.sync(() => node.fibers()))
    // Whose clock has died has left the calendar, which may come to its end before that guest has failed.
    const failing = Effect.suspend(() => nodes.some(({ isFailing }) => isFailing) ? Effect.never : Effect.void)
    // What guests are when the world ends: their finalizers run after that.
    const ran = Effect.map(calendar.stats, (stats) => ({
      ...stats,
      outcomes: nodes.map((node) => node.outcome(stats.time)),
    }))
    return yield* Effect.raceFirst(
      Effect.andThen(running, Effect.never),
      over.pipe(Effect.andThen(failing), Effect.andThen(ran)),
    )
  })

/**
 * Where a world's guests are: in this process, unless another place is provided.
 *
 * @since 0.1.0
 * @category references
 */
export const CurrentPlace: Context.Reference<Place> = Context.Reference("guest-clock/simulation/Place", {
  defaultValue: () => inProcess,
})

/** What is wrong with a guest, if anything is. */
const badGuest = (guest: Guest): OptionError | undefined =>
  isMade(guest)
    ? badName("the name of a guest", guest.name) ??
      badLivelockAfter(`livelockAfter of the guest ${JSON.stringify(guest.name)}`, guest.options.livelockAfter) ??
      guest.wrong
    : new OptionError("guests", guest, "each is one that Guest.make made")

/** Whether this is a guest or a link, rather than something else. */
const isMade = (given: Guest | Link.Any): boolean => typeof given?.options === "object" && given.options !== null

/** What is wrong with a world, if anything is. */
const badIn = (world: World): OptionError | undefined => {
  for (const option of ["guests", "links", "checkers"] as const) {
    const bad = badList(option, world[option])
    if (bad !== undefined) return bad
  }
  if (world.guests.length === 0) return new OptionError("guests", world.guests, "a world has 1 guest or more")
  const guests = new Set<string>()
  for (const guest of world.guests) {
    const bad = badGuest(guest)
    if (bad !== undefined) return bad
    if (guests.has(guest.name)) return new OptionError("guests", guest.name, "each has a name of its own")
    guests.add(guest.name)
  }
  if (world.guests.every(({ options }) => options.daemon)) {
    return new OptionError("guests", [...guests].join(", "), "not all of them are daemons: nobody would be waited for")
  }
  if (world.stopWhen !== undefined && typeof world.stopWhen !== "function") {
    return new OptionError("stopWhen", world.stopWhen, "it is a function from a note to true or false")
  }
  const links = new Set<string>()
  for (const link of world.links) {
    if (!isMade(link)) return new OptionError("links", link, "each is one that Link.make made")
    if (links.has(link.name)) return new OptionError("links", link.name, "each has a name of its own")
    links.add(link.name)
    const bad = Link.badIn(link, guests)
    if (bad !== undefined) return bad
  }
  return undefined
}

const ORDERS = 'it is "first-come", "by-id" or { seed }'

/** What is wrong with how guests are ordered, if anything is. */
const badOrder = (order: Options["order"]): OptionError | undefined =>
  order === undefined || order === "first-come" || order === "by-id"
    ? undefined
    : typeof order !== "object" || order === null
    ? new OptionError("order", order, ORDERS)
    : badSeed("order.seed", order.seed)

/** What is wrong with a simulated time to end at, if anything is. */
const badEnd = (until: Options["until"]): OptionError | undefined => {
  if (until === undefined) return undefined
  return durationOf(until) === undefined
    ? new OptionError("until", until, 'it is a time from 0 on, as "5 seconds", a number of ms, or a bigint of ns')
    : badUntil(inNanos(until))
}

/** What is wrong with a time at which statistics begin anew, if anything is. */
const badWarmUp = ({ warmUp, until }: Options): OptionError | undefined => {
  if (warmUp === undefined) return undefined
  const bad = badDuration("warmUp", warmUp) ?? badNanos("warmUp", inNanos(warmUp), 0n, FOREVER - 1n)
  if (bad !== undefined || until === undefined || inNanos(warmUp) < inNanos(until)) return bad
  return new OptionError("warmUp", inNanos(warmUp), `it is before \`until\`, which is ${inNanos(until)} ns`)
}

/** What is wrong with how a world is to be run, if anything is: the same for one guest and for many. */
const badOptions = (options: Options): OptionError | undefined => {
  const { seed, until, course, start, order, realTime, pace, deadlockAfter, watch } = options
  return (seed === undefined ? undefined : badSeed("seed", seed)) ?? badEnd(until) ?? badWarmUp(options) ??
    (course === undefined ? undefined : badName("course", course)) ??
    (start === undefined ? undefined : badNanos("start", start, 0n, NONE)) ?? badOrder(order) ??
    (realTime === undefined ? undefined : badList("realTime", realTime)) ?? badPace(pace) ??
    (deadlockAfter === undefined ? undefined : badDuration("deadlockAfter", deadlockAfter)) ??
    (watch === undefined ? undefined : Watching.badWatch(watch))
}

/** A plan for running a world; throws an `OptionError` if there can be none. */
const plan = (world: World, options: Options): Plan => {
  const bad = badIn(world) ?? badOptions(options)
  if (bad !== undefined) throw bad
  const { seed = 0, until, warmUp, course, start, order, journal, realTime = [], pace, deadlockAfter, watch = false } =
    options
  const random = Random.makeUnsafe(seed)
  const names = new Set(world.guests.map(({ name }) => name))
  const stranger = realTime.find((name) => !names.has(name))
  if (stranger !== undefined) {
    throw new OptionError("realTime", stranger, `the world's guests are ${[...names].join(", ")}`)
  }
  const inRealTime = new Set(realTime)
  return {
    world,
    seed,
    random,
    journal: journal === true || world.checkers.length > 0,
    realTime: inRealTime,
    ...warmUp !== undefined && { warmUp: inNanos(warmUp) },
    ...course !== undefined && { course },
    ...watch !== false && { watch: watch === true ? {} : watch },
    calendar: {
      clients: world.guests.length - inRealTime.size,
      start: start ?? 0n,
      onDeadlock: inRealTime.size > 0 ? "wait" : "fail",
      ...until !== undefined && { until: inNanos(until) },
      ...order !== undefined && { order },
      ...(pace ?? (inRealTime.size > 0 ? 1 : undefined)) !== undefined && { pace: pace ?? 1 },
      ...deadlockAfter !== undefined && { deadlockAfter },
    },
  }
}

/**
 * Runs a world: until the programs of all guests but daemons have ended, or time is up.
 *
 * It fails when a guest does, when all wait for each other, when a checker finds what
 * must not be, and when an option can't be. The same world with the same seed does the
 * same each time, unless guests run in real time. What watches over it, as for a deadlock, is in
 * real time on whatever clock this is run; on simulated time, it takes none of that.
 *
 * **When to use**
 *
 * Use it to simulate several machines and what goes wrong between them, or one with its processes.
 *
 * @example
 * ```ts
 * import { Effect, Schema } from "effect"
 * import { Guest, Link, World } from "guest-clock/simulation"
 *
 * const wire = Link.make("wire", { ends: ["client", "server"], message: Schema.Number, latency: "1 millis" })
 * const client = Guest.make("client", Effect.gen(function*() {
 *   const port = yield* Link.open(wire)
 *   yield* port.send(20)
 *   const { message, at } = yield* port.receive
 *   console.log(message, at) // 21 2000000n
 * }))
 * const server = Guest.make("server", Effect.gen(function*() {
 *   const port = yield* Link.open(wire)
 *   while (true) yield* port.send((yield* port.receive).message + 1)
 * }), { daemon: true })
 *
 * const { time } = await Effect.runPromise(World.run(World.make({ guests: [client, server], links: [wire] })))
 * console.log(time) // 2000000n
 * ```
 *
 * @since 0.1.0
 * @category running
 */
export const run = (world: World, options: Options = {}): Effect.Effect<Result, RunError> =>
  Effect.gen(function* () {
    const made = yield* orFail(() => plan(world, options))
    const place = yield* CurrentPlace
    const began = clock.monotonicTimeNanosUnsafe()
    const running = Watching.watched(place.run(made), world.name, made.watch)
    const ran = yield* takingNoTime(Effect.scoped(running))
    const realMs = Number(clock.monotonicTimeNanosUnsafe() - began) / 1e6
    const journal = Journal.merge(ran.outcomes.map((outcome) => outcome.journal))
    const stopper = ran.outcomes.find(({ stopped }) => stopped !== undefined)
    const found = yield* orFail(() => Checker.check(world.checkers, journal, made.seed))
    if (found !== undefined) return yield* Effect.fail(found)
    return {
      world: world.name,
      seed: made.seed,
      time: ran.outcomes.reduce((last, { time }) => time > last ? time : last, ran.time),
      ...made.warmUp !== undefined && { warmUp: made.warmUp },
      realMs,
      grants: ran.grants,
      messages: ran.messages,
      guests: ran.outcomes,
      ...stopper !== undefined && { stopped: { guest: stopper.guest, reason: stopper.stopped! } },
      journal,
    }
  })
