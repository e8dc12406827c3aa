/**
 * Checkers: what must hold of a world in every run. They stand outside of what they check: all they see is what guests
 * have noted down in the journal.
 *
 * @module
 */
import { Tagged } from "../internal/core/Tagged.ts"
import { OptionError } from "../core/Fault.ts"
import type { Journal } from "./Journal.ts"

/**
 * What a guest noted down, at its time in ns.
 *
 * @since 0.1.0
 * @category models
 */
export interface Observation {
  readonly time: bigint
  readonly guest: string
  readonly text: string
  readonly data: unknown
}

/**
 * What a checker found, and where.
 *
 * @since 0.1.0
 * @category models
 */
export interface Finding {
  readonly checker: string
  readonly why: string
  /** The time in ns; none for what has never come about. */
  readonly time: bigint | undefined
  /** What led to it: the last that was seen, the one at fault at the end. */
  readonly seen: ReadonlyArray<Observation>
  /** The world's seed, with which it can be found again. */
  readonly seed: number
}

/**
 * A checker found what must not be.
 *
 * @since 0.1.0
 * @category errors
 */
export class CheckFailed extends Tagged<"CheckFailed"> {
  readonly finding: Finding
  constructor(finding: Finding, options?: ErrorOptions) {
    const when = finding.time === undefined ? "at the end" : `at ${finding.time} ns`
    super("CheckFailed", `${finding.checker}: ${finding.why}, ${when} (seed ${finding.seed})`, options)
    this.finding = finding
  }
}

/**
 * A checker: a property of all that guests note down.
 *
 * @since 0.1.0
 * @category models
 */
export interface Checker {
  readonly name: string
  /** Begins anew: something that takes one observation after the other. */
  readonly begin: () => Watching
}

/**
 * A checker at work.
 *
 * @since 0.1.0
 * @category models
 */
export interface Watching {
  /** What is wrong now, if anything is. */
  readonly observe: (observation: Observation) => string | undefined
  /** What is missing at the end, if anything is. */
  readonly end?: () => string | undefined
}

/**
 * A checker that knows only what it was shown: a state, and what an observation makes of it.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <S>(
  name: string,
  options: {
    readonly initial: S
    /** The next state, or what is wrong. */
    readonly next: (state: S, observation: Observation) => S | Wrong
    /** What is missing at the end, if anything is. */
    readonly end?: (state: S) => string | undefined
  },
): Checker => ({
  name,
  begin: () => {
    let state = options.initial
    return {
      observe: (observation) => {
        const next = options.next(state, observation)
        if (next instanceof Wrong) return next.why
        state = next
        return undefined
      },
      ...options.end !== undefined && { end: () => options.end?.(state) },
    }
  },
})

/**
 * What is wrong.
 *
 * @since 0.1.0
 * @category models
 */
export class Wrong {
  readonly why: string
  constructor(why: string) {
    this.why = why
  }
}

/**
 * What is wrong.
 *
 * @since 0.1.0
 * @category checkers
 */
export const wrong = (why: string): Wrong => new Wrong(why)

/** As JSON has it, but the same for objects with the same contents in whatever order, and with bigints. */
const shown = (value: unknown): string => {
  if (typeof value === "bigint") return `${value}n`
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null"
  if ("toJSON" in value && typeof value.toJSON === "function") return shown(value.toJSON())
  if (Array.isArray(value)) return `[${value.map(shown).join(",")}]`
  if (value instanceof Map) return `Map(${shown([...value])})`
  if (value instanceof Set) return `Set(${shown([...value])})`
  const fields = Object.entries(value).filter(([, field]) => field !== undefined).sort(([a], [b]) => a < b ? -1 : 1)
  return `{${fields.map(([name, field]) => `${JSON.stringify(name)}:${shown(field)}`).join(",")}}`
}

/** What a checker's predicate says; what is neither yes nor no is thrown as an `OptionError`. */
const says = (name: string, is: (observation: Observation) => boolean) => (observation: Observation): boolean => {
  const answer = is(observation)
  if (typeof answer === "boolean") return answer
  throw new OptionError(`what the checker ${JSON.stringify(name)} is told`, answer, "it is true or false")
}

/** What a checker reads from a note; what is wrong with that is thrown as an `OptionError`. */
const reading = <A>(name: string, read: (data: unknown) => A, allowed: string, isRight: (read: A) => boolean) =>
(
  data: unknown,
): A => {
  const value = read(data)
  if (isRight(value)) return value
  throw new OptionError(`what the checker ${JSON.stringify(name)} reads`, value, allowed)
}

/**
 * Whatever guests note down, this is true of it.
 *
 * **When to use**
 *
 * Use it for what must hold at every time: it ends the world where it doesn't.
 *
 * @example
 * ```ts
 * import { Checker } from "guest-clock/simulation"
 *
 * const inTime = Checker.always("answers come in time", ({ text, time }) => text !== "answer" || time < 1_000_000_000n)
 * console.log(inTime.name) // answers come in time
 * ```
 *
 * @since 0.1.0
 * @category checkers
 */
