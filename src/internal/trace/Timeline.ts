/**
 * Makes a trace's timeline as a whole: what the builder tells record by record, gathered by lane and in order of time.
 *
 * @module
 */
import { max } from "../core/Extremes.ts"
import type { Act, Flow, Instant, Lane, Message, Segment, Span, Timeline } from "./Lanes.ts"
import { build } from "./TimelineBuilder.ts"
import type { Readable } from "./TraceFile.ts"

/** Those of one lane. */
interface Gathered {
  readonly spans: Array<Span>
  readonly acts: Array<Act>
  readonly instants: Array<Instant>
  readonly segments: Array<Segment>
}

/**
 * The timeline of a trace.
 *
 * @since 0.1.0
 * @category reading
 */
export const timeline = (trace: Readable): Timeline => {
  const gathered: Array<Gathered> = []
  const of = (lane: number): Gathered => gathered[lane] ??= { spans: [], acts: [], instants: [], segments: [] }
  const flows: Array<Flow> = []
  const messages: Array<Message> = []
  const points: Array<{ readonly at: Array<bigint>; readonly values: Array<number> }> = []
  const known = build(trace, {
    span: (lane, span) => of(lane).spans.push(span),
    act: (lane, act) => of(lane).acts.push(act),
    instant: (lane, instant) => of(lane).instants.push(instant),
    segment: (lane, segment) => of(lane).segments.push(segment),
    message: (message) => messages.push(message),
    flow: (flow) => flows.push(flow),
    point: (series, at, value) => {
      const of = points[series] ??= { at: [], values: [] }
      of.at.push(at)
      of.values.push(value)
    },
  })
  const offsetOf = (lane: number): bigint => known.lanes[lane]!.offset
  const lanes = known.lanes.map((info, lane): Lane => {
    const { spans, acts, instants, segments } = of(lane)
    const { offset } = info
    const later = <T extends { readonly from: bigint; readonly to: bigint }>(things: ReadonlyArray<T>) =>
      offset === 0n ? things : things.map((each) => ({ ...each, from: each.from + offset, to: each.to + offset }))
    return {
      ...info,
      spans: later(spans),
      acts: later([...acts].sort((a, b) => a.record - b.record)),
      instants: instants.map((each) => ({ ...each, at: each.at + offset })),
      segments: later(segments),
    }
  })
  const byTime = <T extends { readonly at: bigint }>(a: T, b: T): number => a.at < b.at ? -1 : a.at > b.at ? 1 : 0
  const lengthOf = (spanned: "to" | "realTo", instant: "at" | "real"): bigint =>
    lanes.reduce(
      (end, { spans, segments, instants }) =>
        [spans.at(-1)?.[spanned], segments.at(-1)?.[spanned], instants.at(-1)?.[instant]].reduce(
          (end: bigint, each) => each === undefined ? end : max(end, each),
          end,
        ),
      0n,
    )
  return {
    lanes,
    flows: flows.sort(byTime),
    messages: messages.map((each) => ({
      ...each,
      at: each.at + offsetOf(each.from),
      toAt: each.toAt + offsetOf(each.isOnItsWay ? each.from : each.to),
    })).sort(byTime),
    series: known.series.map((info, index) => ({
      ...info,
      at: points[index]!.at.map((at) => at + offsetOf(info.lane)),
      values: points[index]!.values,
    })),
    end: lengthOf("to", "at"),
    real: lengthOf("realTo", "real"),
  }
}
