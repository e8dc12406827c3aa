/**
 * What guests of worlds do, as fields of a trace's lines.
 *
 * @module
 */
import type { SentCopy, WorldNote } from "../../services/Tracer.ts"
import { WORLD_NOTES } from "./Record.ts"
import { dataText } from "./Texts.ts"

type Json = { readonly [field: string]: unknown }

/** Reads a field of a line as what it is to be, or throws why it can't be. */
export type Get = (json: Json, field: string, type: string) => unknown

/** What they are called in lines: `sent`, `arrived`. */
const WORDS: ReadonlyMap<string, keyof typeof WORLD_NOTES> = new Map(
  (Object.keys(WORLD_NOTES) as Array<keyof typeof WORLD_NOTES>).map((tag) => [tag.toLowerCase(), tag]),
)

const FIELDS = new Map(
  Object.entries(WORLD_NOTES).map(([tag, fields]) => [
    tag,
    {
      head: `,"world":"${tag.toLowerCase()}"`,
      fields: Object.entries(fields).map(([field, type]) => ({ field, type, head: `,"${field}":` })),
    },
  ]),
)

/** Whether a note is one of a guest of a world. */
export const isWorldNote = (what: { readonly _tag: string }): what is WorldNote => FIELDS.has(what._tag)

const copyText = ({ delay, duplicate, corrupted }: SentCopy): string =>
  `{"delay":"${delay}"${duplicate === true ? ',"duplicate":true' : ""}${corrupted === true ? ',"corrupted":true' : ""}}`

const valueText = (value: unknown, type: string): string => {
  if (type === "copies") return `[${(value as ReadonlyArray<SentCopy>).map(copyText).join(",")}]`
  if (type === "json" || type === "json?") return dataText(value)
  return typeof value === "bigint" ? `"${value}"` : JSON.stringify(value)
}

/** A note as fields of a line. */
export const worldText = (note: WorldNote): string => {
  const { head, fields } = FIELDS.get(note._tag)!
  let text = head
  for (const each of fields) {
    const value = (note as unknown as Json)[each.field]
    if (value !== undefined || each.type === "json") text += each.head + valueText(value ?? null, each.type)
  }
  return text
}

/** The note on a line that has one. `fail` says why there is none. */
export const readWorld = (json: Json, get: Get, fail: (why: string) => never): WorldNote => {
  const word = get(json, "world", "text") as string
  const tag = WORDS.get(word)
  if (tag === undefined) {
    return fail(`"world" can't be ${JSON.stringify(word)}: it is one of ${[...WORDS.keys()].join(", ")}`)
  }
  const note: { [field: string]: unknown } = { _tag: tag }
  for (const [field, type] of Object.entries(WORLD_NOTES[tag])) {
    if (type === "json" || type === "json?") {
      if (field in json) note[field] = json[field]
      else if (type === "json") note[field] = null
      continue
    }
    const value = type === "copies"
      ? copies(json[field], get, fail)
      : type === "value"
      ? number(json[field], fail)
      : type.endsWith("?") && json[field] === undefined
      ? undefined
      : get(json, field, type.replace("?", ""))
    if (value !== undefined) note[field] = value
  }
  return note as unknown as WorldNote
}

const copies = (given: unknown, get: Get, fail: (why: string) => never): ReadonlyArray<SentCopy> =>
  Array.isArray(given) && given.every((each) => typeof each === "object" && each !== null)
    ? given.map((each: Json) => ({
      delay: get(each, "delay", "time") as bigint,
      ...each["duplicate"] === true && { duplicate: true as const },
      ...each["corrupted"] === true && { corrupted: true as const },
    }))
    : fail(`"copies" can't be ${JSON.stringify(given) ?? "missing"}: it is an array of objects with a delay`)

const DECIMAL = /^-?\d+$/

const number = (given: unknown, fail: (why: string) => never): number | bigint =>
  typeof given === "number"
    ? given
    : typeof given === "string" && DECIMAL.test(given)
    ? BigInt(given)
    : fail(`"value" can't be ${JSON.stringify(given) ?? "missing"}: it is a number, or a string of decimals`)

const copiesWords = (copies: ReadonlyArray<SentCopy>): string =>
  copies.map(({ delay, duplicate, corrupted }) =>
    `in ${delay} ns${duplicate === true ? ", twice" : ""}${corrupted === true ? ", corrupted" : ""}`
  ).join(" and ")

const data = (value: unknown): string => value === undefined || value === null ? "" : ` ${dataText(value)}`

/** A note in words. */
export const worldWords = (note: WorldNote): string => {
  switch (note._tag) {
    case "Sent": {
      const became = note.lost === undefined ? copiesWords(note.copies) : `lost: ${note.lost}`
      return `sends #${note.id} to ${note.to} on ${note.link}${data(note.message)}, ${became}`
    }
    case "Arrived":
      return `#${note.id} from ${note.from} arrives on ${note.link}${note.copy > 0 ? `, copy ${note.copy}` : ""}${
        data(note.message)
      }`
    case "Lost":
      return `#${note.id} from ${note.from} to ${note.to} on ${note.link} is lost: ${note.why}`
    case "Noted":
      return `notes ${note.text}${data(note.data)}`
    case "Over":
      return note.reason === undefined ? "its program ends" : `stops its world: ${note.reason}`
    case "Spawned":
      return `pid ${note.pid} begins: ${note.name}`
    case "Exited":
      return `pid ${note.pid} ends${note.failure === undefined ? "" : `: ${note.failure}`}`
    case "Waits":
      return `pid ${note.pid} waits: ${note.what}`
    case "Waited":
      return `wait ${note.wait} is over${note.by === undefined ? "" : `, by pid ${note.by}`}${
        note.interrupted === true ? ", interrupted" : ""
      }`
    case "Holds":
      return `pid ${note.pid} holds ${note.units} of ${note.of}`
    case "Doing":
      return `pid ${note.pid} is ${note.state}`
    case "Measured":
      return `${note.instrument} ${note.name} ${note.value}${note.unit === undefined ? "" : ` ${note.unit}`}`
  }
}