export const always = (name: string, is: (observation: Observation) => boolean): Checker => {
  const holds = says(name, is)
  return make<undefined>(name, {
    initial: undefined,
    next: (_, observation) =>
      holds(observation)
        ? undefined
        : wrong(`it doesn't hold of ${observation.guest}'s ${shown(observation.text)} ${shown(observation.data)}`),
  })
}

/**
 * A key that is noted down with `text` is noted only once, by one guest:
 * a number that is given out, or the leader of a term. Keys are the same if they are as JSON.
 *
 * @since 0.1.0
 * @category checkers
 */
export const unique = (name: string, text: string, read: (data: unknown) => unknown): Checker => ({
  name,
  begin: () => {
    const owners = new Map<string, string>()
    return {
      observe: ({ text: noted, guest, data }) => {
        if (noted !== text) return undefined
        const key = shown(read(data))
        const owner = owners.get(key)
        owners.set(key, owner ?? guest)
        return owner === undefined ? undefined : `${guest} has ${key}, which ${owner} had`
      },
    }
  },
})

/**
 * Notes of `text` with a key and a value agree: one key, one
 * value, for all guests and at all times. What a replicated log has committed, for example.
 *
 * @since 0.1.0
 * @category checkers
 */
export const agreement = (
  name: string,
  text: string,
  read: (data: unknown) => readonly [key: unknown, value: unknown],
): Checker => ({
  name,
  begin: () => {
    const decided = new Map<string, { readonly value: string; readonly guest: string }>()
    const pair = reading(
      name,
      read,
      "it is a pair: a key, and its value",
      (read) => Array.isArray(read) && read.length === 2,
    )
    return {
      observe: ({ text: noted, guest, data }) => {
        if (noted !== text) return undefined
        const [key, value] = pair(data).map(shown) as [string, string]
        const before = decided.get(key)
        if (before === undefined) decided.set(key, { value, guest })
        else if (before.value !== value) {
          return `${guest} has ${value} for ${key}, where ${before.guest} had ${before.value}`
        }
        return undefined
      },
    }
  },
})

/**
 * What each guest notes down as `text` never gets less.
 *
 * @since 0.1.0
 * @category checkers
 */
export const monotonic = (name: string, text: string, read: (data: unknown) => number | bigint): Checker => ({
  name,
  begin: () => {
    const last = new Map<string, number | bigint>()
    const number = reading(
      name,
      read,
      "it is a number or a bigint",
      (read) => typeof read === "bigint" || typeof read === "number" && !Number.isNaN(read),
    )
    return {
      observe: ({ guest, text: noted, data }) => {
        if (noted !== text) return undefined
        const [before, value] = [last.get(guest), number(data)]
        last.set(guest, value)
        return before !== undefined && value < before ? `${guest} went back from ${before} to ${value}` : undefined
      },
    }
  },
})

/**
 * At some time, somebody notes down something of which this is true.
 *
 * @since 0.1.0
 * @category checkers
 */
export const eventually = (name: string, is: (observation: Observation) => boolean): Checker => {
  const isIt = says(name, is)
  return make<boolean>(name, {
    initial: false,
    next: (seen, observation) => seen || isIt(observation),
    end: (seen) => seen ? undefined : "it has never come about",
  })
}

const KEPT = 20

/**
 * What the first of these checkers finds in a journal, if any does: what must never be before
 * what is missing. That a checker throws is found as well, but for an `OptionError`, which says
 * what its function gave that can't be: that is thrown.
 *
 * @since 0.1.0
 * @category checks
 */
export const check = (
  checkers: ReadonlyArray<Checker>,
  journal: Journal,
  seed: number,
): CheckFailed | undefined => {
  const watching = checkers.map((checker) => ({ checker: checker.name, ...checker.begin() }))
  const seen: Array<Observation> = []
  for (const entry of journal) {
    if (entry._tag !== "Noted") continue
    const { time, guest, text, data } = entry
    const observation = { time, guest, text, data }
    seen.push(observation)
    if (seen.length > KEPT) seen.shift()
    for (const { checker, observe } of watching) {
      const { why, cause } = asked(() => observe(observation))
      if (why !== undefined) return new CheckFailed({ checker, why, time, seen, seed }, cause)
    }
  }
  for (const { checker, end } of watching) {
    const { why, cause } = asked(() => end?.())
    if (why !== undefined) return new CheckFailed({ checker, why, time: undefined, seen, seed }, cause)
  }
  return undefined
}

interface Answer {
  readonly why: string | undefined
  /** What was thrown, if it was. */
  readonly cause?: ErrorOptions
}

/** What a checker says, or that it throws. */
const asked = (says: () => string | undefined): Answer => {
  try {
    return { why: says() }
  } catch (error) {
    if (error instanceof OptionError) throw error
    return { why: `it throws ${String(error)}`, cause: { cause: error } }
  }
}
