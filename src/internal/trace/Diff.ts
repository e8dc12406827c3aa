/**
 * Where two traces first say something else.
 *
 * What is compared is what happened in simulated time. Real times aren't, nor what the host's
 * clocks were. A guest is compared record by record. A calendar is compared client by client,
 * by their IDs: in which order processes connect to it is up to the operating system.
 *
 * @module
 */
import { nameOf, Op } from "../../core/Message.ts"
import { dataText } from "./Texts.ts"
import type { CalendarTransition, ProxyTransition, Source, Trace, TraceRecord, What } from "./Record.ts"

/** One thing that happened, for comparison and for people. */
export interface Item {
  /** In simulated time, in ns of its source. */
  readonly time: bigint
  /** What it is, in words without real times. */
  readonly text: string
  /** The record, by its place in its trace from 0 on. */
  readonly place: number
  readonly record: TraceRecord
}

/** A part of a trace that is compared with its counterpart: a guest, or one client of a calendar. */
interface Strand {
  readonly name: string
  readonly items: ReadonlyArray<Item>
}

/** The first difference. */
export interface Difference {
  /** In which part: `guest camera`, `calendar, client 2`. */
  readonly where: string
  /** How many items of that part are the same before it. */
  readonly same: number
  /** The last of those that are the same, as the first trace has them. */
  readonly before: ReadonlyArray<Item>
  /** What the first trace says; nothing if it ends there. */
  readonly a: Item | undefined
  /** What the second says. */
  readonly b: Item | undefined
  /** What comes after, in each. */
  readonly afterA: ReadonlyArray<Item>
  readonly afterB: ReadonlyArray<Item>
}

/** What a comparison came to. */
export interface Comparison {
  /** The first difference in simulated time, if there is any. */
  readonly first: Difference | undefined
  /** In which parts there is one. */
  readonly differing: ReadonlyArray<string>
  /** How many items were compared. */
  readonly compared: number
}

const inputText = (input: object): string =>
  Object.entries(input)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) =>
      name === "op" ? nameOf(value as number) : `${name} ${Array.isArray(value) ? `[${value.join(", ")}]` : value}`
    )
    .join(" ")

/** A record in words, without what only real time decides. */
export const describe = (what: What): string => {
  switch (what._tag) {
    case "Transition": {
      const { name, then, fault } = what
      const { monotonic: _, wall: __, ...input } = what.input as { monotonic?: bigint; wall?: bigint }
      const done = `${name} ${inputText(input)}`.trim()
      return fault !== undefined
        ? `${done} → fault ${fault}`
        : then.length === 0
        ? done
        : `${done} → ${then.join(", ")}`
    }
    case "Handling":
      return `handler of ${what.name} begins`
    case "Handled":
      return "handler ends"
    case "Mark":
      return `mark ${what.name}${what.data === undefined ? "" : ` ${dataText(what.data)}`}`
    case "Hold":
      return `hold ${what.name}`
    case "Release":
      return `release ${what.name}`
    case "Report":
      return `report ${what.name}: ${what.text}`
    case "State":
      return `state ${what.digest}`
    case "End":
      return `end, state ${what.digest}`
  }
}

const guestStrand = (source: Source, records: ReadonlyArray<readonly [number, TraceRecord]>): Strand => ({
  name: `guest ${source.name}`,
  items: records.map(([place, record]) => ({ time: record.time, text: describe(record.what), place, record })),
})

/** What a calendar reports as real time goes by, and who comes and goes, which its clients' own parts say. */
const BY_REAL_TIME = ["Joined", "Left", "LongTurn", "Missing"]

