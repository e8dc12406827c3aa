/**
 * The messages between a world's hub and its guests' processes: a JSON object a line, over a socket.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Socket from "effect/socket/Socket"
import * as Stream from "effect/Stream"
import { Tagged } from "../core/Tagged.ts"
import * as Journal from "../../simulation/Journal.ts"
import * as Statistics from "../../simulation/Statistics.ts"
import { whyNot } from "../simulation/Failure.ts"

const Time = Schema.BigIntFromString

/** A message on its way; the message itself is as JSON has it. */
export const Packet = Schema.Struct({
  link: Schema.String,
  from: Schema.String,
  to: Schema.String,
  message: Schema.Unknown,
  sentAt: Time,
  delay: Time,
  stamp: Schema.Number,
  copy: Schema.Number,
  corrupted: Schema.Boolean,
  isChanged: Schema.Boolean,
})

/** A message on its way; the message itself is as JSON has it. */
export type Packet = typeof Packet.Type

const Outcome = Schema.Struct({
  guest: Schema.String,
  time: Time,
  statistics: Statistics.Snapshot,
  journal: Schema.Array(Journal.Entry),
  stopped: Schema.optionalKey(Schema.String),
})

/** What a guest says. `n` is for the answer. */
export const FromGuest = Schema.TaggedUnion({
  /** The guest's name. */
  Hello: { guest: Schema.String },
  /** Its messages for others: answered with `Heard`. */
  Send: { n: Schema.Number, packets: Schema.Array(Packet) },
  /** Its clock knows of what arrives. */
  Delivered: { n: Schema.Number },
  /** Its program has ended: answered with `Heard`, and then it leaves the calendar. */
  Ended: { n: Schema.Number },
  /** It has ended the world: answered with `Heard`. */
  Stopped: { n: Schema.Number },
  /** Its program has failed. */
  Failed: {
    time: Time,
    why: Schema.String,
    event: Schema.optional(Schema.String),
    link: Schema.optional(Schema.String),
  },
  /** What its fibers wait for, if its program hasn't ended. */
  Waiting: { fibers: Schema.optional(Schema.Array(Schema.String)) },
  /** What is left of it: the last that it says. */
  Outcome: { outcome: Outcome },
})
/** What a guest says. */
export type FromGuest = typeof FromGuest.Type

/** What a guest is told. */
export const ToGuest = Schema.TaggedUnion({
  /** How to run. */
  Setup: {
    calendar: Schema.String,
    id: Time,
    seed: Schema.Number,
    journal: Schema.Boolean,
    realTime: Schema.Boolean,
    warmUp: Schema.optional(Time),
    course: Schema.optional(Schema.String),
  },
  /** Something arrives: answered with `Delivered`. */
  Deliver: { n: Schema.Number, packet: Packet },
  /** All have heard, but for those of these places among what was sent. */
  Heard: { n: Schema.Number, left: Schema.Array(Schema.Number) },
  /** Nobody goes on: answered with `Waiting`. */
  WhatFor: {},
  /** The world has ended, at this time: answered with `Outcome`. */
  Finish: { time: Time },
})
/** What a guest is told. */
export type ToGuest = typeof ToGuest.Type

/** The other end said something that can't be understood. */
export class NotUnderstood extends Tagged<"NotUnderstood"> {
  /** The line, or how it begins. */
  readonly line: string
  constructor(line: string, why: string) {
    super("NotUnderstood", `what it said can't be understood: ${line} (${why})`)
    this.line = line
  }
}

/** How much of a line is told. */
const MOST_TOLD = 100

const notUnderstood = (line: string, error: unknown): NotUnderstood => {
  const told = line.length <= MOST_TOLD ? line : `${line.slice(0, MOST_TOLD)}…`
  return new NotUnderstood(told, whyNot(error))
}

/** One end of a conversation. */
export interface Pipe<In, Out> {
  /** Says something; what was said before arrives before. What can't be said is thrown. */
  readonly say: (message: Out) => void
  /** Hears all that the other end says, until it hangs up, or says what can't be understood. */
  readonly hear: <E>(listener: (message: In) => Effect.Effect<void, E>) => Effect.Effect<void, E | NotUnderstood>
}

/** Makes whole lines of pieces of text. What has no end at the end was cut off, as its writer was killed. */
const lines = (): (text: string) => ReadonlyArray<string> => {
  let begun: Array<string> = []
  return (text) => {
    const [first, ...others] = text.split("\n") as [string, ...Array<string>]
    begun.push(first)
    const last = others.pop()
    if (last === undefined) return []
    const whole = [begun.join(""), ...others]
    begun = [last]
    return whole
  }
}

/** A conversation over a socket, until the scope closes. */
export const make = <In, Out>(
  socket: Socket.Socket,
  incoming: Schema.Codec<In, unknown>,
  outgoing: Schema.Codec<Out, unknown>,
): Effect.Effect<Pipe<In, Out>, Socket.SocketError, Scope.Scope> =>
  Effect.gen(function* () {
    const pull = yield* Socket.readerBytes(socket)
    const writer = yield* socket.writer
    const encode = Schema.encodeSync(Schema.fromJsonString(Schema.toCodecJson(outgoing)))
    const decode = Schema.decodeSync(Schema.fromJsonString(Schema.toCodecJson(incoming)))
    const understand = (line: string) =>
      Effect.try({ try: () => decode(line), catch: (error) => notUnderstood(line, error) })
    const said = yield* Queue.unbounded<string>()
    yield* Effect.forkScoped(
      Effect.forever(Effect.flatMap(Queue.takeAll(said), (lines) => writer.write(lines.join("")))),
    )
    return {
      say: (message) => {
        Queue.offerUnsafe(said, `${encode(message)}\n`)
      },
      hear: (listener) => {
        const split = lines()
        return Stream.fromPull(Effect.succeed(pull)).pipe(
          // However a connection ends, its end is all there is to say.
          Stream.catch(() => Stream.empty),
          Stream.decodeText(),
          Stream.runForEach((text) =>
            Effect.forEach(
              split(text),
              (line) => Effect.flatMap(understand(line), listener),
              { discard: true },
            )
          ),
        )
      },
    }
  })
