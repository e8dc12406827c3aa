/**
 * A trace as a page: one file of HTML that needs nothing else, to be looked at in
 * any browser.
 *
 * The page's own program is in `page/`. Its parts are functions that use nothing
 * from outside, so that they can be put into the page as they are.
 *
 * @module
 */
import { builtin, packageFile } from "../platform/Builtin.ts"
import { framed } from "./Blocks.ts"
import { bodyText } from "./Codec.ts"
import { arrows } from "./page/arrows.ts"
import { bars } from "./page/bars.ts"
import { bins } from "./page/bins.ts"
import { controls } from "./page/controls.ts"
import { curves } from "./page/curves.ts"
import { type DifferenceData, type LaneData, type Nanos, type PageData, TABLES } from "./page/data.ts"
import { details } from "./page/details.ts"
import { drawing } from "./page/drawing.ts"
import { finding } from "./page/finding.ts"
import { labels } from "./page/labels.ts"
import { layout } from "./page/layout.ts"
import { live } from "./page/live.ts"
import { main } from "./page/main.ts"
import { model } from "./page/model.ts"
import { overview } from "./page/overview.ts"
import { records } from "./page/records.ts"
import { sequence } from "./page/sequence.ts"
import { store } from "./page/store.ts"
import { style } from "./page/style.ts"
import { times } from "./page/times.ts"
import { waits } from "./page/waits.ts"
import { PageWriter } from "./PageData.ts"
import { body, head } from "./PageText.ts"
import { shapeReader } from "./shapeReader.ts"
import { ShapeWriter } from "./Shapes.ts"
import { type LaneSummary, type Summary, Totals } from "./Summary.ts"
import { idsOf, type Known, TimelineBuilder, type TimelineSink } from "./TimelineBuilder.ts"
import type { Readable } from "./TraceFile.ts"
import type { TraceRecord } from "./Record.ts"
import type { Difference } from "./Diff.ts"

/**
 * The options of a page.
 *
 * @since 0.1.0
 * @category models
 */
export interface PageOptions {
  /** What it is called. Default: `trace`. */
  readonly title?: string
  /** The first difference of two runs that are both in the trace: it is marked. */
  readonly difference?: Difference | undefined
  /**
   * uPlot's `dist/uPlot.iife.min.js` as text, which draws the curves. Default: that of the installed package; in a
   * browser, and from JSR on Deno, there are no curves without it.
   *
   * @since 0.2.0
   */
  readonly chart?: string
}

const nanos = (time: bigint): Nanos => time <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(time) : String(time)

const { format } = times()

const share = (part: bigint, whole: bigint): string =>
  whole === 0n ? "" : ` (${Math.round(Number(part * 1000n / whole) / 10)} %)`

const counted = (count: number, what: string): string =>
  `${count.toLocaleString("en")} ${what}${count === 1 ? "" : "s"}`

/** A lane in a few words. */
const saysOf = (lane: LaneSummary, isWorlds: boolean, end: bigint): ReadonlyArray<string> => {
  const [most, next] = lane.reasons.map(({ name, times, total }) => `${name} ${times}×, ${format(total)}`)
  const reasons = [most, next].filter((each) => each !== undefined)
  if (lane.kind === "calendar") return [counted(lane.turns, "turn"), ...reasons]
  if (isWorlds) {
    const { sent, arrived, lost } = lane.messages
    return [
      ...sent + arrived + lost === 0 ? [] : [`${counted(sent, "message")} sent, ${arrived} arrived here, ${lost} lost`],
      ...lane.waited.slice(0, 3).map(({ who, what, whom, times, total }) =>
        `${who === lane.name ? "" : `${who}: `}${what}${whom === "" ? "" : ` (${whom})`} ${times}×, ${format(total)}`
      ),
    ]
  }
  return [
    `busy ${format(lane.busy)}${share(lane.busy, end)}`,
    ...(lane.free > 0n ? [`of that free-running ${format(lane.free)}`] : []),
    `waiting ${format(lane.waiting)}${share(lane.waiting, end)}`,
    ...reasons.map((reason) => `waited for ${reason}`),
    ...(lane.faults > 0 ? [`${lane.faults} faults`] : []),
  ]
}

/** So many waits of each lane are in the page. */
const WAITS = 60

const laneData = (info: Known["lanes"][number], summary: Summary, index: number): LaneData => {
  const lane = summary.lanes[index]!
  return {
    name: info.name,
    kind: info.kind,
    source: info.source ?? -1,
    turns: info.turns,
    offset: nanos(info.offset),
    realOffset: nanos(info.realOffset),
    isWorlds: info.isWorlds,
    processes: info.processes,
    waited: lane.waited.slice(0, WAITS).map((each) => ({ ...each, total: nanos(each.total) })),
    says: saysOf(lane, info.isWorlds, summary.simulated),
  }
}

const differenceData = ({ where, a, b, same }: Difference): DifferenceData => ({
  at: nanos(a?.time ?? b?.time ?? 0n),
  where: `${where}, after ${same} that are the same`,
  a: a?.text ?? "it ends here",
  b: b?.text ?? "it ends here",
})

/** Tells two of all. */
const two = (a: TimelineSink, b: TimelineSink): TimelineSink => ({
  span: (lane, span) => (a.span(lane, span), b.span(lane, span)),
  act: (lane, act) => (a.act(lane, act), b.act(lane, act)),
  instant: (lane, instant) => (a.instant(lane, instant), b.instant(lane, instant)),
  segment: (lane, segment) => (a.segment(lane, segment), b.segment(lane, segment)),
  message: (message) => (a.message(message), b.message(message)),
  flow: (flow) => (a.flow(flow), b.flow(flow)),
  point: (series, at, value) => (a.point(series, at, value), b.point(series, at, value)),
})

