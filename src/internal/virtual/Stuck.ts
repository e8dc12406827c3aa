/**
 * The errors of a program that can't go on, with what each fiber waits for.
 *
 * @module
 */
import type * as Fiber from "effect/Fiber"
import { Tagged } from "../core/Tagged.ts"
import { FOREVER } from "../../core/Nanos.ts"
import { framesOf } from "../platform/StackFrames.ts"

/**
 * A fiber that waits, and where.
 *
 * @since 0.1.0
 * @category models
 */
export interface Waiting {
  /** The fiber's number; none, if it is a process without a fiber. */
  readonly fiber: number | undefined
  /** The spans and functions that it is in, the innermost first. */
  readonly where: ReadonlyArray<string>
  /** The lines at which it waits, the innermost first, as a stack trace has them; none where it is in no generator. */
  readonly lines: ReadonlyArray<string>
  /** Until when it sleeps, in ns of guest time, if that is what it does; from 2^63 − 1 on, it never wakes. */
  readonly asleepUntil: bigint | undefined
  /** What it waits for, where that is known: `receive on wire`. */
  readonly waitsFor?: string
}

/** Names on the way from what a fiber is in to what that is in. */
const names = (fiber: Fiber.Fiber<unknown, unknown>): ReadonlyArray<string> => {
  const found: Array<string> = []
  for (let span = fiber.cache.span; span?._tag === "Span";) {
    found.push(span.name)
    const { parent } = span
    // Spans hold their parents as options.
    span = parent._tag === "Some" ? parent.value : undefined
  }
  for (let frame = fiber.cache.stackFrame; frame !== undefined; frame = frame.parent) {
    if (!found.includes(frame.name)) found.push(frame.name)
  }
  return found
}

/** What a fiber waits for, as far as it can be seen; its lines only `withLines`, as finding those may end a generator. */
export const waiting = (
  fiber: Fiber.Fiber<unknown, unknown>,
  asleepUntil: bigint | undefined,
  withLines = true,
  waitsFor?: string,
): Waiting => ({
  fiber: fiber.id,
  where: names(fiber),
  lines: withLines ? framesOf(fiber) : [],
  asleepUntil,
  ...waitsFor !== undefined && { waitsFor },
})

/** A fiber's number, its spans, and the line that it is at: `#3 in fetch < poll at query (db.ts:12:5)`. */
const named = ({ fiber, where, lines }: Waiting): string => {
  const names = where.join(" < ")
  const who = fiber === undefined ? names : `#${fiber}${names === "" ? "" : ` in ${names}`}`
  return lines.length === 0 ? who : `${who} ${lines[0]}`
}

const doing = ({ asleepUntil: until, waitsFor }: Waiting): string =>
  until !== undefined
    ? until >= FOREVER ? "asleep for ever" : `asleep until ${until} ns`
    : waitsFor === undefined
    ? "waiting"
    : `waits for ${waitsFor}`

/** A fiber for people: `#3 in fetch < poll, asleep until 100 ns`, or `…, waits for receive on wire`. */
export const format = (fiber: Waiting): string => `${named(fiber)}, ${doing(fiber)}`

/** The most fibers that a message lists. */
const MOST_LISTED = 100

const list = (fibers: ReadonlyArray<Waiting>): string => {
  const listed = fibers.slice(0, MOST_LISTED).map((fiber) => `\n  ${format(fiber)}`)
  const more = fibers.length - listed.length
  return listed.join("") + (more > 0 ? `\n  … and ${more} more` : "")
}

/** What the errors of a program that can't go on have in common. */
abstract class CannotGoOn<Tag extends string> extends Tagged<Tag> {
  /** For people and logs: JSON has no bigint. */
  toJSON(): unknown {
    return { _tag: this._tag, message: this.message }
  }

  /** Has the error's stack trace lead to the lines at which a fiber waits, instead of to what found that out. */
  protected pointAt(fiber: Waiting | undefined): void {
    if (fiber === undefined || fiber.lines.length === 0) return
    this.stack = `${this.name}: ${this.message}\n${fiber.lines.map((line) => `    ${line}`).join("\n")}`
  }
}

/**
 * Every fiber waits, and nothing is due that could wake one.
 *
 * @since 0.1.0
 * @category errors
 */
export class Deadlock extends CannotGoOn<"Deadlock"> {
  /** The guest time, in ns. */
  readonly at: bigint
  readonly fibers: ReadonlyArray<Waiting>
  /**
   * `because` is why nothing is due, where that isn't that there is nothing: requests to the world that don't end, a
   * pause of the program's own, or a handler that doesn't end.
   */
  constructor(at: bigint, fibers: ReadonlyArray<Waiting>, main?: Waiting, because?: string) {
    super(
      "Deadlock",
      `at ${at} ns every fiber waits and ` +
        (because ?? "nothing is due that could wake one " +
            "(does one wait for the real world? then run that with VirtualTime.hold)") +
        list(fibers),
    )
    this.at = at
    this.fibers = fibers
    this.pointAt(main ?? fibers[0])
  }
}

/**
 * Fibers or handlers run and run, and time doesn't move.
 *
 * @since 0.1.0
 * @category errors
 */
