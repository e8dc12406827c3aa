/**
 * Impairments as values: what may happen to a message on its way, by chance or by plan.
 *
 * A {@link Plan} is plain data. {@link swarm} draws one from a seed in which each kind of
 * impairment may or may not be there at all: many such plans find more than one in which
 * everything happens a little (Groce et al., "Swarm testing", 2012).
 *
 * @module
 */
import * as Schema from "effect/Schema"
import { OptionError, shown } from "../core/Fault.ts"
import { badChoice, badList, badShare, badWhole } from "../internal/services/Checks.ts"
import * as Distribution from "./Distribution.ts"
import type * as Random from "./Random.ts"

/**
 * What happens to one message, or one copy of it.
 *
 * @since 0.1.0
 * @category models
 */
export type Impairment =
  /** Nothing. */
  | { readonly _tag: "Pass" }
  /** It arrives at another time, in ns; not before it was sent. */
  | { readonly _tag: "Deliver"; readonly at: bigint }
  /** It never arrives. */
  | { readonly _tag: "Drop" }
  /** It arrives with other contents. */
  | { readonly _tag: "Corrupt" }

/**
 * Nothing happens.
 *
 * @since 0.1.0
 * @category impairments
 */
export const pass: Impairment = { _tag: "Pass" }
/**
 * The message never arrives.
 *
 * @since 0.1.0
 * @category impairments
 */
export const drop: Impairment = { _tag: "Drop" }
/**
 * The message arrives with other contents.
 *
 * @since 0.1.0
 * @category impairments
 */
export const corrupt: Impairment = { _tag: "Corrupt" }
/**
 * The message arrives at another time, in ns.
 *
 * @since 0.1.0
 * @category impairments
 */
export const deliver = (at: bigint): Impairment => ({ _tag: "Deliver", at })

/**
 * A time, in ns: from the first, and not at the last any more.
 *
 * @since 0.1.0
 * @category models
 */
export interface Interval {
  readonly from: bigint
  readonly until: bigint
}

/**
 * Which impairments messages suffer. Shares are from 0 to 1, and by default 0; each kind
 * happens or doesn't whatever the others do. Of those that happen to one message, drop
 * goes before delay, and delay before corrupt; a duplicate comes with any but drop. An
 * outage takes each of the two that is under way at any time of it.
 *
 * @since 0.1.0
 * @category models
 */
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
  /** When the link is cut: what is sent then never arrives, nor does what is under way. Default: never. */
  readonly outages?: ReadonlyArray<Interval>
}

const time = Schema.BigIntFromString
const share = Schema.optionalKey(Schema.Number)
const intervals = Schema.optionalKey(Schema.Array(Schema.Struct({ from: time, until: time })))

/**
 * The schema by which plans are stored and sent: as JSON, with times as texts.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Plan: Schema.Codec<Plan, unknown> = Schema.Struct({
  drop: share,
  corrupt: share,
  duplicate: share,
  delay: share,
  by: Schema.optionalKey(Distribution.Distribution),
  during: intervals,
  outages: intervals,
})

const DELAY = Distribution.exponential("1 millis")

const covers = (intervals: ReadonlyArray<Interval>, time: bigint): boolean =>
  intervals.some(({ from, until }) => from <= time && time < until)

/**
 * Whether a link is cut at any time from `from` to `until`, both included: that of a flight, for example.
 *
 * @since 0.1.0
 * @category reading
 */
export const isCut = (outages: ReadonlyArray<Interval>, from: bigint, until: bigint): boolean =>
  outages.some((outage) => outage.from <= until && from < outage.until)

const shares = ["drop", "corrupt", "duplicate", "delay"] as const

/**
 * Checks intervals, and returns what is wrong.
 *
 * @since 0.1.0
 * @category checks
 */
export const checkIntervals = (option: string, intervals: ReadonlyArray<Interval>): OptionError | undefined => {
  const bad = badList(option, intervals)
  if (bad !== undefined) return bad
  for (const interval of intervals) {
    const { from, until } = interval ?? {}
    if (typeof from !== "bigint" || typeof until !== "bigint" || from < 0n || from >= until) {
      const allowed = "each begins at 0 ns or later, and ends after that: `from` and `until` are bigints"
      return new OptionError(option, `${shown(from)} to ${shown(until)}`, allowed)
    }
  }
  return undefined
}

/**
 * Checks a plan, and returns what is wrong.
 *
 * @since 0.1.0
 * @category checks
 */
export const check = (plan: Plan, option = "impairments"): OptionError | undefined => {
  if (typeof plan !== "object" || plan === null) return new OptionError(option, plan, "it is a plan: an object")
  for (const kind of shares) {
    const { [kind]: share = 0 } = plan
    const bad = badShare(`${option}.${kind}`, share)
    if (bad !== undefined) return bad
  }
  for (const kind of ["during", "outages"] as const) {
    const { [kind]: intervals } = plan
    const bad = intervals === undefined ? undefined : checkIntervals(`${option}.${kind}`, intervals)
    if (bad !== undefined) return bad
  }
  return plan.by === undefined ? undefined : Distribution.check(`${option}.by`, plan.by)
}

/**
 * A message that may suffer something: sent now, and due otherwise. Times are in ns.
 *
 * @since 0.1.0
 * @category models
 */
export interface Sending {
  readonly now: bigint
  readonly due: bigint
}

/**
 * Decides for one message after the other what happens to it: once for each copy that arrives, or doesn't.
 *
 * @since 0.1.0
 * @category models
 */
