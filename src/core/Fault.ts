/**
 * Everything that can go wrong with a clock.
 *
 * Two kinds, which a program handles in different places:
 *
 * - A {@link Fault} is final. The guest, or what it hears from its calendar, has
 *   done something a clock can't go on from. The clock is dead; every later call
 *   fails with the very same fault (SPEC 3).
 * - A {@link Misuse} is the caller's: an option, a number or a path that can't be
 *   used. Nothing has changed and the clock lives on.
 *
 * Both are returned as values by the core and put into the error channel by the
 * services, so `Effect.catchTag` takes them by the name in `_tag`.
 *
 * @module
 */
import { Tagged } from "../internal/core/Tagged.ts"

/** The base class of faults. */
abstract class FaultBase<Tag extends string> extends Tagged<Tag> {
  /** Tells it from a next state. */
  get isFault(): true {
    return true
  }
}

/**
 * The time that was to be set lies before the guest's time (SPEC 3).
 *
 * @since 0.1.0
 * @category errors
 */
export class TimeWentBackwards extends FaultBase<"TimeWentBackwards"> {
  readonly from: bigint
  readonly to: bigint
  /** The event that is due at that time, if time was to go back for one. */
  readonly event: string | undefined
  constructor(from: bigint, to: bigint, event?: string) {
    const why = event === undefined ? "" : `, for which the event ${JSON.stringify(event)} was added`
    super("TimeWentBackwards", `time can't go back from ${from} ns to ${to} ns${why}`)
    this.from = from
    this.to = to
    this.event = event
  }
}

/**
 * The guest would sleep until the end of time, with nothing to wake it (SPEC 3).
 *
 * @since 0.1.0
 * @category errors
 */
export class SleepForever extends FaultBase<"SleepForever"> {
  readonly at: bigint
  constructor(at: bigint) {
    super("SleepForever", `the guest went to sleep at ${at} ns with nothing that could ever wake it`)
    this.at = at
  }
}

/**
 * The first event came off the queue when the time was not its time (SPEC 5).
 *
 * @since 0.1.0
 * @category errors
 */
export class EventTimeMismatch extends FaultBase<"EventTimeMismatch"> {
  readonly now: bigint
  readonly due: bigint
  /** The event's name, if it has one. */
  readonly event: string | undefined
  constructor(now: bigint, due: bigint, event?: string) {
    const name = event === undefined ? "" : ` ${JSON.stringify(event)}`
    super("EventTimeMismatch", `the event${name} due at ${due} ns came off the queue when it was ${now} ns`)
    this.now = now
    this.due = due
    this.event = event
  }
}

/**
 * An advance took another advance's on-stack entry off the queue (SPEC 5).
 *
 * @since 0.1.0
 * @category errors
 */
export class OnStackEventDequeued extends FaultBase<"OnStackEventDequeued"> {
  readonly due: bigint
  constructor(due: bigint) {
    super(
      "OnStackEventDequeued",
      `an inner advance reached ${due} ns, where the outer advance that it runs within was to end: ` +
        "a handler was busy for longer than the code it interrupted",
    )
    this.due = due
  }
}

/**
 * An ACK answered another message than the one that is waiting for it (SPEC 9.1).
 *
 * @since 0.1.0
 * @category errors
 */
export class AckSequenceMismatch extends FaultBase<"AckSequenceMismatch"> {
  readonly expected: number
  readonly got: number
  constructor(expected: number, got: number) {
    super(
      "AckSequenceMismatch",
      `the calendar acknowledged message ${got} while the guest waits for the ACK of message ${expected}`,
    )
    this.expected = expected
    this.got = got
  }
}

/**
 * The stream ended: the calendar is gone (SPEC 9.1).
 *
 * @since 0.1.0
 * @category errors
 */
export class LinkBroken extends FaultBase<"LinkBroken"> {
  readonly reason: string
  constructor(reason: string, options?: ErrorOptions) {
    super("LinkBroken", `the link to the calendar broke: ${reason}`, options)
    this.reason = reason
  }
}

/**
 * The stream ended inside a message (SPEC 9.1).
 *
 * @since 0.1.0
 * @category errors
 */
export class InvalidMessage extends FaultBase<"InvalidMessage"> {
  readonly bytes: number
  constructor(bytes: number) {
    super("InvalidMessage", `the link to the calendar ended ${bytes} bytes into a message of 16`)
    this.bytes = bytes
  }
}

/**
 * The guest sleeps in external mode with interrupts on (SPEC 9.4).
 *
 * @since 0.1.0
 * @category errors
 */
export class IdleWithInterruptsOn extends FaultBase<"IdleWithInterruptsOn"> {
  constructor() {
    super(
      "IdleWithInterruptsOn",
      "the guest went to sleep with interrupts on, so a wake-up could get lost: mask them first",
    )
  }
}

/**
 * An outside interrupt was to enter a guest that has no calendar to ask for the time (SPEC 9.5).
 *
 * @since 0.1.0
 * @category errors
 */
export class NotExternal extends FaultBase<"NotExternal"> {
  readonly mode: string
  constructor(mode: string) {
    super(
      "NotExternal",
      `an interrupt from outside enters a guest in external mode only, and this one's mode is ${mode}`,
    )
    this.mode = mode
  }
}

/**
 * As many commands in one go, while time stands still, are handlers that add events for the same time for ever.
 *
 * @since 0.1.0
 * @category constants
 */
