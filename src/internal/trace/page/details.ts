/**
 * What the page says of the thing that is selected: exactly when, for how long,
 * why, and who ran meanwhile.
 *
 * @module
 */
import type { Hit } from "./drawing.ts"
import type { Items, Model } from "./model.ts"
import type { Times } from "./times.ts"

/** A thing in words. */
export interface Details {
  readonly title: string
  readonly rows: ReadonlyArray<readonly [string, string]>
  /** Who had the turn while it waited. */
  readonly others: ReadonlyArray<string>
  /** The place of its record; nothing if it has none. */
  readonly record: number | undefined
  /** A line for a tooltip. */
  readonly short: string
}

/** Is put into the page as it is: it must not use anything from outside. */
export function details(model: Model, times: Times): (hit: Hit) => Details {
  const DOING = ["running", "busy", "free-running", "waiting", "turn"]
  const ACT = ["handler", "interrupt", "tick", "hold"]
  const INSTANT = ["mark", "report", "fault"]
  const SAID: Readonly<Record<string, string>> = {
    running: "computes, while simulated time stands still",
    busy: "is busy for simulated time, step by step as the calendar says",
    "free-running": "is busy for simulated time, without having to ask anybody",
    waiting: "is idle until something is due or interrupts it",
  }

  /** Who ran in real time while a guest waited: its share of that, the longest first. */
  const others = (lane: number, from: bigint, to: bigint): ReadonlyArray<string> => {
    const found: Array<{ name: string; turns: number; real: bigint }> = []
    model.lanes.forEach((other, index) => {
      if (index === lane || other.kind === "calendar") return
      const { spans } = other
      let [turns, real] = [0, 0n]
      const first = model.firstAfter(spans, 1, Number(from / 1_000_000_000n), Number(from % 1_000_000_000n))
      for (let at = first; at < spans.length; at++) {
        const start = times.big(spans.from[1], at)
        if (start >= to) break
        if (other.own[at] !== 1) continue
        const end = times.big(spans.to[1], at)
        const shared = (end < to ? end : to) - (start > from ? start : from)
        if (shared <= 0n) continue
        if (spans.what[at] === 0) turns++
        real += shared
      }
      if (real > 0n) found.push({ name: other.name, turns, real })
    })
    found.sort((a, b) => a.real > b.real ? -1 : 1)
    return found.map(({ name, turns, real }) =>
      `${name}: ${turns} ${turns === 1 ? "time" : "times"}, ${times.format(real)}`
    )
  }

  return ({ lane, kind, index }) => {
    const of = model.lanes[lane]!
    const items: Items = of[kind]
    const what = items.what[index]!
    const [from, to] = [times.big(items.from[0], index), times.big(items.to[0], index)]
    const [realFrom, realTo] = [times.big(items.from[1], index), times.big(items.to[1], index)]
    const name = items.name(index)
    const record = items.record[index]
    const rows: Array<readonly [string, string]> = [["guest", of.name]]
    if (of.kind === "calendar") rows[0] = ["calendar", of.name]
    let title = name
    let ran: ReadonlyArray<string> = []
    if (kind === "spans") {
      const doing = DOING[what] ?? ""
      title = what === 4 ? `${name} has the turn` : doing
      if (what === 3) rows.push(["until", name])
      else if (what !== 4 && name !== "" && name !== "its work") rows.push(["until", name])
      if (SAID[doing] !== undefined) rows.push(["it", SAID[doing]])
      if (of.own[index] !== 1 && of.kind === "guest") ran = others(lane, realFrom, realTo)
    } else {
      const sort = (kind === "acts" ? ACT : INSTANT)[what] ?? ""
      title = name.startsWith(sort) ? name : `${sort}: ${name}`
      const text = kind === "instants" ? of.text(index) : ""
      if (text !== "") rows.push(["says", text])
    }
    rows.push(["begins", times.exact(from)])
    if (to !== from) rows.push(["ends", times.exact(to)])
    rows.push(["simulated", to === from ? "no time" : times.format(to - from)])
    rows.push(["real", realTo === realFrom ? "an instant" : times.format(realTo - realFrom)])
    rows.push(["begins, real", times.exact(realFrom)])
    const long = to > from ? `, ${times.format(to - from)}` : ""
    return {
      title,
      rows,
      others: ran,
      record: record === undefined || record < 0 ? undefined : record,
      short: `${title}${kind === "spans" && what === 3 ? ` until ${name}` : ""} · ${times.format(from)}${long}`,
    }
  }
}
