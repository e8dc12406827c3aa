/**
 * Traces as text: one JSON object a line (NDJSON). The first says what it is, and
 * each source is introduced by a line of its own before its records.
 *
 * Written by hand, as a record is to take less than 2 µs.
 *
 * @module
 */
import type { Mode } from "../../core/Modes.ts"
import { allNames, type AnyRevision } from "../../core/Revisions.ts"
import { dataText } from "./Texts.ts"
import { isWorldNote, readWorld, worldText } from "./WorldCodec.ts"
import {
  BadTrace,
  CALENDAR_INPUTS,
  type CalendarOptions,
  GUEST_INPUTS,
  PROXY_INPUTS,
  type Source,
  type Trace,
  type TraceRecord,
  VERSION,
  VERSIONS,
  type What,
} from "./Record.ts"

/** The first line. */
export const HEADER = `{"trace":"guest-clock","version":${VERSION}}\n`

type Value = bigint | number | boolean | string | ReadonlyArray<string> | undefined
type Inputs = { readonly [name: string]: Value }

const INPUTS: { readonly [name: string]: { readonly [field: string]: string } } = {
  ...GUEST_INPUTS,
  ...CALENDAR_INPUTS,
  ...PROXY_INPUTS,
}

const INPUTS_OF = { Guest: GUEST_INPUTS, Calendar: CALENDAR_INPUTS, Proxy: PROXY_INPUTS }

const FIELDS = new Map(
  Object.entries(INPUTS).map(([name, fields]) => [
    name,
    {
      head: `,"do":"${name}"`,
      fields: Object.entries(fields).map(([field, type]) => ({ field, type, head: `,"${field}":` })),
    },
  ]),
)

// ------------------------------------------------------------------------ writing

const valueText = (value: NonNullable<Value>): string => {
  switch (typeof value) {
    case "bigint":
      return `"${value}"`
    case "number":
      return value === Infinity ? '"unlimited"' : `${value}`
    case "boolean":
      return value ? "true" : "false"
    default:
      return JSON.stringify(value)
  }
}

const inputText = (name: string, input: Inputs): string => {
  const { head, fields } = FIELDS.get(name)!
  let text = head
  for (const each of fields) {
    const value = input[each.field]
    if (value !== undefined) text += each.head + valueText(value)
  }
  return text
}

const whatText = (what: What): string => {
  if (isWorldNote(what)) return worldText(what)
  switch (what._tag) {
    case "Transition": {
      const done = inputText(what.name, what.input)
      const then = what.then.length === 0 ? "" : `,"then":${JSON.stringify(what.then)}`
      return what.fault === undefined ? done + then : `${done}${then},"fault":${JSON.stringify(what.fault)}`
    }
    case "Handling":
      return what.event === undefined
        ? ',"handling":"tick"'
        : `,"handling":${JSON.stringify(what.name)},"event":${what.event}`
    case "Handled":
      return ',"handled":true'
    case "Mark":
      return `,"mark":${JSON.stringify(what.name)}${what.data === undefined ? "" : `,"data":${dataText(what.data)}`}`
    case "Hold":
      return `,"hold":${JSON.stringify(what.name)}`
    case "Release":
      return `,"release":${JSON.stringify(what.name)}`
    case "Report":
      return `,"report":${JSON.stringify(what.name)},"text":${JSON.stringify(what.text)}`
    case "State":
      return `,"state":"${what.digest}"`
    case "End":
      return `,"end":"${what.digest}"`
  }
}

/** The rest of a record's line, after its real time. */
export const bodyText = (what: What): string => `${whatText(what)}}`

/** A record as a line. */
export const recordLine = ({ source, n, time, real, what }: TraceRecord): string =>
  `{"s":${source},"n":${n},"t":"${time}","r":"${real}"${bodyText(what)}\n`

const kindText = ({ kind }: Source): string => {
  if (kind._tag === "Guest") {
    const { mode, revision } = kind
    return `"guest":${JSON.stringify(mode)}${revision === undefined ? "" : `,"revision":${JSON.stringify(revision)}`}`
  }
  if (kind._tag === "Proxy") return '"proxy":true'
  const { clients, start, order, until, turns } = kind.options
  const rest = `${until === undefined ? "" : `,"until":"${until}"`}${
    turns === undefined ? "" : `,"turns":${valueText(turns)}`
  }`
  return `"calendar":{"clients":${clients},"start":"${start}","order":${JSON.stringify(order)}${rest}}`
}

/** What introduces a source, as a line. */
export const sourceLine = (source: Source): string =>
  `{"source":${source.source},"name":${JSON.stringify(source.name)},"began":"${source.began}","format":${VERSION},${
    kindText(source)
  }}\n`