/** A calendar, client by client: what each sent and was sent, and what concerns all of them. */
const calendarStrands = (
  source: Source,
  records: ReadonlyArray<readonly [number, TraceRecord]>,
): ReadonlyArray<Strand> => {
  const strands = new Map<string, Array<Item>>([[source.name, []]])
  const clients = new Map<number, string>()
  const note = (strand: string, text: string, [place, record]: readonly [number, TraceRecord]) => {
    let items = strands.get(strand)
    if (items === undefined) strands.set(strand, items = [])
    items.push({ time: record.time, text, place, record })
  }
  for (const placed of records) {
    const { what } = placed[1]
    if (what._tag === "Mark") note(source.name, describe(what), placed)
    if (what._tag === "Report" && !BY_REAL_TIME.includes(what.name)) {
      note(source.name, describe(what), placed)
    }
    if (what._tag !== "Transition") continue
    const transition = what as CalendarTransition | ProxyTransition
    if (transition.name === "allow") note(source.name, describe(what), placed)
    if (transition.name === "asked") {
      const { client, op, value } = transition.input
      note(clients.get(client) ?? source.name, `from it, by memory: ${nameOf(op)} ${value}`, placed)
    }
    if (transition.name === "clientMessage" || transition.name === "fromClient") {
      const { client, op, seq, value } = transition.input
      if (op === Op.Start && !clients.has(client)) clients.set(client, `${source.name}, client ${value}`)
      note(clients.get(client) ?? source.name, `from it: ${nameOf(op)} #${seq} ${value}`, placed)
    }
    if (transition.name === "fromCalendar") {
      const { client, op, seq, value } = transition.input
      note(clients.get(client) ?? source.name, `to it: ${nameOf(op)} #${seq} ${value}`, placed)
    }
    for (const command of transition.then) {
      const [verb, key, ...rest] = command.split(" ")
      const strand = clients.get(Number(key))
      if (verb === "Ended") note(source.name, command, placed)
      else if (strand !== undefined) note(strand, `${verb === "Send" ? "to it:" : verb} ${rest.join(" ")}`, placed)
    }
    if (transition.name === "disconnected" || transition.name === "left") {
      const strand = clients.get(transition.input.client)
      if (strand !== undefined) note(strand, `gone, ${transition.input.leftover} bytes into a message`, placed)
      clients.delete(transition.input.client)
    }
  }
  return [...strands].map(([name, items]) => ({ name, items }))
}

const strandsOf = (trace: Trace): Map<string, Strand> => {
  const bySource = trace.sources.map((): Array<readonly [number, TraceRecord]> => [])
  trace.records.forEach((record, place) => bySource[record.source]!.push([place, record]))
  const strands = trace.sources.flatMap((source) => {
    const records = bySource[source.source]!
    return source.kind._tag === "Guest" ? [guestStrand(source, records)] : calendarStrands(source, records)
  })
  const named = new Map<string, Strand>()
  for (const strand of strands) {
    let { name } = strand
    for (let copy = 2; named.has(name); copy++) name = `${strand.name} (${copy})`
    named.set(name, strand)
  }
  return named
}

const NOTHING: Strand = { name: "", items: [] }

/** Whether it is about what guests did, rather than how they agreed on it with their calendar. */
const isOutline = ({ text }: Item): boolean =>
  !/^(?:handleMessage|beginExchange|resume|hostTime|state|end|from it|connect|boot)\b|^to it: (?!Run\b)/.test(text)

/** Without messages' numbers, and without what it led to. */
const outlineOf = ({ items, ...strand }: Strand): Strand => ({
  ...strand,
  items: items.filter(isOutline).map((item) => ({
    ...item,
    text: item.text.replace(/ → (?!fault).*$/, "").replace(/^(to it: \w+) #\d+/, "$1"),
  })),
})

/** How traces are compared. */
export interface DiffOptions {
  /** How many items are shown before and after a difference. Default: 5. */
  readonly context?: number
  /**
   * Only what guests did and when they were told to run, and not their messages: those of guests in
   * processes of their own may cross each other in real time. Default: all that there is.
   */
  readonly outline?: boolean
}

/** The first difference between two traces. */
export const diff = (a: Trace, b: Trace, { context = 5, outline = false }: DiffOptions = {}): Comparison => {
  const [inA, inB] = [a, b].map((trace) => {
    const strands = strandsOf(trace)
    return outline ? new Map([...strands].map(([name, strand]) => [name, outlineOf(strand)])) : strands
  }) as [Map<string, Strand>, Map<string, Strand>]
  const names = new Set([...inA.keys(), ...inB.keys()])
  const differences: Array<Difference> = []
  let compared = 0
  for (const where of names) {
    const { items: ours } = inA.get(where) ?? NOTHING
    const { items: theirs } = inB.get(where) ?? NOTHING
    const most = Math.max(ours.length, theirs.length)
    let at = 0
    while (at < most && ours[at]?.time === theirs[at]?.time && ours[at]?.text === theirs[at]?.text) at++
    compared += Math.min(at + 1, most)
    if (at === most) continue
    differences.push({
      where,
      same: at,
      before: ours.slice(Math.max(0, at - context), at),
      a: ours[at],
      b: theirs[at],
      afterA: ours.slice(at + 1, at + 1 + context),
      afterB: theirs.slice(at + 1, at + 1 + context),
    })
  }
  const timeOf = ({ a, b }: Difference): bigint => {
    const times = [a, b].flatMap((item) => item === undefined ? [] : [item.time])
    return times.reduce((least, time) => time < least ? time : least)
  }
  const placeOf = ({ a, b }: Difference): number => a?.place ?? b?.place ?? 0
  const first = differences.reduce<Difference | undefined>((least, each) => {
    if (least === undefined) return each
    const [one, other] = [timeOf(each), timeOf(least)]
    return one < other || one === other && placeOf(each) < placeOf(least) ? each : least
  }, undefined)
  return { first, differing: differences.map(({ where }) => where), compared }
}
