/**
 * A guest's failure, and its text: the same in every process.
 *
 * @module
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Formatter from "effect/Formatter"
import { Tagged } from "../core/Tagged.ts"
import { OptionError } from "../../core/Fault.ts"
import { FailedIn } from "../../Event.ts"
import * as PlainData from "../services/PlainData.ts"

/** Where in a guest something failed. */
export interface Where {
  /** The event whose handler it was, if it was one. */
  readonly event?: string | undefined
  /** The link whose message it was about, if it was about one. */
  readonly link?: string | undefined
}

/**
 * A guest failed: its program, a handler, a fiber that nobody waits for, or the way to it.
 *
 * @since 0.1.0
 * @category errors
 */
export class GuestFailed extends Tagged<"GuestFailed"> {
  readonly guest: string
  /** The guest's time then, in ns. */
  readonly time: bigint
  /** What it failed with, for people. */
  readonly why: string
  /** The event whose handler failed; none: it wasn't a handler. */
  readonly event: string | undefined
  /** The link whose message it failed over; none: it wasn't over a message. */
  readonly link: string | undefined
  constructor(guest: string, time: bigint, why: string, options: ErrorOptions & Where = {}) {
    super("GuestFailed", `the guest ${JSON.stringify(guest)} failed at ${time} ns: ${why}`, options)
    this.guest = guest
    this.time = time
    this.why = why
    this.event = options.event
    this.link = options.link
  }
}

/** A message or a note that can't be, from a guest or from a function of a link: an `OptionError` that shows it. */
export class BadValue extends OptionError {
  /** Whose it was. */
  readonly guest: string
  readonly link: string | undefined
  constructor(guest: string, link: string | undefined, what: string, given: unknown, why: string) {
    super(what, given, why)
    // What can't be noted is named by the reason, and may be large.
    this.message = link === undefined
      ? `${what} can't be noted: ${why}`
      : `${what} can't be ${shortened(shown(given))}: ${why}`
    this.guest = guest
    this.link = link
  }
}

/** What a guest notes, as it is now. */
export const copied = (guest: string, text: string, data: unknown): unknown => {
  try {
    return PlainData.copy(data)
  } catch (error) {
    throw new BadValue(guest, undefined, `the data of the note ${JSON.stringify(text)}`, data, whyNot(error))
  }
}

/** How much of a value is shown. */
const MOST_SHOWN = 200

const shortened = (text: string): string => text.length <= MOST_SHOWN ? text : `${text.slice(0, MOST_SHOWN)}…`

/** Any value as text. One that can't even be looked at, says so. */
const shown = (value: unknown): string => {
  try {
    return Formatter.format(value)
  } catch {
    return "something that can't be shown"
  }
}

/** A failure of any kind in words: what it says of itself, after its tag unless it is an `Error`; or its contents. */
export const textOf = (failure: unknown): string => {
  try {
    if (typeof failure === "string") return failure
    if (typeof failure !== "object" || failure === null) return shown(failure)
    const { _tag: tag, message, name } = failure as { _tag?: unknown; message?: unknown; name?: unknown }
    const says = typeof message === "string" && message !== "" ? message : undefined
    if (failure instanceof Error) {
      if (says !== undefined) return says
      const { name: _name, _tag, ...rest } = { ...failure } as { [key: string]: unknown }
      return withFields(String(tag ?? name), rest)
    }
    if (typeof tag !== "string") return says ?? shown(failure)
    if (says !== undefined) return `${tag}: ${says}`
    const { _tag, ...rest } = { ...failure } as { [key: string]: unknown }
    return withFields(tag, rest)
  } catch {
    return "something that can't be shown"
  }
}

const withFields = (name: string, fields: object): string =>
  Object.keys(fields).length === 0 ? name : `${name} ${shown(fields)}`

/** Why something failed, in words: each reason, in order; interruptions only if there is nothing else. */
export const reason = (cause: Cause.Cause<unknown>): string => {
  const texts = cause.reasons.flatMap((each) =>
    each._tag === "Interrupt" ? [] : [textOf(each._tag === "Fail" ? each.error : each.defect)]
  )
  return texts.length === 0 ? "it was interrupted" : [...new Set(texts)].join("; ")
}

/** Why something can't be, from what was thrown: what a schema's own functions throw is in the cause. */
export const whyNot = (error: unknown): string => {
  const cause = error instanceof Error ? error.cause : undefined
  const text = Cause.isCause(cause) ? reason(cause) : textOf(error)
  return text.replaceAll(/\s*\n\s*/g, " ")
}

/** A guest's failure for this cause; `prefix` goes before what it says. */
export const failed = (guest: string, time: bigint, cause: Cause.Cause<unknown>, prefix = ""): GuestFailed => {
  const squashed = Cause.squash(cause)
  if (squashed instanceof GuestFailed) return squashed
  const event = Context.getOrUndefined(Cause.annotations(cause), FailedIn)
  const bad = cause.reasons.map((each) => each._tag === "Fail" ? each.error : each._tag === "Die" ? each.defect : null)
    .find((each) => each instanceof BadValue)
  const where = event === undefined ? "" : `in the handler of ${JSON.stringify(event)}: `
  return new GuestFailed(guest, time, `${prefix}${where}${reason(cause)}`, {
    cause: squashed,
    event,
    link: bad?.link,
  })
}