/**
 * A whole trace as text, line by line.
 *
 * @since 0.1.0
 * @category codecs
 */
export const write = function* (trace: Trace): Generator<string> {
  yield HEADER
  for (const source of trace.sources) yield sourceLine(source)
  for (const record of trace.records) yield recordLine(record)
}

// ------------------------------------------------------------------------ reading

type Json = { readonly [key: string]: unknown }

const DECIMAL = /^\d+$/

const READABLE = VERSIONS.join(" and ")

/** What was cut off is no JSON, as every whole line is an object. */
export class NoJson extends BadTrace {}

/**
 * Reads a trace line by line. A line that can't be read throws a {@link BadTrace}.
 *
 * @since 0.1.0
 * @category models
 */
export class Reader {
  #line = 0
  #sources: Array<Source> = []
  #counts: Array<number> = []

  /** What has been read of the sources. */
  get sources(): ReadonlyArray<Source> {
    return this.#sources
  }

  /** The record on the next line, if it is one. */
  read(text: string): TraceRecord | undefined {
    const line = ++this.#line
    if (text.trim() === "") return undefined
    let json: unknown
    try {
      json = JSON.parse(text)
    } catch {
      if (line === 1) return this.#fail("this is no trace of guest-clock: its first line is no JSON")
      throw new NoJson(line, "it is no JSON")
    }
    if (typeof json !== "object" || json === null || Array.isArray(json)) return this.#fail("it is no JSON object")
    if (line === 1) {
      this.#header(json as Json)
      return undefined
    }
    if ("source" in json) {
      this.#source(json as Json)
      return undefined
    }
    return this.#record(json as Json)
  }

  #fail(why: string): never {
    throw new BadTrace(this.#line, why)
  }