/** So many records are a block of a page. */
const BLOCK = 8192

const deflate = (): ((bytes: Uint8Array) => Uint8Array) | undefined =>
  builtin<{ readonly deflateSync: (bytes: Uint8Array) => Uint8Array }>("node:zlib")?.deflateSync

/** Bytes as text that can stand in a page. */
export const textOf = (bytes: Uint8Array): string => {
  const PIECE = 0x6000
  let text = ""
  for (let at = 0; at < bytes.length; at += PIECE) {
    text += btoa(String.fromCharCode(...bytes.subarray(at, at + PIECE)))
  }
  return text
}

/** What a page is made of, as it comes: chunks of its timeline, and blocks of records. */
export interface PageSink {
  readonly chunk: (text: string) => void
  readonly records: (text: string, count: number) => void
}

/** Makes what a page is made of from records. */
export class PageMaker {
  readonly #writer: PageWriter
  readonly #totals = new Totals()
  readonly #shapes = new ShapeWriter()
  readonly #builder: TimelineBuilder
  readonly #sink: PageSink
  readonly #deflate = deflate()
  #records = 0

  constructor(trace: Pick<Readable, "sources">, ids: ReadonlyMap<number, bigint> | undefined, sink: PageSink) {
    this.#sink = sink
    this.#writer = new PageWriter((chunk) => sink.chunk(textOf(framed(chunk, false, this.#deflate))))
    this.#builder = new TimelineBuilder(trace.sources, two(this.#writer, this.#totals), ids)
  }

  /** A source that wasn't known at the beginning. */
  source(source: Readable["sources"][number]): void {
    this.#builder.source(source)
  }

  take(record: TraceRecord): void {
    const { source, n, time, real, what } = record
    this.#records++
    this.#builder.take(record)
    this.#shapes.record(source, n, time, real, bodyText(what))
    if (this.#shapes.lines >= BLOCK) this.#flushRecords()
  }

  #flushRecords(): void {
    const { lines } = this.#shapes
    const block = this.#shapes.block()
    if (block !== undefined) this.#sink.records(textOf(framed(block, false, this.#deflate)), lines)
  }

  /** Gives what there is so far. */
  flush(): void {
    this.#writer.flush()
    this.#flushRecords()
  }

  /** There are no more records. */
  end(): void {
    this.#builder.end()
    this.flush()
  }

  /** What is known so far. */
  data(title: string, difference: Difference | undefined): PageData {
    const known = this.#builder.known()
    const summary = this.#totals.summary(known.lanes)
    const ends = known.lanes.flatMap(({ offset }, lane) => {
      const own = this.#writer.ends[lane]
      return own === undefined ? [] : [{ from: own.from + offset, to: own.to + offset }]
    })
    const first = ends.reduce<bigint | undefined>(
      (least, { from }) => least === undefined || from < least ? from : least,
      undefined,
    )
    const last = ends.reduce((most, { to }) => to > most ? to : most, 0n)
    const { real } = this.#writer
    return {
      title,
      begin: nanos(first ?? 0n),
      end: nanos(last),
      realBegin: nanos(real.from ?? 0n),
      real: nanos(real.to),
      lanes: known.lanes.map((info, index) => laneData(info, summary, index)),
      series: known.series,
      records: this.#records,
      ...difference !== undefined && { difference: differenceData(difference) },
    }
  }
}

/** JSON that can stand in a page: it has `<` in strings only, where it can be written otherwise. */
const embed = (json: string): string => json.replaceAll("<", "\\u003c")

/** A program that can stand in a page. */
const program = (text: string): string => text.replaceAll("</script", "<\\/script").replaceAll("<!--", "<\\!--")

const PARTS = {
  times,
  store,
  shapeReader,
  records,
  model,
  layout,
  labels,
  bins,
  bars,
  arrows,
  drawing,
  overview,
  curves,
  sequence,
  waits,
  details,
  controls,
  finding,
  live,
  main,
}

/** The page's own program, and what draws its curves. */
export const scripts = function* (chart: string | undefined): Generator<string> {
  const library = chart ?? packageFile("uplot/dist/uPlot.iife.min.js")
  if (library !== undefined) yield `<script>${program(library)}</script>\n`
  yield `<script>"use strict"\n`
  for (const [name, part] of Object.entries(PARTS)) yield program(`const ${name} = ${part}\n`)
  yield `main({ tables: ${JSON.stringify(TABLES)}, ${Object.keys(PARTS).filter((name) => name !== "main").join(", ")} })
</script>
</body>
</html>
`
}

/** The data of a page, as a part of it. */
export const dataScript = (data: PageData): string =>
  `<script type="application/json" id="data">${embed(JSON.stringify(data))}</script>\n`

/**
 * The page, piece by piece: put together they are a file of HTML. Of a trace in a file (`Trace.open`) no more is in memory
 * than a piece.
 *
 * @since 0.1.0
 * @category exporting
 */
export const page = function* (trace: Readable, options: PageOptions = {}): Generator<string> {
  const { title = "trace", chart, difference } = options
  yield head(title, style, false)
  yield body(title, false)
  const pieces: Array<string> = []
  const maker = new PageMaker(trace, idsOf(trace), {
    chunk: (text) => pieces.push(`<script type="text/plain" class="chunk">${text}</script>\n`),
    records: (text, count) =>
      pieces.push(`<script type="text/plain" class="records" data-count="${count}">${text}</script>\n`),
  })
  for (const record of trace.records) {
    maker.take(record)
    if (pieces.length === 0) continue
    yield* pieces
    pieces.length = 0
  }
  maker.end()
  yield* pieces
  yield dataScript(maker.data(title, difference))
  yield* scripts(chart)
}