export const MOST_COMMANDS = 2 ** 23

/**
 * Handlers add events for the same time again and again, so that an advance never ends.
 *
 * @since 0.1.0
 * @category errors
 */
export class TimeStandsStill extends FaultBase<"TimeStandsStill"> {
  /** The guest time, in ns. */
  readonly at: bigint
  /** How much was done within one advance, at that time. */
  readonly commands: number
  constructor(at: bigint, commands: number) {
    super(
      "TimeStandsStill",
      `an advance never ends: after ${commands} steps it is still ${at} ns, as handlers keep adding events for that time`,
    )
    this.at = at
    this.commands = commands
  }
}

/**
 * A fault is final: the clock is dead from then on.
 *
 * @since 0.1.0
 * @category errors
 */
export type Fault =
  | TimeWentBackwards
  | SleepForever
  | EventTimeMismatch
  | OnStackEventDequeued
  | AckSequenceMismatch
  | LinkBroken
  | InvalidMessage
  | IdleWithInterruptsOn
  | NotExternal
  | TimeStandsStill

/**
 * A time outside of 0 … 2^64 − 1 ns.
 *
 * @since 0.1.0
 * @category errors
 */
export class TimeOutOfRange extends Tagged<"TimeOutOfRange"> {
  readonly given: bigint
  constructor(given: bigint) {
    super(
      "TimeOutOfRange",
      `${given} is not a time: times and durations go from 0 to 18446744073709551615 ns (2^64 − 1)`,
    )
    this.given = given
  }
}

/**
 * A text that is no unsigned 64-bit number in a C form.
 *
 * @since 0.1.0
 * @category errors
 */
export class BadNumber extends Tagged<"BadNumber"> {
  readonly given: string
  constructor(given: string) {
    super(
      "BadNumber",
      `${JSON.stringify(given)} is not a number from 0 to 2^64 − 1: ` +
        "write it as decimal, as 0x… or as 0…, with at most 24 characters",
    )
    this.given = given
  }
}

/**
 * A boot option that isn't one of those allowed (SPEC 1).
 *
 * @since 0.1.0
 * @category errors
 */
export class BootOptionError extends Tagged<"BootOptionError"> {
  readonly option: string
  readonly allowed: ReadonlyArray<string>
  constructor(option: string, allowed: ReadonlyArray<string>, why: string) {
    super("BootOptionError", `${JSON.stringify(option)}: ${why}; allowed: ${allowed.join(", ")}`)
    this.option = option
    this.allowed = allowed
  }
}

/**
 * What was given, for people: a text without any, and what `String` would say nothing of, as JSON has it.
 *
 * @since 0.1.0
 * @category formatting
 */
export const shown = (given: unknown): string => {
  if (given === "") return '""'
  if (typeof given !== "object" || given === null) return String(given)
  try {
    const isPlain = Array.isArray(given) || given.toString === Object.prototype.toString
    return isPlain ? JSON.stringify(given, (_, each) => typeof each === "bigint" ? `${each}n` : each) : String(given)
  } catch {
    // It refers to itself, or can't be made a text in another way.
    return Object.prototype.toString.call(given)
  }
}

/**
 * An option of a calendar, a command or a layer that isn't what it can be.
 *
 * @since 0.1.0
 * @category errors
 */
export class OptionError extends Tagged<"OptionError"> {
  readonly option: string
  readonly given: unknown
  constructor(option: string, given: unknown, allowed: string) {
    super("OptionError", `${option} can't be ${shown(given)}: ${allowed}`)
    this.option = option
    this.given = given
  }
}

/**
 * A socket that can't be connected to, or a path that can't be one (SPEC 1).
 *
 * @since 0.1.0
 * @category errors
 */
export class ConnectError extends Tagged<"ConnectError"> {
  readonly path: string
  constructor(path: string, why: string, options?: ErrorOptions) {
    super("ConnectError", `can't connect to a calendar at ${JSON.stringify(path)}: ${why}`, options)
    this.path = path
  }
}

/**
 * The caller's mistake: nothing has changed and the clock lives on.
 *
 * @since 0.1.0
 * @category errors
 */
export type Misuse = TimeOutOfRange | BadNumber | BootOptionError | ConnectError | OptionError

/**
 * What a clock says and goes on: once for each clock, or each time (SPEC 4, 9.1).
 *
 * @since 0.1.0
 * @category models
 */
export type Warning =
  | { readonly _tag: "EventWithoutHandler" }
  | { readonly _tag: "UnexpectedMessage"; readonly op: number; readonly seq: number; readonly time: bigint }

/**
 * Whether something is a fault: not a next state, and not a {@link Misuse}. Every step of a clock is asked this, and
 * nearly none is one: `instanceof` goes through the prototypes of each.
 *
 * @since 0.1.0
 * @category guards
 */
export const isFault = (result: object): result is Fault => (result as Partial<Fault>).isFault === true

/**
 * Says that something can't be otherwise, and why. Where it is otherwise, the
 * core itself has a bug, so this throws: there is nothing for a caller to handle.
 *
 * @since 0.1.0
 * @category errors
 */
export function invariant(condition: boolean, whyItHolds: string): asserts condition {
  if (!condition) throw new Error(`bug in guest-clock: this must hold, since ${whyItHolds}`)
}
