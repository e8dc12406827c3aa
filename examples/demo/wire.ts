/**
 * What the demo and its guests tell each other over standard input and output:
 * a JSON object a line. The demo is the board that the guests are plugged into,
 * and this is its wiring: interrupts, and a report of what happened.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"

/** What a guest says. Times are in ns of guest time. */
export const FromGuest = Schema.TaggedUnion({
  /** It was busy. */
  Busy: { from: Schema.BigIntFromString, to: Schema.BigIntFromString },
  /** Its own timer woke it. */
  Woke: { at: Schema.BigIntFromString },
  /** Another guest's interrupt reached it. */
  Interrupted: { at: Schema.BigIntFromString, by: Schema.String },
  /** It raises an interrupt in another guest, and waits for that to have taken it. */
  Interrupt: { to: Schema.String },
  /** It has taken an interrupt: its calendar knows. */
  Taken: { from: Schema.String },
  /** It is done, and will say and hear nothing more. */
  Done: {},
})
/** What a guest says. */
export type FromGuest = typeof FromGuest.Type

/** What a guest hears. */
export const ToGuest = Schema.TaggedUnion({
  /** Another guest interrupts it. */
  Interrupt: { from: Schema.String },
  /** The interrupt that it raised has been taken. */
  Taken: {},
})
/** What a guest hears. */
export type ToGuest = typeof ToGuest.Type

/** How messages of one kind go over a pipe: a JSON object a line. */
const pipe = <S extends Schema.Codec<unknown, unknown>>(schema: S) => {
  const codec = Schema.fromJsonString(schema)
  const decode = Schema.decodeEffect(codec)
  const encode = Schema.encodeEffect(codec)
  return {
    /** The messages among the bytes of a stream. */
    decode: <E, R>(bytes: Stream.Stream<Uint8Array, E, R>) =>
      bytes.pipe(
        Stream.decodeText(),
        Stream.splitLines,
        Stream.filter((line) => line !== ""),
        Stream.mapEffect((line) => decode(line)),
      ),
    /** A message as a line. */
    encode: (message: S["Type"]): Effect.Effect<string> =>
      Effect.orDie(Effect.map(encode(message), (line) => `${line}\n`)),
  }
}

/** From a guest to the demo. */
export const fromGuest = pipe(FromGuest)
/** From the demo to a guest. */
export const toGuest = pipe(ToGuest)
