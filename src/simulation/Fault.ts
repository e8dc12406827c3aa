/**
 * Faults as values: what may happen to a message on its way, by chance or by plan.
 *
 * A {@link Plan} is plain data. {@link swarm} draws one from a seed in which each kind of
 * fault may or may not be there at all: many such plans find more than one in which
 * everything happens a little (Groce et al., "Swarm testing", 2012).
 *
 * @module
 */
import { OptionError } from "../core/Fault.ts"
import * as Distribution from "./Distribution.ts"
import type * as Random from "./Random.ts"

/** What happens to one message, or one copy of it. */
export type Fault =
  /** Nothing. */
  | { readonly _tag: "Pass" }
  /** It arrives at another time, in ns; not before it was sent. */
  | { readonly _tag: "Deliver"; readonly at: bigint }
  /** It never arrives. */
  | { readonly _tag: "Drop" }
  /** It arrives with other contents. */
  | { readonly _tag: "Corrupt" }

/** Nothing happens. */
export const pass: Fault = { _tag: "Pass" }
/** The message never arrives. */
export const drop: Fault = { _tag: "Drop" }
/** The message arrives with other contents. */
export const corrupt: Fault = { _tag: "Corrupt" }
/** The message arrives at another time, in ns. */
export const deliver = (at: bigint): Fault => ({ _tag: "Deliver", at })

/** A time, in ns: from the first, and not at the last any more. */
export interface Interval {
  readonly from: bigint
  readonly until: bigint
}

/** Which faults messages suffer. Shares are from 0 to 1, and by default 0. */
export interface Plan {
  readonly drop?: number
  readonly corrupt?: number
  /** Arrives a second time, later by {@link Plan.by}. */
  readonly duplicate?: number
  /** Arrives later, by {@link Plan.by}: others may overtake it. */
  readonly delay?: number
  /** How much later. Default: exponential, mean 1 ms. */
  readonly by?: Distribution.Distribution
  /** When all this happens. Default: always. */
  readonly during?: ReadonlyArray<Interval>
  /** When nothing gets through: the link is cut, and repaired after that. Default: never. */
  readonly outages?: ReadonlyArray<Interval>
}

const DELAY = Distribution.exponential("1 millis")

const covers = (intervals: ReadonlyArray<Interval>, time: bigint): boolean =>
  intervals.some(({ from, until }) => from <= time && time < until)

const shares = ["drop", "corrupt", "duplicate", "delay"] as const

/** What is wrong with a plan, if anything is. */
export const check = (plan: Plan, option = "faults"): OptionError | undefined => {
  for (const kind of shares) {
    const share = plan[kind]
    if (share !== undefined && !(share >= 0 && share <= 1)) {
      return new OptionError(`${option}.${kind}`, share, "it is a share, from 0 to 1")
    }
  }
  for (const kind of ["during", "outages"] as const) {
    const bad = plan[kind]?.find(({ from, until }) => !(from >= 0n && from < until))
    if (bad !== undefined) {
      const given = `${bad.from} to ${bad.until}`
      return new OptionError(`${option}.${kind}`, given, "each begins at 0 ns or later, and ends after that")
    }
  }
  return plan.by === undefined ? undefined : Distribution.check(`${option}.by`, plan.by)
}

/** A message that may suffer something: sent now, and due otherwise. Times are in ns. */
export interface Sending {
  readonly now: bigint
  readonly due: bigint
}

/** Decides for one message after the other what happens to it: once for each copy that arrives, or doesn't. */
export type Decider = (sending: Sending) => ReadonlyArray<Fault>

/** What a plan does to messages, with this chance, a stream for each kind of fault. */
export const decider = (plan: Plan, random: Random.Random): Decider => {
  const happens = (kind: typeof shares[number]): () => boolean => {
    const share = plan[kind] ?? 0
    if (share === 0) return () => false
    const stream = random.fork(kind)
    return () => stream.chance(share)
  }
  const [drops, corrupts, duplicates, delays] = [
    happens("drop"),
    happens("corrupt"),
    happens("duplicate"),
    happens("delay"),
  ]
  const by = Distribution.sampler(plan.by ?? DELAY, random.fork("by"))
  return ({ now, due }) => {
    if (plan.outages !== undefined && covers(plan.outages, now)) return [drop]
    if (plan.during !== undefined && !covers(plan.during, now)) return [pass]
    // All of them are drawn each time, so that one kind doesn't change what another does.
    const [isDropped, isCorrupt, isDuplicate, isLate] = [drops(), corrupts(), duplicates(), delays()]
    if (isDropped) return [drop]
    const first = isLate ? deliver(due + by()) : isCorrupt ? corrupt : pass
    return isDuplicate ? [first, deliver(due + by())] : [first]
  }
}

/** What a swarm's plans are drawn from. */
export interface SwarmOptions {
  /** For how long outages may happen, in ns from 0 on. */
  readonly horizon: bigint
  /** The largest share of messages that a kind of fault may happen to, from 0 to 1. Default: 0.3. */
  readonly most?: number
  /** The most outages. Default: 3. */
  readonly outages?: number
  /** The kinds that may be there. Default: all. */
  readonly kinds?: ReadonlyArray<typeof shares[number] | "outages">
}

/**
 * A plan that the stream of a seed decides: each kind of fault is there in every second one.
 *
 * @example
 * ```ts
 * import { Fault, Random } from "guest-clock/simulation"
 *
 * const random = Random.make(7)
 * if (random instanceof Random.Random) {
 *   const plan = Fault.swarm(random, { horizon: 1_000_000_000n, kinds: ["drop", "outages"] })
 *   console.log(Fault.check(plan)) // undefined
 * }
 * ```
 */
export const swarm = (random: Random.Random, { horizon, most = 0.3, outages = 3, kinds }: SwarmOptions): Plan => {
  const isThere = (kind: typeof shares[number] | "outages"): boolean => {
    // Drawn even for those that are ruled out: what there is otherwise is the same.
    const drawn = random.chance(0.5)
    return drawn && (kinds?.includes(kind) ?? true)
  }
  const drawn: { -readonly [Key in keyof Plan]: Plan[Key] } = {}
  for (const kind of shares) {
    const share = random.number() * most
    if (isThere(kind)) drawn[kind] = share
  }
  const by = Distribution.exponential(random.below(horizon / 20n + 1n))
  if (drawn.delay !== undefined || drawn.duplicate !== undefined) drawn.by = by
  const cuts = Array.from({ length: Number(random.below(BigInt(outages) + 1n)) }, () => {
    const from = random.below(horizon)
    return { from, until: from + 1n + random.below(horizon / 4n + 1n) }
  })
  if (isThere("outages") && cuts.length > 0) drawn.outages = cuts
  return drawn
}

/** For people. */
export const format = (plan: Plan): string => {
  const found: Array<string> = shares.flatMap((kind) =>
    plan[kind] === undefined ? [] : [`${kind} ${(plan[kind] * 100).toFixed(1)} %`]
  )
  if (plan.by !== undefined) found.push(`by ${Distribution.format(plan.by)}`)
  for (const { from, until } of plan.during ?? []) found.push(`from ${from} to ${until} ns`)
  for (const { from, until } of plan.outages ?? []) found.push(`cut from ${from} to ${until} ns`)
  return found.join(", ") || "no faults"
}
