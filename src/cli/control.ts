/**
 * What can be said to a calendar while it runs: as keys on a terminal, or as lines
 * where its input comes from somewhere else.
 *
 * @module
 */
import * as NodeStream from "@effect/platform-node/NodeStream"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as Terminal from "effect/Terminal"
import process from "node:process"
import { DURATIONS, parseDuration } from "./times.ts"

/** What can be said. */
export type Order =
  | { readonly _tag: "Pause" }
  | { readonly _tag: "Continue" }
  | { readonly _tag: "Step" }
  | { readonly _tag: "Until"; readonly time: bigint }
  | { readonly _tag: "Pace"; readonly factor: number | undefined }
  | { readonly _tag: "Status" }
  | { readonly _tag: "Quit" }
  | { readonly _tag: "Interrupt" }
  | { readonly _tag: "Help" }
  /** It wasn't understood: what is to be said about that. */
  | { readonly _tag: "Unknown"; readonly why: string }

/** The keys, for people. */
export const KEYS = "p pause  c continue  s step  u run until  i status  q quit"

const KEY: Readonly<Record<string, Order>> = {
  p: { _tag: "Pause" },
  c: { _tag: "Continue" },
  s: { _tag: "Step" },
  i: { _tag: "Status" },
  q: { _tag: "Quit" },
  "?": { _tag: "Help" },
}

const unknown = (why: string): Order => ({ _tag: "Unknown", why })

const WORDS = "pause, continue, step, until TIME, pace FACTOR, pace none, status, quit"

/** A line of input. */
export const parseLine = (line: string): Order | undefined => {
  const [word = "", ...rest] = line.trim().split(/\s+/)
  const argument = rest.join(" ")
  switch (word) {
    case "":
      return undefined
    case "pause":
      return { _tag: "Pause" }
    case "continue":
      return { _tag: "Continue" }
    case "step":
      return { _tag: "Step" }
    case "status":
      return { _tag: "Status" }
    case "quit":
      return { _tag: "Quit" }
    case "until": {
      const time = parseDuration(argument)
      return time === undefined ? unknown(`until ${argument}: ${DURATIONS}`) : { _tag: "Until", time }
    }
    case "pace":
      return { _tag: "Pace", factor: argument === "none" ? undefined : Number(argument) }
    default:
      return unknown(`${JSON.stringify(line.trim())} is not one of: ${WORDS}`)
  }
}

/** Keys as they are pressed; `u` takes what is typed up to Enter for a time. */
const keys: Stream.Stream<Order, never, Terminal.Terminal> = Stream.unwrap(Effect.gen(function* () {
  const terminal = yield* Terminal.Terminal
  const input = yield* terminal.readInput
  let typed: string | undefined
  const next = (event: Terminal.UserInput): Order | undefined => {
    const name = event.key.name
    const char = event.input._tag === "Some" ? event.input.value : ""
    if (typed === undefined) {
      if (char === "u") {
        typed = ""
        process.stderr.write("\r\u001b[Krun until: ")
        return undefined
      }
      return KEY[char]
    }
    if (name === "return" || name === "enter") {
      const line = `until ${typed}`
      typed = undefined
      process.stderr.write("\n")
      return parseLine(line)
    }
    if (name === "escape") typed = undefined
    else if (name === "backspace") typed = typed.slice(0, -1)
    else typed += char
    process.stderr.write(typed === undefined ? "\r\u001b[K" : `\r\u001b[Krun until: ${typed}`)
    return undefined
  }
  return Stream.fromQueue(input).pipe(
    Stream.map(next),
    Stream.filter((order) => order !== undefined),
    // Ctrl-C ends the input of a terminal in raw mode.
    Stream.concat(Stream.succeed<Order>({ _tag: "Interrupt" })),
  )
}))

const lines: Stream.Stream<Order> = NodeStream.fromReadable<Uint8Array>({ evaluate: () => process.stdin }).pipe(
  Stream.decodeText(),
  Stream.splitLines,
  Stream.map(parseLine),
  Stream.filter((order) => order !== undefined),
  // Input that can't be read says nothing.
  Stream.catchCause(() => Stream.empty),
)

/** What is said to it: keys on a terminal, lines otherwise. */
export const orders: Stream.Stream<Order, never, Terminal.Terminal> = process.stdin.isTTY ? keys : lines
