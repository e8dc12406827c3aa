/**
 * The orders that a calendar takes while it runs: keys on a terminal, or lines of words or JSON from anywhere else.
 *
 * @module
 */
import * as NodeStream from "@effect/platform-node/NodeStream"
import * as NodeTerminal from "@effect/platform-node/NodeTerminal"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type * as Terminal from "effect/Terminal"
import process from "node:process"
import { Lines, LONGEST_LINE, type LongLine } from "./lines.ts"
import { printable } from "./printable.ts"
import { DURATIONS, FACTORS, IDS, parseDuration, parseId, parseNumber } from "./times.ts"

/** What can be said. */
export type Order =
  | { readonly _tag: "Pause" }
  | { readonly _tag: "Continue" }
  | { readonly _tag: "Step" }
  | { readonly _tag: "Until"; readonly time: bigint }
  | { readonly _tag: "Pace"; readonly factor: number | undefined }
  /** All clients with an ID, or the one on a connection. */
  | { readonly _tag: "Drop"; readonly client: bigint | { readonly connection: number } }
  | { readonly _tag: "Status" }
  | { readonly _tag: "Quit" }
  | { readonly _tag: "Interrupt" }
  | { readonly _tag: "Help" }
  /** It wasn't understood: what is to be said about that. */
  | { readonly _tag: "Unknown"; readonly why: string }

/** The keys, for people. */
export const KEYS = "p pause  c continue  s step  u run until  d drop  i status  q quit"

const KEY: Readonly<Record<string, Order>> = {
  p: { _tag: "Pause" },
  c: { _tag: "Continue" },
  s: { _tag: "Step" },
  i: { _tag: "Status" },
  q: { _tag: "Quit" },
  "?": { _tag: "Help" },
}

const unknown = (why: string): Order => ({ _tag: "Unknown", why })

/** The words, for people. */
export const WORDS =
  "pause, continue, step, until TIME, pace FACTOR, pace none, drop ID, drop connection N, status, quit"

const JSON_ORDERS = '{"order": "drop", "id": "7"} is an order: its fields are id, connection, time or factor'

/** The start of what was said, to be said back. */
const shown = (text: string): string => text.length <= 60 ? text : `${text.slice(0, 60)}…`

const quoted = (text: string): string => JSON.stringify(shown(text))

const SIMPLE: Readonly<Record<string, Order>> = {
  pause: { _tag: "Pause" },
  continue: { _tag: "Continue" },
  step: { _tag: "Step" },
  status: { _tag: "Status" },
  quit: { _tag: "Quit" },
}

const parseDrop = (argument: string): Order => {
  const [, connection] = /^connection (\d{1,10})$/.exec(argument) ?? []
  if (connection !== undefined) return { _tag: "Drop", client: { connection: Number(connection) } }
  const client = parseId(argument)
  return client === undefined ? unknown(`drop ${shown(argument)}: ${IDS}, or connection N`) : { _tag: "Drop", client }
}

const parseWords = (word: string, argument: string): Order => {
  switch (word) {
    case "until": {
      const time = parseDuration(argument)
      return time === undefined ? unknown(`until ${shown(argument)}: ${DURATIONS}`) : { _tag: "Until", time }
    }
    case "pace": {
      const factor = argument === "none" ? undefined : parseNumber(argument) ?? NaN
      return Number.isNaN(factor) ? unknown(`pace ${shown(argument)}: ${FACTORS}, or none`) : { _tag: "Pace", factor }
    }
    case "drop":
      return parseDrop(argument)
    default: {
      const order = Object.hasOwn(SIMPLE, word) ? SIMPLE[word] : undefined
      if (order === undefined) return unknown(`${quoted(`${word} ${argument}`.trim())} is not one of: ${WORDS}`)
      return argument === "" ? order : unknown(`${quoted(`${word} ${argument}`)}: ${word} takes nothing`)
    }
  }
}

/** What each order is about, as a field of JSON. */
const FIELDS: ReadonlyMap<string, ReadonlyArray<string>> = new Map([
  ["until", ["time"]],
  ["pace", ["factor"]],
  ["drop", ["id", "connection"]],
])

/** A value of JSON as it would be typed; nothing if it isn't exact, or none. */
const typed = (value: unknown): string | undefined =>
  typeof value === "string"
    ? value
    : value === null
    ? "none"
    : typeof value === "number" && (!Number.isInteger(value) || Number.isSafeInteger(value))
    ? String(value)
    : undefined

