/**
 * A trace as a page: one file of HTML that needs nothing else, to be looked at in
 * any browser.
 *
 * The page's own program is in `page/`. Its parts are functions that use nothing
 * from outside, so that they can be put into the page as they are.
 *
 * @module
 */
import { recordLine } from "./Codec.ts"
import { CODES, type Columns, type LaneData, type Nanos, type PageData } from "./page/data.ts"
import { details } from "./page/details.ts"
import { drawing } from "./page/drawing.ts"
import { main } from "./page/main.ts"
import { model } from "./page/model.ts"
import { overview } from "./page/overview.ts"
import { style } from "./page/style.ts"
import { times } from "./page/times.ts"
import type { Trace } from "./Record.ts"
import { type LaneSummary, summary } from "./Summary.ts"
import { type Lane, timeline } from "./Timeline.ts"

/** How a page is made. */
export interface PageOptions {
  /** What it is called. Default: `trace`. */
  readonly title?: string
}

interface Thing {
  readonly name: string
  readonly from: bigint
  readonly to: bigint
  readonly realFrom: bigint
  readonly realTo: bigint
  readonly record: number
}

const nanos = (time: bigint): Nanos => time <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(time) : String(time)

/** The data of a page. */
export const pageData = (trace: Trace, title: string): PageData => {
  const strings: Array<string> = []
  const places = new Map<string, number>()
  const placeOf = (text: string): number => {
    let place = places.get(text)
    if (place === undefined) places.set(text, place = strings.push(text) - 1)
    return place
  }
  const columns = <T extends Thing>(things: ReadonlyArray<T>, what: (thing: T) => number): Columns => ({
    what: things.map(what),
    name: things.map(({ name }) => placeOf(name)),
    from: things.map(({ from }) => nanos(from)),
    to: things.map(({ to }) => nanos(to)),
    realFrom: things.map(({ realFrom }) => nanos(realFrom)),
    realTo: things.map(({ realTo }) => nanos(realTo)),
    record: things.map(({ record }) => record),
  })
  const laneData = (lane: Lane): LaneData => {
    const instants = lane.instants.map((each) => ({
      ...each,
      from: each.at,
      to: each.at,
      realFrom: each.real,
      realTo: each.real,
    }))
    return {
      name: lane.name,
      kind: lane.kind,
      source: lane.source ?? -1,
      turns: lane.turns,
      offset: nanos(lane.offset),
      realOffset: nanos(lane.realOffset),
      spans: {
        ...columns(lane.spans.map((span) => ({ ...span, name: span.why })), ({ doing }) => CODES.doing.indexOf(doing)),
        own: lane.spans.map(({ own }) => own ? 1 : 0),
      },
      acts: columns(lane.acts, ({ kind }) => CODES.act.indexOf(kind)),
      instants: {
        ...columns(instants, ({ kind }) => CODES.instant.indexOf(kind)),
        text: instants.map(({ text }) => placeOf(text)),
      },
    }
  }
  const made = timeline(trace)
  const { lanes, flows, end, real } = made
  const firsts = lanes.flatMap(({ spans }) => spans.slice(0, 1))
  const least = (times: ReadonlyArray<bigint>, most: bigint) =>
    times.reduce((least, time) => time < least ? time : least, most)
  const things = flows.map((flow) => ({
    ...flow,
    from: flow.at,
    to: flow.toAt,
    realFrom: flow.real,
    realTo: flow.toReal,
  }))
  return {
    title,
    begin: nanos(least(firsts.map(({ from }) => from), end)),
    end: nanos(end),
    realBegin: nanos(least(firsts.map(({ realFrom }) => realFrom), real)),
    real: nanos(real),
    summary: summary(made).lanes.map((lane) => ({ name: lane.name, says: saysOf(lane, end) })),
    lanes: lanes.map(laneData),
    flows: {
      ...columns(things, ({ kind }) => CODES.flow.indexOf(kind)),
      fromLane: flows.map(({ fromLane }) => fromLane),
      toLane: flows.map(({ toLane }) => toLane),
    },
    strings,
  }
}

const { format } = times()

const share = (part: bigint, whole: bigint): string =>
  whole === 0n ? "" : ` (${Math.round(Number(part * 1000n / whole) / 10)} %)`

/** A lane in a few words. */
const saysOf = (lane: LaneSummary, end: bigint): ReadonlyArray<string> => {
  const [most, next] = lane.reasons.map(({ name, times, total }) => `${name} ${times}×, ${format(total)}`)
  const reasons = [most, next].filter((each) => each !== undefined)
  if (lane.kind === "calendar") return [`${lane.turns} turns`, ...reasons]
  return [
    `busy ${format(lane.busy)}${share(lane.busy, end)}`,
    ...(lane.free > 0n ? [`of that free-running ${format(lane.free)}`] : []),
    `waiting ${format(lane.waiting)}${share(lane.waiting, end)}`,
    ...reasons.map((reason) => `waited for ${reason}`),
    ...(lane.faults > 0 ? [`${lane.faults} faults`] : []),
  ]
}

