/**
 * A world: guests on one calendar, the links between them, and who checks what they
 * do. In one process unless another {@link Place} is provided; the same guests do the
 * same things in either.
 *
 * @module
 */
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as CalendarServer from "../calendar/CalendarServer.ts"
import { LEAN } from "../core/Revisions.ts"
import { OptionError } from "../core/Fault.ts"
import { CurrentKernelHost, serve } from "../internal/simulation/KernelHost.ts"
import { currentTap } from "../internal/simulation/Tap.ts"
import { orFail } from "../internal/services/Unsafe.ts"
import type { ClockError } from "../Event.ts"
import * as Mode from "../Mode.ts"
import { clock, inRealTime } from "../internal/platform/RealTime.ts"
import { badFlag } from "../internal/services/Checks.ts"
import { TraceName } from "../services/Tracer.ts"
import { takingNoTime, VirtualTime } from "../VirtualTime.ts"
import * as Checker from "./Checker.ts"
import type { Guest } from "./Guest.ts"
import * as Journal from "./Journal.ts"
import type * as Link from "./Link.ts"
import { type GuestFailed, Node, type Outcome } from "../internal/simulation/Node.ts"
import * as Progress from "./Progress.ts"
import type { Note } from "../internal/simulation/Stop.ts"
import { Attaching, type Started } from "../internal/simulation/Started.ts"
import { limited, type LimitExceeded } from "../internal/simulation/Limits.ts"
import * as Watching from "../internal/simulation/Watching.ts"
import { Switch } from "../internal/simulation/Transport.ts"
import { type Options, type Plan, plan, type World } from "../internal/simulation/WorldPlan.ts"

export type { Options, Plan, World } from "../internal/simulation/WorldPlan.ts"
export { GuestFailed, type Outcome } from "../internal/simulation/Node.ts"
export type { WatchOptions } from "../internal/simulation/Watching.ts"
export { LimitExceeded, type Limits } from "../internal/simulation/Limits.ts"
export type { Started } from "../internal/simulation/Started.ts"
export type { Note } from "../internal/simulation/Stop.ts"

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
  /**
   * The guest that ended it early (`Guest.stop`, or a note by `stopWhen`), and why; without a guest, if its handle did;
   * none, if nobody has.
   */
  readonly stopped?: { readonly guest?: string; readonly reason: string }
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
  | LimitExceeded
  | CalendarServer.CalendarDeadlock
  | ClockError

/**
 * The outcome of a plan.
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
 * Adds to a deadlock what the guests wait for. `fibersOf` tells that of one, or nothing if it has ended; it is asked
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
 * While the scope is open, reports a calendar's progress to `Progress`; tells who watches the world, the page or a
 * handle, of its calendar and of what ends it.
 *
 * @since 0.1.0
 * @category running
 */
export const watching = (
  calendar: CalendarServer.CalendarServer,
  { until }: CalendarServer.ServeOptions,
  stop: Effect.Effect<void>,
): Effect.Effect<void, never, Scope.Scope> =>
  Effect.gen(function* () {
    yield* (yield* Watching.CurrentWatcher)?.attach(calendar, stop) ?? Effect.void
    yield* Progress.watching(Effect.map(calendar.stats, ({ time, grants }) => ({ time, grants, until })))
  })

/** What a guest or a calendar is called in traces. */
const traced = <A, E, R>(effect: Effect.Effect<A, E, R>, name: string): Effect.Effect<A, E, R> =>
  Effect.provideService(effect, TraceName, name)

/** A guest that is alone in its world has nobody to agree with about the time: it needs no calendar. */
const isAlone = ({ world: { guests }, realTime, watch, isSteered = false }: Plan): boolean =>
  guests.length === 1 && realTime.size === 0 && watch === undefined && !isSteered && guests[0]!.hasKernel !== true

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
    yield* watching(calendar, options, attendance.stop)
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
  Effect.flatMap(orFail(() => plan(world, options)), (made) => takingNoTime(carryOut(made)))

/** Runs what is planned, in real time. */
const carryOut = (made: Plan): Effect.Effect<Result, RunError> =>
  Effect.gen(function* () {
    const { world } = made
    const place = yield* CurrentPlace
    const began = clock.monotonicTimeNanosUnsafe()
    const within = limited(world.name, made.limits ?? {}, (onGrant) =>
      place.run(onGrant === undefined ? made : { ...made, isSteered: true, calendar: { ...made.calendar, onGrant } }))
    const ran = yield* Effect.scoped(
      Watching.watched(within, world.name, made.watch),
    )
    const realMs = Number(clock.monotonicTimeNanosUnsafe() - began) / 1e6
    const journal = Journal.merge(ran.outcomes.map((outcome) =>
      outcome.journal
    ))
    const stopper = ran.outcomes.find(({ stopped }) =>
      stopped !== undefined
    )
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

/**
 * The options of a world that is started.
 *
 * @since 0.2.0
 * @category models
 */
export interface StartOptions extends Options {
  /** Whether it begins paused, until it is told to go on. Default: false. */
  readonly paused?: boolean
}

/**
 * Starts a world, and returns a handle on it: to pause, step, pace and end it while it runs, and to look at it.
 *
 * The same happens in it as when it is {@link run}, however it is paused and stepped; only what its calendar counts, turns
 * and messages, may be more. When the scope closes before it is over, all of it ends.
 *
 * **When to use**
 *
 * Use it in tests and tools that look at a world at a certain time, or go through it turn by turn.
 *
 * **Gotchas**
 *
 * Not in a program on simulated time (`VirtualTime.run`, `it.simulated`), where it fails with an `OptionError`: {@link run}
 * a world there.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { Guest, World } from "guest-clock/simulation"
 *
 * const world = World.make({ guests: [Guest.make("sleeper", Effect.sleep("1 hour")), Guest.make("other", Effect.void)] })
 * const program = Effect.gen(function*() {
 *   const started = yield* World.start(world, { paused: true })
 *   yield* started.runUntil("10 minutes")
 *   console.log((yield* started.status)?.time) // 600000000000n
 *   yield* started.resume
 *   console.log((yield* started.result).time) // 3600000000000n
 * })
 * await Effect.runPromise(Effect.scoped(program))
 * ```
 *
 * @since 0.2.0
 * @category running
 */
export const start = (
  world: World,
  options: StartOptions = {},
): Effect.Effect<Started<Result, RunError>, RunError, Scope.Scope> =>
  Effect.gen(function* () {
    const { paused = false, ...others } = options
    const wrong = badFlag("paused", paused)
    if (wrong !== undefined) return yield* Effect.fail(wrong)
    if (Option.isSome(yield* Effect.serviceOption(VirtualTime))) {
      return yield* Effect.fail(new OptionError("the clock around World.start", "simulated time", "it is of real time"))
    }
    const made = yield* orFail(() => plan(world, others))
    const attaching = new Attaching(paused, yield* Watching.CurrentWatcher)
    const running = Effect.provideService(
      carryOut({ ...made, isSteered: true }),
      Watching.CurrentWatcher,
      attaching.watcher,
    )
    const told = Effect.map(running, (result): Result => {
      const { reason } = attaching
      return reason === undefined || result.stopped !== undefined ? result : { ...result, stopped: { reason } }
    })
    return yield* attaching.handle(yield* Effect.forkScoped(inRealTime(told), { startImmediately: true }))
  })
