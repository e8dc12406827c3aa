/**
 * Finds the first difference of two traces.
 *
 * It compares what happened in simulated time, and neither real times nor the host's clocks. A guest is compared record by record. A calendar is compared client by client,
 * by their IDs: in which order processes connect to it is up to the operating system.
 *
 * @module
 */
import { nameOf, Op } from "../../core/Message.ts"
import { dataText } from "./Texts.ts"
import { isWorldNote, worldWords } from "./WorldCodec.ts"
import type { CalendarTransition, ProxyTransition, Source, TraceRecord, What } from "./Record.ts"
import type { Readable } from "./TraceFile.ts"

/**
 * One thing that happened, for comparison and for people.
 *
 * @since 0.1.0
 * @category models
 */
export interface Item {
  /** In simulated time, in ns of its source. */
  readonly time: bigint
  /** What it is, in words without real times. */
  readonly text: string
  /** The record, by its place in its trace from 0 on. */
  readonly place: number
  readonly record: TraceRecord
}

/**
 * The first difference.
 *
 * @since 0.1.0
 * @category models
 */
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

/**
 * What a comparison came to.
 *
 * @since 0.1.0
 * @category models
 */
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

/**
 * A record in words, without what only real time decides.
 *
 * @since 0.1.0
 * @category formatting
 */