export class Livelock extends CannotGoOn<"Livelock"> {
  /** The guest time, in ns. */
  readonly at: bigint
  /** How many rounds, in each of which all that could run did so once, or reads of the time there were since it moved. */
  readonly steps: number
  /** The fiber that ran most. */
  readonly busiest: Waiting | undefined
  /** The event whose handler ran last, if handlers of events keep adding events for the same time. */
  readonly event: string | undefined
  constructor(
    at: bigint,
    steps: number,
    busyMs: number | undefined,
    busiest: Waiting | undefined,
    event: string | undefined,
  ) {
    const what = busyMs === undefined ? "reads of it" : `rounds of steps and ${Math.round(busyMs)} ms of real time`
    const who = event !== undefined
      ? `handlers add events for the same time again and again, the last one handled is ${JSON.stringify(event)}`
      : `the busiest fiber is ${busiest === undefined ? "unknown" : `${named(busiest)}, running`}`
    super(
      "Livelock",
      `time stands still at ${at} ns after ${steps} ${what}; ${who}`,
    )
    this.at = at
    this.steps = steps
    this.busiest = busiest
    this.event = event
    this.pointAt(busiest)
  }
}

/**
 * The program waits on and on, while time runs off.
 *
 * @since 0.1.0
 * @category errors
 */
export class Stalled extends CannotGoOn<"Stalled"> {
  /** The guest time at which the program's main fiber last ran, in ns. */
  readonly since: bigint
  /** The guest time, in ns. */
  readonly at: bigint
  /** For how much real time it has waited, in ms. */
  readonly realMs: number
  /** The program's main fiber. */
  readonly main: Waiting
  readonly fibers: ReadonlyArray<Waiting>
  constructor(since: bigint, at: bigint, realMs: number, main: Waiting, fibers: ReadonlyArray<Waiting>) {
    super(
      "Stalled",
      `the program has waited for ${Math.round(realMs)} ms of real time, while time ran from ${since} ns to ${at} ns ` +
        `for others: its main fiber is ${format(main)}; beside it there are${
          list(fibers.filter(({ fiber }) => fiber !== main.fiber))
        }`,
    )
    this.since = since
    this.at = at
    this.realMs = realMs
    this.main = main
    this.fibers = fibers
    this.pointAt(main)
  }
}

/**
 * One of the limits that the program was given.
 *
 * @since 0.1.0
 * @category errors
 */
export class LimitReached extends CannotGoOn<"LimitReached"> {
  /** Which limit. */
  readonly limit: "simulated time" | "real time" | "events"
  /** How much was allowed, for people. */
  readonly allowed: string
  /** The guest time, in ns. */
  readonly at: bigint
  /** The fibers that were there. */
  readonly fibers: ReadonlyArray<Waiting>
  /** `doing` is what the program did: it may have reached the limit by being stuck. */
  constructor(
    limit: LimitReached["limit"],
    allowed: string,
    at: bigint,
    doing?: string,
    main?: Waiting,
    fibers: ReadonlyArray<Waiting> = [],
  ) {
    const state = doing === undefined ? "" : `: ${doing}${list(fibers)}`
    super("LimitReached", `the program has used up its limit of ${allowed} of ${limit} at ${at} ns${state}`)
    this.limit = limit
    this.allowed = allowed
    this.at = at
    this.fibers = fibers
    this.pointAt(main)
  }

  /** The same, with who was there, and did what. */
  by(doing: string, main: Waiting | undefined, fibers: ReadonlyArray<Waiting>): LimitReached {
    return new LimitReached(this.limit, this.allowed, this.at, doing, main, fibers)
  }
}

/**
 * The program has ended, and timers that it set haven't.
 *
 * @since 0.1.0
 * @category errors
 */
export class TimersPending extends CannotGoOn<"TimersPending"> {
  readonly fibers: ReadonlyArray<Waiting>
  constructor(fibers: ReadonlyArray<Waiting>) {
    super("TimersPending", `the program has ended, and ${fibers.length} fibers still sleep${list(fibers)}`)
    this.fibers = fibers
    this.pointAt(fibers[0])
  }
}

/**
 * Real I/O took longer than the hold that waits for it allows.
 *
 * @since 0.1.0
 * @category errors
 */
export class HoldTimedOut extends CannotGoOn<"HoldTimedOut"> {
  readonly hold: string
  readonly capMs: number
  /** The fibers that slept meanwhile. */
  readonly fibers: ReadonlyArray<Waiting>
  constructor(hold: string, capMs: number, fibers: ReadonlyArray<Waiting>) {
    const meanwhile = fibers.length === 0 ? "" : `; meanwhile these slept:${list(fibers)}`
    super(
      "HoldTimedOut",
      `the hold ${JSON.stringify(hold)} froze simulated time for longer than its cap of ${capMs} ms${meanwhile}`,
    )
    this.hold = hold
    this.capMs = capMs
    this.fibers = fibers
  }
}

/**
 * Why a program can't go on.
 *
 * @since 0.1.0
 * @category errors
 */
export type Stuck = Deadlock | Livelock | Stalled | LimitReached | TimersPending
