/**
 * A timeline in the format of Chrome's trace viewer, which Perfetto reads as well
 * (ui.perfetto.dev). Times are exact: µs with as many decimals as it takes.
 *
 * @module
 */
import type { Doing, Flow, Lane, Timeline } from "./Lanes.ts"

/**
 * Which of its two times a timeline is drawn in.
 *
 * @since 0.1.0
 * @category models
 */
export type Axis = "simulated" | "real"

const NAMES: { readonly [D in Doing]: string } = {
  run: "running",
  busy: "busy",
  free: "free-running",
  wait: "waiting",
  turn: "turn",
}

/** ns as µs, in decimals: what is parsed to a double has been exact before. */
const micros = (nanos: bigint): string => {
  const rest = nanos % 1000n
  return rest === 0n ? `${nanos / 1000n}` : `${nanos / 1000n}.${String(rest).padStart(3, "0")}`
}

interface Event {
  readonly [field: string]: string | number | object
}

/** Times are inserted as they are: JSON's numbers have no end. */
const line = (event: Event, times: { readonly [field: string]: bigint }): string =>
  `${JSON.stringify(event).slice(0, -1)}${
    Object.entries(times).map(([field, time]) => `,"${field}":${micros(time)}`).join("")
  }}`

const laneLines = function* (lane: Lane, pid: number, axis: Axis): Generator<string> {
  const at = (from: bigint, realFrom: bigint) => axis === "simulated" ? from : realFrom
  const about = (from: bigint, to: bigint) => ({ from: `${from} ns`, to: `${to} ns` })
  yield line({ ph: "M", name: "process_name", pid, tid: 1, args: { name: lane.name } }, {})
  yield line({ ph: "M", name: "process_sort_index", pid, tid: 1, args: { sort_index: pid } }, {})
  yield line({ ph: "M", name: "thread_name", pid, tid: 1, args: { name: "doing" } }, {})
  yield line({ ph: "M", name: "thread_name", pid, tid: 2, args: { name: "handlers" } }, {})
  for (const { doing, from, to, realFrom, realTo, why, own } of lane.spans) {
    const [start, end] = [at(from, realFrom), at(to, realTo)]
    if (end === start) continue
    const isMine = axis === "simulated" || own
    const name = doing === "turn" ? why : isMine ? NAMES[doing] : "waiting"
    yield line({ ph: "X", name, cat: doing, pid, tid: 1, args: { why, ...about(from, to) } }, {
      ts: start,
      dur: end - start,
    })
  }
  for (const { kind, name, from, to, realFrom, realTo } of lane.acts) {
    const [start, end] = [at(from, realFrom), at(to, realTo)]
    const shown = kind === "hold" ? `held: ${name}` : name
    yield line({ ph: "X", name: shown, cat: kind, pid, tid: 2, args: about(from, to) }, { ts: start, dur: end - start })
  }
  for (const { kind, name, text, at: time, real } of lane.instants) {
    yield line({ ph: "i", s: "p", name: `${kind}: ${name}`, cat: kind, pid, tid: 2, args: { text } }, {
      ts: at(time, real),
    })
  }
}

const flowLines = function* (flow: Flow, id: number, axis: Axis): Generator<string> {
  const shared = { id, name: flow.name, cat: flow.kind }
  const [from, to] = axis === "simulated" ? [flow.at, flow.toAt] : [flow.real, flow.toReal]
  yield line({ ph: "s", ...shared, pid: flow.fromLane + 1, tid: 1 }, { ts: from })
  yield line({ ph: "f", bp: "e", ...shared, pid: flow.toLane + 1, tid: flow.kind === "interrupt" ? 2 : 1 }, { ts: to })
}

/**
 * The timeline as JSON, piece by piece. Drawn in simulated time unless told otherwise.
 *
 * @since 0.1.0
 * @category exporting
 */
export const chrome = function* (timeline: Timeline, axis: Axis = "simulated"): Generator<string> {
  yield '{"displayTimeUnit":"ns","traceEvents":[\n'
  let separator = ""
  for (const [index, lane] of timeline.lanes.entries()) {
    for (const each of laneLines(lane, index + 1, axis)) {
      yield separator + each
      separator = ",\n"
    }
  }
  for (const [id, flow] of timeline.flows.entries()) {
    for (const each of flowLines(flow, id, axis)) yield separator + each
  }
  yield "\n]}\n"
}