export const describe = (what: What): string => {
  if (isWorldNote(what)) return worldWords(what)
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

/** What a calendar reports as real time goes by, and who comes and goes, which its clients' own parts say. */
const BY_REAL_TIME = ["Joined", "Left", "LongTurn", "Missing"]

/** Told of an item of a part of a trace: a guest, or one client of a calendar. */
type Note = (strand: string, text: string) => void

/** A calendar, client by client: what each sent and was sent, and what concerns all of them. */
class CalendarStrands {
  readonly #name: string
  readonly #clients = new Map<number, string>()

  constructor({ name }: Source) {
    this.#name = name
  }

  take({ what }: TraceRecord, note: Note): void {
    if (what._tag === "Mark") note(this.#name, describe(what))
    if (what._tag === "Report" && !BY_REAL_TIME.includes(what.name)) note(this.#name, describe(what))
    if (what._tag !== "Transition") return
    const transition = what as CalendarTransition | ProxyTransition
    if (transition.name === "allow") note(this.#name, describe(what))
    if (transition.name === "asked") {
      const { client, op, value } = transition.input
      note(this.#clients.get(client) ?? this.#name, `from it, by memory: ${nameOf(op)} ${value}`)
    }
    if (transition.name === "clientMessage" || transition.name === "fromClient") {
      const { client, op, seq, value } = transition.input
      if (op === Op.Start && !this.#clients.has(client)) this.#clients.set(client, `${this.#name}, client ${value}`)
      note(this.#clients.get(client) ?? this.#name, `from it: ${nameOf(op)} #${seq} ${value}`)
    }
    if (transition.name === "fromCalendar") {
      const { client, op, seq, value } = transition.input
      note(this.#clients.get(client) ?? this.#name, `to it: ${nameOf(op)} #${seq} ${value}`)
    }
    for (const command of transition.then) {
      const [verb, key, ...rest] = command.split(" ")
      const strand = this.#clients.get(Number(key))
      if (verb === "Ended") note(this.#name, command)
      else if (strand !== undefined) note(strand, `${verb === "Send" ? "to it:" : verb} ${rest.join(" ")}`)
    }
    if (transition.name === "disconnected" || transition.name === "left") {
      const strand = this.#clients.get(transition.input.client)
      if (strand !== undefined) note(strand, `gone, ${transition.input.leftover} bytes into a message`)
      this.#clients.delete(transition.input.client)
    }
  }
}

/** An item, and the part that it belongs to. */
interface StrandItem extends Item {
  readonly strand: string
}

/** Whether it is about what guests did, rather than how they agreed on it with their calendar. */
const isOutline = (text: string): boolean =>
  !/^(?:handleMessage|beginExchange|resume|hostTime|state|end|from it|connect|boot)\b|^to it: (?!Run\b)/.test(text)

/** Without messages' numbers, and without what it led to. */
const outlined = (text: string): string => text.replace(/ → (?!fault).*$/, "").replace(/^(to it: \w+) #\d+/, "$1")

/** The items of a trace, in its order. */
const itemsOf = function* (trace: Readable, outline: boolean): Generator<StrandItem> {
  const calendars = trace.sources.map((source) =>
    source.kind._tag === "Guest" ? undefined : new CalendarStrands(source)
  )
  // Several sources may have one name.
  const seen = new Map<string, number>()
  const copies = trace.sources.map(({ name }) => {
    const copy = (seen.get(name) ?? 0) + 1
    seen.set(name, copy)
    return copy === 1 ? "" : ` (${copy})`
  })
  let place = 0
  for (const record of trace.records) {
    const at = place++
    const calendar = calendars[record.source]
    const copy = copies[record.source] ?? ""
    const found: Array<StrandItem> = []
    const note: Note = (strand, text) => {
      if (outline && !isOutline(text)) return
      const shown = outline ? outlined(text) : text
      found.push({ strand: `${strand}${copy}`, time: record.time, text: shown, place: at, record })
    }
    if (calendar === undefined) note(`guest ${trace.sources[record.source]!.name}`, describe(record.what))
    else calendar.take(record, note)
    yield* found
  }
}

/**
 * How traces are compared.
 *
 * @since 0.1.0
 * @category models
 */
export interface DiffOptions {
  /** How many items are shown before and after a difference. Default: 5. */
  readonly context?: number
  /**
   * Only what guests did and when they were told to run, and not their messages: those of guests in
   * processes of their own may cross each other in real time. Default: all that there is.
   */
  readonly outline?: boolean
}

/** A 52-bit hash of a text and a time: FNV-1a, twice. */
const hashOf = ({ time, text }: Item): number => {
  let [one, two] = [0x811c9dc5, 0x1000193]
  const all = `${time} ${text}`
  for (let at = 0; at < all.length; at++) {
    const code = all.charCodeAt(at)
    one = Math.imul(one ^ code, 0x01000193)
    two = Math.imul(two ^ code, 0x85ebca6b)
  }
  return (one >>> 0) * 2 ** 20 + (two >>> 12)
}

/** One part of both traces, as far as it has been compared. */
class Strand {
  /** Those that one trace is ahead of the other. */
  readonly ahead: [Array<number>, Array<number>] = [[], []]
  #from: [number, number] = [0, 0]
  same = 0
  differs = false
  readonly counts: [number, number] = [0, 0]

  /** Takes an item of one of the traces. */
  take(side: 0 | 1, item: Item): void {
    this.counts[side]++
    if (this.differs) return
    const other = side === 0 ? 1 : 0
    const hash = hashOf(item)
    const waiting = this.ahead[other]
    if (this.#from[other] === waiting.length) return void this.ahead[side].push(hash)
    const expected = waiting[this.#from[other]++]
    if (this.#from[other] > 4096) {
      waiting.splice(0, this.#from[other])
      this.#from[other] = 0
    }
    if (expected === hash) {
      this.same++
      return
    }
    this.differs = true
    this.ahead[0].length = this.ahead[1].length = 0
  }

  /** There are no more. */
  close(): void {
    if (this.counts[0] !== this.counts[1]) this.differs = true
  }
}

const advance = (
  items: Iterator<StrandItem>,
  side: 0 | 1,
  strands: Map<string, Strand>,
): boolean => {
  const { value, done } = items.next()
  if (done === true) return false
  let strand = strands.get(value.strand)
  if (strand === undefined) strands.set(value.strand, strand = new Strand())
  strand.take(side, value)
  return true
}

/** The items around the one of each part that is its `same`-th: so many before and after it. */
const around = (
  trace: Readable,
  outline: boolean,
  differing: ReadonlyMap<string, Strand>,
  context: number,
): ReadonlyMap<string, ReadonlyArray<Item>> => {
  const found = new Map([...differing.keys()].map((where): [string, Array<Item>] => [where, []]))
  const indexes = new Map<string, number>()
  for (const { strand: where, ...item } of itemsOf(trace, outline)) {
    const strand = differing.get(where)
    if (strand === undefined) continue
    const index = indexes.get(where) ?? 0
    indexes.set(where, index + 1)
    if (index >= strand.same - context && index <= strand.same + context) found.get(where)!.push(item)
  }
  return found
}

/**
 * The first difference between two traces. Of traces in files (`Trace.open`) only what one is ahead of the other is in
 * memory, as numbers.
 *
 * @since 0.1.0
 * @category comparing
 */
export const diff = (a: Readable, b: Readable, { context = 5, outline = false }: DiffOptions = {}): Comparison => {
  const strands = new Map<string, Strand>()
  const sides = [itemsOf(a, outline), itemsOf(b, outline)] as const
  for (let [one, two] = [true, true]; one || two;) {
    one = one && advance(sides[0], 0, strands)
    two = two && advance(sides[1], 1, strands)
  }
  for (const strand of strands.values()) strand.close()
  const differing = new Map([...strands].filter(([, { differs }]) => differs))
  const compared = [...strands.values()].reduce(
    (sum, { same, differs, counts }) => sum + Math.min(same + (differs ? 1 : 0), Math.max(...counts)),
    0,
  )
  const [inA, inB] = differing.size === 0 ? [] : [a, b].map((trace) => around(trace, outline, differing, context))
  const differences = [...differing].map(([where, { same }]): Difference => {
    const [ours, theirs] = [inA!.get(where)!, inB!.get(where)!]
    const before = Math.min(same, context)
    return {
      where,
      same,
      before: ours.slice(0, before),
      a: ours[before],
      b: theirs[before],
      afterA: ours.slice(before + 1),
      afterB: theirs.slice(before + 1),
    }
  })
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
  return { first, differing: [...differing.keys()], compared }
}