export type Decider = (sending: Sending) => ReadonlyArray<Impairment>

/**
 * Makes a function that decides what a plan does to each message, by a random stream for each kind of impairment.
 * What {@link check} finds wrong with the plan is thrown.
 *
 * What one kind does to a message depends on how many there were before it, and on
 * nothing else: without another kind, or without an outage, it does the same to the
 * same messages. So a plan with which something fails can be made simpler bit by bit.
 *
 * @example
 * ```ts
 * import { Impairment, Random } from "guest-clock/simulation"
 *
 * const random = Random.makeUnsafe(7)
 * const decide = Impairment.decider({ drop: 0.5, outages: [{ from: 100n, until: 200n }] }, random.fork("wire"))
 * console.log(decide({ now: 150n, due: 160n })) // [ { _tag: "Drop" } ]
 * ```
 *
 * @since 0.1.0
 * @category impairments
 */
export const decider = (plan: Plan, random: Random.Random): Decider => {
  const wrong = check(plan)
  if (wrong !== undefined) throw wrong
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
  const by = plan.by ?? DELAY
  const [later, again] = [
    Distribution.sampler(by, random.fork("by")),
    Distribution.sampler(by, random.fork("again by")),
  ]
  return ({ now, due }) => {
    // All of them are drawn each time, even if nothing comes of it, so that one doesn't change what another does.
    const [isDropped, isCorrupt, isDuplicate, isLate] = [drops(), corrupts(), duplicates(), delays()]
    const late = isLate ? later() : undefined
    const copyAt = isDuplicate ? due + again() : undefined
    const through = (at: bigint, impairment: Impairment): Impairment =>
      plan.outages !== undefined && isCut(plan.outages, now, at) ? drop : impairment
    if (plan.during !== undefined && !covers(plan.during, now)) return [through(due, pass)]
    if (isDropped) return [drop]
    const first = late !== undefined
      ? through(due + late, deliver(due + late))
      : through(due, isCorrupt ? corrupt : pass)
    const copy = copyAt === undefined ? drop : through(copyAt, deliver(copyAt))
    return copy === drop ? [first] : [first, copy]
  }
}

/**
 * What a swarm's plans are drawn from.
 *
 * @since 0.1.0
 * @category models
 */
export interface SwarmOptions {
  /** For how long outages may happen, in ns from 0 on, 1 or more: all are over by then. */
  readonly horizon: bigint
  /** The largest share of messages that a kind of impairment may happen to, from 0 to 1. Default: 0.3. */
  readonly most?: number
  /** The most outages, 0 to 1,000. Default: 3. */
  readonly outages?: number
  /** The kinds that may be there. Default: all. */
  readonly kinds?: ReadonlyArray<typeof shares[number] | "outages">
}

/**
 * Checks the options of a swarm, and returns what is wrong.
 *
 * @since 0.1.0
 * @category checks
 */
export const checkSwarm = (
  { horizon, most = 0.3, outages = 3, kinds }: SwarmOptions,
  option = "swarm",
): OptionError | undefined => {
  if (typeof horizon !== "bigint" || horizon < 1n || horizon > 1n << 62n) {
    return new OptionError(`${option}.horizon`, horizon, "it is from 1 to 2^62 ns")
  }
  const bad = badShare(`${option}.most`, most) ?? badWhole(`${option}.outages`, outages, 0, 1000) ??
    (kinds === undefined ? undefined : badList(`${option}.kinds`, kinds))
  if (bad !== undefined) return bad
  for (const kind of kinds ?? []) {
    const bad = badChoice(`${option}.kinds`, kind, [...shares, "outages"])
    if (bad !== undefined) return bad
  }
  return undefined
}

/**
 * A plan that a stream decides, with nothing wrong with it: each kind of impairment is there
 * in every second one, and outages, of which there may happen to be 0, a little less often.
 * What {@link checkSwarm} finds wrong with the options is thrown.
 *
 * @example
 * ```ts
 * import { Impairment, Random } from "guest-clock/simulation"
 *
 * const random = Random.makeUnsafe(7)
 * const plan = Impairment.swarm(random, { horizon: 1_000_000_000n, kinds: ["drop", "outages"] })
 * console.log(Impairment.check(plan)) // undefined
 * ```
 *
 * @since 0.1.0
 * @category impairments
 */
export const swarm = (random: Random.Random, options: SwarmOptions): Plan => {
  const wrong = checkSwarm(options)
  if (wrong !== undefined) throw wrong
  const { horizon, most = 0.3, outages = 3, kinds } = options
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
    const until = from + 1n + random.below(horizon / 4n + 1n)
    return { from, until: until < horizon ? until : horizon }
  })
  if (isThere("outages") && cuts.length > 0) drawn.outages = cuts
  return drawn
}

/**
 * For people, with shares to three digits; {@link Plan} has all of it.
 *
 * @since 0.1.0
 * @category formatting
 */
export const format = (plan: Plan): string => {
  const found: Array<string> = shares.flatMap((kind) =>
    plan[kind] === undefined ? [] : [`${kind} ${Number((plan[kind] * 100).toPrecision(3))} %`]
  )
  if (plan.by !== undefined) found.push(`by ${Distribution.format(plan.by)}`)
  for (const { from, until } of plan.during ?? []) found.push(`from ${from} to ${until} ns`)
  for (const { from, until } of plan.outages ?? []) found.push(`cut from ${from} to ${until} ns`)
  return found.join(", ") || "no impairments"
}
