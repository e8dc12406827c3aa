/**
 * Why a program on simulated time can't go on, and who waits for what: an error
 * instead of a hang.
 *
 * @module
 */
import type * as Fiber from "effect/Fiber"

/** A fiber that waits, and where. */
export interface Waiting {
  /** The fiber's number. */
  readonly fiber: number
  /** The spans and functions that it is in, the innermost first. */
  readonly where: ReadonlyArray<string>
  /** Until when it sleeps, in ns of guest time, if that is what it does. */
  readonly asleepUntil: bigint | undefined
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

/** What a fiber waits for, as far as it can be seen. */
export const waiting = (fiber: Fiber.Fiber<unknown, unknown>, asleepUntil: bigint | undefined): Waiting => ({
  fiber: fiber.id,
  where: names(fiber),
  asleepUntil,
})

/** A fiber for people: `#3 in fetch < poll, asleep until 100 ns`. */
export const format = ({ fiber, where, asleepUntil }: Waiting): string =>
  `#${fiber}${where.length === 0 ? "" : ` in ${where.join(" < ")}`}, ${
    asleepUntil === undefined ? "waiting" : `asleep until ${asleepUntil} ns`
  }`

const list = (fibers: ReadonlyArray<Waiting>): string =>
  fibers.length === 0 ? "" : `\n${fibers.map((fiber) => `  ${format(fiber)}`).join("\n")}`

abstract class Tagged<Tag extends string> extends Error {
  readonly _tag: Tag
  override readonly name: Tag
  constructor(tag: Tag, message: string) {
    super(message)
    this._tag = tag
    this.name = tag
  }
}

/** Every fiber waits, and nothing is due that could wake one. */
export class Deadlock extends Tagged<"Deadlock"> {
  /** The guest time, in ns. */
  readonly at: bigint
  readonly fibers: ReadonlyArray<Waiting>
  constructor(at: bigint, fibers: ReadonlyArray<Waiting>) {
    super(
      "Deadlock",
      `at ${at} ns every fiber waits and nothing is due that could wake one ` +
        `(does one wait for the real world? then run that with VirtualTime.hold)${list(fibers)}`,
    )
    this.at = at
    this.fibers = fibers
  }
}

/** Fibers run and run, and time doesn't move. */
export class Livelock extends Tagged<"Livelock"> {
  /** The guest time, in ns. */
  readonly at: bigint
  /** How many steps were taken, and times read, since time last moved. */
  readonly steps: number
  /** The fiber that ran most. */
  readonly busiest: Waiting | undefined
  constructor(at: bigint, steps: number, busiest: Waiting | undefined) {
    super(
      "Livelock",
      `time stands still at ${at} ns after ${steps} steps and reads of it; the busiest fiber is ` +
        (busiest === undefined ? "unknown" : format(busiest)),
    )
    this.at = at
    this.steps = steps
    this.busiest = busiest
  }
}

/** One of the limits that the program was given. */
export class LimitReached extends Tagged<"LimitReached"> {
  /** Which limit. */
  readonly limit: "simulated time" | "real time" | "events"
  /** The guest time, in ns. */
  readonly at: bigint
  constructor(limit: LimitReached["limit"], allowed: string, at: bigint) {
    super("LimitReached", `the program has used up its limit of ${allowed} of ${limit} at ${at} ns`)
    this.limit = limit
    this.at = at
  }
}

/** The program has ended, and timers that it set haven't. */
export class TimersPending extends Tagged<"TimersPending"> {
  readonly fibers: ReadonlyArray<Waiting>
  constructor(fibers: ReadonlyArray<Waiting>) {
    super("TimersPending", `the program has ended, and ${fibers.length} fibers still sleep${list(fibers)}`)
    this.fibers = fibers
  }
}

/** Real I/O took longer than the hold that waits for it allows. */
export class HoldTimedOut extends Tagged<"HoldTimedOut"> {
  readonly hold: string
  readonly capMs: number
  constructor(hold: string, capMs: number) {
    super(
      "HoldTimedOut",
      `the hold ${JSON.stringify(hold)} froze simulated time for longer than its cap of ${capMs} ms`,
    )
    this.hold = hold
    this.capMs = capMs
  }
}

/** Why a program can't go on. */
export type Stuck = Deadlock | Livelock | LimitReached | TimersPending