const parseJson = (line: string): Order => {
  let given: unknown
  try {
    given = JSON.parse(line)
  } catch {
    return unknown(`${quoted(line)} is no JSON: ${JSON_ORDERS}`)
  }
  const { order, ...rest } = given as Readonly<Record<string, unknown>>
  const [field, ...more] = Object.keys(rest)
  if (typeof order !== "string") return unknown(`${quoted(line)} has no order: ${JSON_ORDERS}`)
  if (field === undefined) return parseWords(order, "")
  const fields = FIELDS.get(order)
  if (more.length > 0 || fields?.includes(field) !== true) {
    return unknown(`${quoted(line)}: ${order} takes ${fields?.join(" or ") ?? "nothing"}`)
  }
  const value = typed(rest[field])
  return value === undefined
    ? unknown(`${quoted(line)}: ${field} is a string, or a number that JSON says exactly`)
    : parseWords(order, field === "connection" ? `connection ${value}` : value)
}

/** A line of input. */
export const parseLine = (line: string | LongLine): Order | undefined => {
  if (typeof line !== "string") {
    return unknown(`a line has at most ${LONGEST_LINE} characters; left out: ${quoted(line.begins)}…`)
  }
  const trimmed = line.trim()
  if (trimmed.startsWith("{")) return parseJson(trimmed)
  const [word = "", ...rest] = trimmed.split(/\s+/)
  return word === "" ? undefined : parseWords(word, rest.join(" "))
}

/** Keys after which something is typed, up to Enter. */
const PROMPTS: Readonly<Record<string, { readonly word: string; readonly prompt: string }>> = {
  u: { word: "until", prompt: "run until" },
  d: { word: "drop", prompt: "drop client" },
}

/** The most that can be typed. */
const MOST_TYPED = 60

/** Makes orders of keys. */
export class Keys {
  #asked: { readonly word: string; readonly prompt: string } | undefined
  #typed = ""

  /** What is being typed, for the line that shows it. */
  get prompt(): string | undefined {
    return this.#asked && `${this.#asked.prompt}: ${this.#typed}`
  }

  press({ input, key: { name } }: Terminal.UserInput): Order | undefined {
    const char = input._tag === "Some" ? input.value : ""
    const asked = this.#asked
    if (asked === undefined) {
      this.#asked = Object.hasOwn(PROMPTS, char) ? PROMPTS[char] : undefined
      this.#typed = ""
      return Object.hasOwn(KEY, char) ? KEY[char] : undefined
    }
    if (name === "escape") this.#asked = undefined
    else if (name === "backspace") this.#typed = this.#typed.slice(0, -1)
    else if (name !== "return" && name !== "enter") {
      if (printable(char) === char && this.#typed.length < MOST_TYPED) this.#typed += char
    } else {
      this.#asked = undefined
      return this.#typed.trim() === "" ? undefined : parseLine(`${asked.word} ${this.#typed}`)
    }
    return undefined
  }
}

/** Orders as keys are pressed. `show` is told what is typed, and when no more is. */
const fromKeys = (show: (prompt: string | undefined) => void): Stream.Stream<Order> =>
  Stream.unwrap(Effect.gen(function* () {
    // A terminal that is gone can't be set back.
    process.stdin.on("error", () => {})
    const terminal = yield* NodeTerminal.make(({ key }) => key.ctrl && (key.name === "c" || key.name === "d"))
    const keys = new Keys()
    return Stream.fromQueue(yield* terminal.readInput).pipe(
      Stream.map((input) => {
        const before = keys.prompt
        const order = keys.press(input)
        if (keys.prompt !== before) show(keys.prompt)
        return order
      }),
      Stream.filter((order) => order !== undefined),
      // Ctrl-C ends the input of a terminal in raw mode.
      Stream.concat(Stream.succeed<Order>({ _tag: "Interrupt" })),
    )
  }))

const fromLines: Stream.Stream<Order> = Stream.suspend(() => {
  const lines = new Lines()
  return NodeStream.fromReadable<Uint8Array>({ evaluate: () => process.stdin }).pipe(
    Stream.decodeText(),
    Stream.map((piece) => lines.take(piece)),
    // Input that can't be read says nothing.
    Stream.catchCause(() => Stream.empty),
    Stream.concat(Stream.sync(() => lines.end())),
    Stream.flattenIterable,
    Stream.map(parseLine),
    Stream.filter((order) => order !== undefined),
  )
})

/** What is said to it: keys on a terminal, lines otherwise. */
export const orders = (show: (prompt: string | undefined) => void): Stream.Stream<Order> =>
  process.stdin.isTTY ? fromKeys(show) : fromLines
