/**
 * A world and how it is to be run, as its user gives them; their checks; and the plan that they make.
 *
 * @module
 */
import type * as Duration from "effect/Duration"
import type * as CalendarServer from "../../calendar/CalendarServer.ts"
import { OptionError } from "../../core/Fault.ts"
import { FOREVER, NONE } from "../../core/Nanos.ts"
import { badDuration, badList, badName, badNanos, badPace, badSeed, badUntil } from "../services/Checks.ts"
import { durationOf, inNanos } from "../services/Times.ts"
import { badLivelockAfter } from "../virtual/Options.ts"
import type * as Checker from "../../simulation/Checker.ts"
import type { Guest } from "../../simulation/Guest.ts"
import * as Link from "../../simulation/Link.ts"
import * as Random from "../../simulation/Random.ts"
import type { Settings } from "./Statistics.ts"
import type { Note } from "./Stop.ts"
import { badLimits, type Limits } from "./Limits.ts"
import * as Watching from "./Watching.ts"

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
 * The options of a world's run.
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
  /** The order of guests that are to run at the same time. Default: `first-come`. */
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
  /**
   * Bounds on its turns and on its real time. A run that exceeds one fails with `LimitExceeded`. Default: no bounds.
   * @since 0.2.0
   */
  readonly limits?: Limits
  /** Real time for which no guest has asked for a time before that is a deadlock. Default: 1 second. */
  readonly deadlockAfter?: Duration.Input
}

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
  readonly limits?: Limits
  /** Whether somebody outside of it has a handle on its calendar. */
  readonly isSteered?: boolean
  /** How the calendar runs, of which those in real time are no clients. */
  readonly calendar: CalendarServer.ServeOptions
}

/** Checks a guest, and returns what is wrong. */
const badGuest = (guest: Guest): OptionError | undefined =>
  isMade(guest)
    ? badName("the name of a guest", guest.name) ??
      badLivelockAfter(`livelockAfter of the guest ${JSON.stringify(guest.name)}`, guest.options.livelockAfter) ??
      guest.wrong
    : new OptionError("guests", guest, "each is one that Guest.make made")

/** Whether this is a guest or a link, rather than something else. */
const isMade = (given: Guest | Link.Any): boolean => typeof given?.options === "object" && given.options !== null

/** Checks a world, and returns what is wrong. */
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

/** Checks how guests are ordered, and returns what is wrong. */
const badOrder = (order: Options["order"]): OptionError | undefined =>
  order === undefined || order === "first-come" || order === "by-id"
    ? undefined
    : typeof order !== "object" || order === null
    ? new OptionError("order", order, ORDERS)
    : badSeed("order.seed", order.seed)

/** Checks a simulated time to end at, and returns what is wrong. */
export const badEnd = (until: Options["until"], option = "until"): OptionError | undefined => {
  if (until === undefined) return undefined
  return durationOf(until) === undefined
    ? new OptionError(option, until, 'it is a time from 0 on, as "5 seconds", a number of ms, or a bigint of ns')
    : badUntil(inNanos(until))
}

/** Checks a time at which statistics begin anew, and returns what is wrong. */
const badWarmUp = ({ warmUp, until }: Options): OptionError | undefined => {
  if (warmUp === undefined) return undefined
  const bad = badDuration("warmUp", warmUp) ?? badNanos("warmUp", inNanos(warmUp), 0n, FOREVER - 1n)
  if (bad !== undefined || until === undefined || inNanos(warmUp) < inNanos(until)) return bad
  return new OptionError("warmUp", inNanos(warmUp), `it is before \`until\`, which is ${inNanos(until)} ns`)
}

/** Checks how a world is to be run, and returns what is wrong: the same for one guest and for many. */
const badOptions = (options: Options): OptionError | undefined => {
  const { seed, until, course, start, order, realTime, pace, deadlockAfter, watch, limits } = options
  return (seed === undefined ? undefined : badSeed("seed", seed)) ?? badEnd(until) ?? badWarmUp(options) ??
    (course === undefined ? undefined : badName("course", course)) ??
    (start === undefined ? undefined : badNanos("start", start, 0n, NONE)) ?? badOrder(order) ??
    (realTime === undefined ? undefined : badList("realTime", realTime)) ?? badPace(pace) ??
    (deadlockAfter === undefined ? undefined : badDuration("deadlockAfter", deadlockAfter)) ??
    (watch === undefined ? undefined : Watching.badWatch(watch)) ??
    (limits === undefined ? undefined : badLimits(limits))
}

/** A plan for running a world; throws an `OptionError` if there can be none. */
export const plan = (world: World, options: Options): Plan => {
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
    ...options.limits !== undefined && { limits: options.limits },
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