  #header({ trace, version }: Json): void {
    if (trace !== "guest-clock") this.#fail("this is no trace of guest-clock: its first line doesn't say so")
    if (!VERSIONS.includes(version as number)) {
      this.#fail(`the version of its format is ${JSON.stringify(version)}, and this guest-clock reads ${READABLE} only`)
    }
  }

  #get(json: Json, field: string, type: string): Value {
    const value = json[field]
    const wrong = (allowed: string): never =>
      this.#fail(`${JSON.stringify(field)} can't be ${JSON.stringify(value) ?? "missing"}: it is ${allowed}`)
    switch (type) {
      case "time?":
        if (value === undefined) return undefined
        return this.#get(json, field, "time")
      case "time":
        return typeof value === "string" && DECIMAL.test(value) ? BigInt(value) : wrong("a string of decimals, in ns")
      case "count?":
        if (value === undefined) return undefined
        return value === "unlimited" ? Infinity : this.#get(json, field, "whole")
      case "flag?":
        return value === undefined ? undefined : this.#get(json, field, "flag")
      case "whole":
        return typeof value === "number" && Number.isSafeInteger(value) && value >= 0
          ? value
          : wrong("a whole number from 0 on")
      case "flag":
        return typeof value === "boolean" ? value : wrong("true or false")
      case "text":
        return typeof value === "string" ? value : wrong("a string")
      default:
        return Array.isArray(value) && value.every((each) => typeof each === "string")
          ? value
          : wrong("an array of strings")
    }
  }

  #time(json: Json, field: string): bigint {
    return this.#get(json, field, "time") as bigint
  }
  #whole(json: Json, field: string): number {
    return this.#get(json, field, "whole") as number
  }
  #text(json: Json, field: string): string {
    return this.#get(json, field, "text") as string
  }

  #source(json: Json): void {
    const source = this.#whole(json, "source")
    if (source !== this.#sources.length) {
      this.#fail(`"source" can't be ${source}: sources are numbered, and the next is ${this.#sources.length}`)
    }
    if (!VERSIONS.includes(json["format"] as number)) {
      this.#fail(`"format" can't be ${JSON.stringify(json["format"])}: this guest-clock reads ${READABLE} only`)
    }
    const name = this.#text(json, "name")
    const began = this.#time(json, "began")
    if ("guest" in json) {
      const mode = json["guest"] as Mode
      if (!["off", "basic", "inf-cpu", "external"].includes(mode)) {
        this.#fail(`"guest" can't be ${JSON.stringify(mode)}: it is off, basic, inf-cpu or external`)
      }
      this.#sources.push({ source, name, began, kind: { _tag: "Guest", mode, ...this.#revision(json) } })
    } else if (json["proxy"] === true) {
      this.#sources.push({ source, name, began, kind: { _tag: "Proxy" } })
    } else {
      const given = json["calendar"]
      if (typeof given !== "object" || given === null) this.#fail("a source is a guest, a calendar or a proxy")
      this.#sources.push({ source, name, began, kind: { _tag: "Calendar", options: this.#options(given as Json) } })
    }
    this.#counts.push(-1)
  }

  /** Traces of guests of Linux 5.8's clock, and all older ones, have none. */
  #revision({ revision }: Json): { readonly revision?: AnyRevision } {
    if (revision === undefined) return {}
    if (allNames.includes(revision as AnyRevision)) return { revision: revision as AnyRevision }
    return this.#fail(`"revision" can't be ${JSON.stringify(revision)}: it is one of ${allNames.join(", ")}`)
  }

  #options(json: Json): CalendarOptions {
    const order = json["order"] as CalendarOptions["order"]
    const isOrder = order === "first-come" || order === "by-id" ||
      typeof order === "object" && order !== null && Number.isInteger(order.seed)
    if (!isOrder) {
      this.#fail(`"order" can't be ${JSON.stringify(order)}: it is first-come, by-id, or an object with a seed`)
    }
    return {
      clients: this.#whole(json, "clients"),
      start: this.#time(json, "start"),
      order,
      until: this.#get(json, "until", "time?") as bigint | undefined,
      turns: this.#get(json, "turns", "count?") as number | undefined,
    }
  }

  #record(json: Json): TraceRecord {
    const source = this.#whole(json, "s")
    const of = this.#sources[source]
    if (of === undefined) return this.#fail(`"s" can't be ${source}: there are ${this.#sources.length} sources so far`)
    const n = this.#whole(json, "n")
    const last = this.#counts[source]!
    if (last >= 0 && n !== last + 1) {
      this.#fail(`"n" can't be ${n}: the record of this source before it has ${last}`)
    }
    this.#counts[source] = n
    return { source, n, time: this.#time(json, "t"), real: this.#time(json, "r"), what: this.#what(json, of) }
  }

  #what(json: Json, { kind }: Source): What {
    if ("do" in json) return this.#transition(json, INPUTS_OF[kind._tag])
    if ("world" in json) {
      return readWorld(json, (json, field, type) => this.#get(json, field, type), (why) => this.#fail(why))
    }
    if ("handling" in json) {
      const name = this.#text(json, "handling")
      return { _tag: "Handling", name, event: "event" in json ? this.#whole(json, "event") : undefined }
    }
    if ("handled" in json) return { _tag: "Handled" }
    if ("mark" in json) {
      const name = this.#text(json, "mark")
      return "data" in json ? { _tag: "Mark", name, data: json["data"] } : { _tag: "Mark", name }
    }
    if ("hold" in json) return { _tag: "Hold", name: this.#text(json, "hold") }
    if ("release" in json) return { _tag: "Release", name: this.#text(json, "release") }
    if ("report" in json) return { _tag: "Report", name: this.#text(json, "report"), text: this.#text(json, "text") }
    if ("state" in json) return { _tag: "State", digest: this.#text(json, "state") }
    if ("end" in json) return { _tag: "End", digest: this.#text(json, "end") }
    return this.#fail(
      "it says nothing: a record has one of do, world, handling, handled, mark, hold, release, report, state, end",
    )
  }

  #transition(json: Json, inputs: typeof INPUTS): What {
    const name = this.#text(json, "do")
    const fields = Object.hasOwn(inputs, name) ? inputs[name] : undefined
    if (fields === undefined) {
      return this.#fail(`"do" can't be ${JSON.stringify(name)}: it is one of ${Object.keys(inputs).join(", ")}`)
    }
    const input: { [field: string]: Value } = {}
    for (const [field, type] of Object.entries(fields)) {
      const value = this.#get(json, field, type)
      if (value !== undefined) input[field] = value
    }
    return {
      _tag: "Transition",
      name,
      input,
      then: "then" in json ? this.#get(json, "then", "texts") as ReadonlyArray<string> : [],
      fault: "fault" in json ? this.#text(json, "fault") : undefined,
    } as What
  }
}

/**
 * A whole trace, from its lines. One that can't be read throws a {@link BadTrace}. A last line that was
 * cut off, as when its program was killed, is left out, and the trace says so.
 *
 * @since 0.1.0
 * @category codecs
 */
export const read = (lines: Iterable<string>): Trace => {
  const reader = new Reader()
  const records: Array<TraceRecord> = []
  let unread: BadTrace | undefined
  let isEmpty = true
  for (const line of lines) {
    isEmpty = false
    if (unread !== undefined && line !== "") throw unread
    if (unread !== undefined) continue
    try {
      const record = reader.read(line)
      if (record !== undefined) records.push(record)
    } catch (error) {
      // If it is the last one, it was cut off.
      if (!(error instanceof NoJson)) throw error
      unread = error
    }
  }
  if (isEmpty) throw new BadTrace(1, "the trace is empty")
  return { sources: reader.sources, records, isCut: unread !== undefined }
}
