/**
 * What the page says of the thing that is selected: exactly when, for how long, why, who ran meanwhile, and what led to
 * it.
 *
 * @module
 */
import type { Hit } from "./drawing.ts"
import type { Model, Rows } from "./model.ts"
import type { Times } from "./times.ts"

/** A thing in words. */
export interface Details {
  readonly title: string
  readonly rows: ReadonlyArray<readonly [string, string]>
  /** Lists below it: a head, and lines, which may lead to something. */
  readonly lists: ReadonlyArray<{ readonly head: string; readonly items: ReadonlyArray<Item> }>
  /** The place of its record; nothing if it has none. */
  readonly record: number | undefined
  /** A line for a tooltip. */
  readonly short: string
}

/** A line of a list. */
export interface Item {
  readonly text: string
  readonly hit: Hit | undefined
}

/** Says what things are. */
export interface Describe {
  readonly describe: (hit: Hit) => Details
  /** The messages that led to one, the last first: each had arrived at its sender before it sent the next. */
  readonly before: (message: number) => ReadonlyArray<number>
  /** The first message that went back to its sender over the same link after it had arrived. */
  readonly answer: (message: number) => number | undefined
  /** A message in a line. */
  readonly line: (message: number) => string
}

/** Is put into the page as it is: it must not use anything from outside. */
export function details(model: Model, times: Times): Describe {
  const DOING = ["running", "busy", "free-running", "waiting", "turn"]
  const ACT = ["handler", "interrupt", "tick", "hold"]
  const INSTANT = ["mark", "report", "fault"]
  const SAID: { readonly [doing: string]: string } = {
    running: "computes, while simulated time stands still",
    busy: "is busy for simulated time, step by step as the calendar says",
    "free-running": "is busy for simulated time, without having to ask anybody",
    waiting: "is idle until something is due or interrupts it",
  }
  const { messages } = model
  const STEPS = 12
  const seconds = (time: bigint): number => Number(time) / 1e9

  /** Who ran in real time while a guest waited: its share of that, the longest first. */
  const others = (lane: number, from: bigint, to: bigint): ReadonlyArray<Item> => {
    const found: Array<{ name: string; turns: number; real: bigint }> = []
    model.lanes.forEach((other, index) => {
      if (index === lane || other.info.kind === "calendar") return
      const { spans } = other
      let [turns, real] = [0, 0n]
      for (let at = model.firstAfter(spans, 1, seconds(from)); at < spans.length; at++) {
        const start = model.fromOf(spans, at, 1)
        if (start >= to) break
        if (model.get(spans, at, "own") !== 1) continue
        const end = model.toOf(spans, at, 1)
        const shared = (end < to ? end : to) - (start > from ? start : from)
        if (shared <= 0n) continue
        if (model.get(spans, at, "what") === 0) turns++
        real += shared
      }
      if (real > 0n) found.push({ name: other.info.name, turns, real })
    })
    found.sort((a, b) => a.real > b.real ? -1 : 1)
    return found.map(({ name, turns, real }) => ({
      text: `${name}: ${turns} ${turns === 1 ? "time" : "times"}, ${times.format(real)}`,
      hit: undefined,
    }))
  }

  const laneName = (lane: number): string => model.lanes[lane]!.info.name
  const number = (message: number, column: string): number => model.get(messages, message, column)
  const isLost = (message: number): boolean => model.textOf(messages, message, "lost") !== ""
  const line = (message: number): string =>
    `${times.format(model.fromOf(messages, message, 0))}: ${laneName(number(message, "lane"))} → ${
      laneName(number(message, "toLane"))
    } ${model.brief(message)}${isLost(message) ? `, lost: ${model.textOf(messages, message, "lost")}` : ""}`

  /** The last message that had arrived in a lane by a time. */
  const lastArrival = (lane: number, by: bigint, other: number): number | undefined => {
    let best: number | undefined
    let bestAt = -1n
    // Those that were sent before it: long ones may still be under way, so not only the last few are looked at.
    for (let at = Math.min(other, messages.length) - 1, steps = 0; at >= 0 && steps < 5000; at--, steps++) {
      if (number(at, "toLane") !== lane || isLost(at) || (number(at, "flags") & 1) !== 0) continue
      const arrived = model.toOf(messages, at, 0)
      if (arrived > by || arrived <= bestAt) continue
      best = at
      bestAt = arrived
      if (steps > 500) break
    }
    return best
  }

  const before: Describe["before"] = (message) => {
    const chain: Array<number> = []
    let current = message
    while (chain.length < STEPS) {
      const previous = lastArrival(number(current, "lane"), model.fromOf(messages, current, 0), current)
      if (previous === undefined || previous === current) break
      chain.push(previous)
      current = previous
    }
    return chain
  }

  const answer: Describe["answer"] = (message) => {
    if (isLost(message)) return undefined
    const arrived = model.toOf(messages, message, 0)
    const [lane, to, link] = [number(message, "lane"), number(message, "toLane"), number(message, "link")]
    for (let at = message + 1; at < messages.length; at++) {
      if (number(at, "lane") !== to || number(at, "toLane") !== lane || number(at, "link") !== link) continue
      if (model.fromOf(messages, at, 0) >= arrived) return at
    }
    return undefined
  }

  const hitOf = (message: number): Hit => ({ lane: number(message, "lane"), kind: "messages", pid: 0, index: message })
  const itemOf = (message: number): Item => ({ text: line(message), hit: hitOf(message) })

  const ofMessage = (message: number): Details => {
    const [from, to] = [model.fromOf(messages, message, 0), model.toOf(messages, message, 0)]
    const flags = number(message, "flags")
    const lost = model.textOf(messages, message, "lost")
    const again = number(message, "again")
    const isUnknown = lost !== "" && (flags & 1) !== 0
    const rows: Array<readonly [string, string]> = [
      ["sender", laneName(number(message, "lane"))],
      ["receiver", laneName(number(message, "toLane"))],
      ["link", model.textOf(messages, message, "link")],
      ["number", `#${number(message, "id")}${number(message, "copy") > 0 ? `, copy ${number(message, "copy")}` : ""}`],
      ["sent", times.exact(from)],
      ...isUnknown ? [] : [[lost === "" ? "arrives" : "comes to", times.exact(to)] as const],
      ...isUnknown ? [] : [["under way", times.format(to - from)] as const],
      ...lost === "" ? [] : [["lost", lost] as const],
      ...again > 0 ? [["again", "one with the same content was lost before"] as const] : [],
      ...(flags & 2) === 0 ? [] : [["copy", "it arrives twice: this is the duplicate"] as const],
      ...(flags & 4) === 0 ? [] : [["corrupted", "on its way"] as const],
      ["content", model.textOf(messages, message, "text")],
    ]
    const next = answer(message)
    const led = before(message)
    return {
      title: `message: ${model.brief(message)}`,
      rows,
      lists: [
        ...next === undefined ? [] : [{ head: "its answer", items: [itemOf(next)] }],
        ...led.length === 0 ? [] : [{ head: "what led to it", items: led.map(itemOf) }],
      ],
      record: number(message, "record"),
      short: `${line(message)}${lost === "" ? `, arrives ${times.format(to)}` : ""}${again > 0 ? ", again" : ""}`,
    }
  }

  const ofSegment = ({ lane, pid, index }: Hit, rows: Rows): Details => {
    const { info } = model.lanes[lane]!
    const [from, to] = [model.fromOf(rows, index, 0), model.toOf(rows, index, 0)]
    const [state, what, whom, by] = ["state", "name", "whom", "by"].map((column) => model.textOf(rows, index, column))
    const who = info.processes[pid] ?? info.name
    const title = state !== "" ? `${who}: ${state}` : what === "" ? `${who} runs` : `${who} waits: ${what}`
    const last = lastArrival(lane, to, messages.length)
    const sent = by !== "" && by!.startsWith("#") && last !== undefined && model.toOf(messages, last, 0) === to
      ? last
      : undefined
    return {
      title,
      rows: [
        ["guest", info.name],
        ...info.processes.length > 1 ? [["process", who] as const] : [],
        ["begins", times.exact(from)],
        ["ends", times.exact(to)],
        ["lasts", times.format(to - from)],
        ...what === "" ? [] : [["waits for", what!] as const],
        ...whom === "" ? [] : [["which has", whom!] as const],
        ...by === "" ? [] : [["until", by!] as const],
      ],
      lists: sent === undefined ? [] : [{ head: "what led to its end", items: [sent, ...before(sent)].map(itemOf) }],
      record: model.get(rows, index, "record"),
      short: `${title}, ${times.format(to - from)}${what === "" ? "" : `, waits for ${what}`}${
        whom === "" ? "" : `, which ${whom} has`
      }${by === "" ? "" : `, until ${by}`}`,
    }
  }

  const describe: Describe["describe"] = (hit) => {
    const { lane, kind, pid, index } = hit
    if (kind === "messages") return ofMessage(index)
    const of = model.lanes[lane]!
    const rows = kind === "segments" ? of.segments[pid]! : of[kind]
    if (kind === "segments") return ofSegment(hit, rows)
    const what = model.get(rows, index, "what")
    const [from, to] = [model.fromOf(rows, index, 0), model.toOf(rows, index, 0)]
    const [realFrom, realTo] = [model.fromOf(rows, index, 1), model.toOf(rows, index, 1)]
    const name = model.textOf(rows, index, "name")
    const list: Array<readonly [string, string]> = [[of.info.kind, of.info.name]]
    let title = name
    let ran: ReadonlyArray<Item> = []
    if (kind === "spans") {
      const doing = DOING[what] ?? ""
      title = what === 4 ? `${name} has the turn` : doing
      if (SAID[doing] !== undefined) list.push(["it", SAID[doing]])
      if (what === 3 && name !== "") list.push(["until", name])
      if (model.get(rows, index, "own") !== 1 && of.info.kind === "guest") ran = others(lane, realFrom, realTo)
    } else {
      const kinds = kind === "acts" ? ACT : INSTANT
      title = name.startsWith(kinds[what] ?? "") ? name : `${kinds[what] ?? ""}: ${name}`
      const text = kind === "instants" ? model.textOf(rows, index, "text") : ""
      if (text !== "") list.push(["says", text])
    }
    list.push(["begins", times.exact(from)])
    if (kind !== "instants") {
      list.push(["ends", times.exact(to)], ["simulated", to === from ? "no time" : times.format(to - from)])
    }
    list.push(["real", kind === "instants" ? times.format(realFrom) : times.format(realTo - realFrom)])
    return {
      title,
      rows: list,
      lists: ran.length === 0 ? [] : [{ head: "who ran meanwhile, in real time", items: ran }],
      record: model.get(rows, index, "record"),
      short: `${title}${kind === "spans" && what === 3 && name !== "" ? ` until ${name}` : ""}, ${
        to === from ? times.format(from) : times.format(to - from)
      }`,
    }
  }

  return { describe, before, answer, line }
}