const escape = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;")

/** JSON that can stand in a page: it has `<` in strings only, where it can be written otherwise. */
const embed = (json: string): string => json.replaceAll("<", "\\u003c")

const shape = (name: string, inner: string): string =>
  `<svg viewBox="0 0 14 14" aria-hidden="true" fill="var(--${name})">${inner}</svg>`

const LEGEND = `
<div class="legend" aria-label="Legend">
  <span class="in-simulated"><i class="busy"></i>busy, step by step as its calendar says</span>
  <span class="in-simulated"><i class="free"></i>free-running: busy without having to ask</span>
  <span class="in-simulated"><i class="wait thin"></i>waiting, idle</span>
  <span class="in-real"><i class="run"></i>running itself</span>
  <span class="in-real"><i class="others"></i>busy, but waits for others to catch up</span>
  <span class="in-real"><i class="wait thin"></i>waiting, idle</span>
  <span><i class="held"></i>held: simulated time stands still</span>
  <span><i class="turn"></i>whose turn it is</span>
  <span>${shape("interrupt", '<path d="M2 2h10l-5 10z"/>')}interrupt, with who raised it</span>
  <span>${shape("handler", '<path d="M6 2h2v10h-2z"/>')}handler: its own timer, or an event</span>
  <span>${shape("mark", '<path d="M7 1l5 6-5 6-5-6z"/>')}mark</span>
  <span>${shape("report", '<circle cx="7" cy="7" r="6"/>')}fault or report</span>
</div>`

const KEYS: ReadonlyArray<readonly [string, string]> = [
  ["+ −", "zoom in and out; so does the wheel, where the pointer is"],
  ["← →", "earlier and later; or drag, or Shift and the wheel"],
  ["0", "all of it"],
  ["↑ ↓", "select in the lane above or below"],
  ["n p", "the next and the previous thing in the lane"],
  ["Enter", "as close as can be to what is selected; or double-click"],
  ["t", "simulated or real time"],
  ["/", "search: any words of a record; Enter and Shift+Enter go on"],
  ["Page Up, Down", "more lanes; or Alt and the wheel"],
  ["Esc", "select nothing"],
]

const toggle = (name: string, label: string, isOn: boolean): string =>
  `<label><input type="checkbox" id="show-${name}"${isOn ? " checked" : ""}>${label}</label>`

/** The page, piece by piece: put together they are a file of HTML. */
export const page = function* (trace: Trace, { title = "trace" }: PageOptions = {}): Generator<string> {
  const data = pageData(trace, title)
  const about = `${trace.sources.length} traced, ${trace.records.length.toLocaleString("en")} records`
  yield `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:">
<link rel="icon" href="data:,">
<title>${escape(title)} · guest-clock</title>
<style>${style}</style>
</head>
<body>
<header><h1>${escape(title)}</h1><p>${about}</p><p>in sight: <span id="range"></span></p></header>
<div class="controls">
  <span class="group" role="group" aria-label="Which time"><button id="simulated">simulated time</button><button
    id="real">real time</button></span>
  <span class="group"><button id="out" aria-label="Zoom out">−</button><button id="in" aria-label="Zoom in">+</button><button
    id="fit">all of it</button></span>
  <span class="group"><input type="search" id="search" placeholder="search records  ( / )" aria-label="Search records"><button
    id="previous" aria-label="Previous found">‹</button><button id="next" aria-label="Next found">›</button><span
    id="found" role="status"></span></span>
  <span class="group"><input type="search" id="filter" placeholder="only lanes named…" aria-label="Only lanes named"></span>
  <span class="group">${toggle("interrupts", "interrupts", true)} ${toggle("handlers", "handlers", true)} ${
    toggle("marks", "marks", true)
  } ${toggle("messages", "messages", false)}</span>
  <span class="group"><button id="theme">light / dark</button><button id="keys">keys ( ? )</button></span>
</div>
${LEGEND}
<main>
  <div class="picture">
    <canvas id="overview" aria-label="The whole trace in little"></canvas>
    <canvas id="lanes" tabindex="0" aria-label="The timeline: a lane for each guest. Keys: question mark"></canvas>
  </div>
  <aside><div id="selected" aria-live="polite"></div><div id="record"></div></aside>
</main>
<div id="tip" hidden></div>
<dialog id="help"><table>${
    KEYS.map(([keys, does]) => `<tr><td><kbd>${keys}</kbd></td><td>${does}</td></tr>`).join("")
  }</table><form method="dialog"><button>close</button></form></dialog>
<noscript>This page draws a timeline, for which it needs JavaScript.</noscript>
<script type="application/json" id="data">`
  yield embed(JSON.stringify(data))
  yield `</script>\n<script type="text/plain" id="records">\n`
  for (const record of trace.records) yield embed(recordLine(record))
  yield `</script>
<script>"use strict"
const times = ${times}
const model = ${model}
const drawing = ${drawing}
const overview = ${overview}
const details = ${details}
const main = ${main}
main({ times, model, drawing, overview, details })
</script>
</body>
</html>
`
}
