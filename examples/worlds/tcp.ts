/**
 * A file sent by TCP over a link that loses messages: slow start, congestion avoidance, fast retransmit and the
 * retransmission time-out, as RFC 5681 and RFC 6298 have them, with segments in place of bytes.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { Guest, Link, Process, Statistics, World } from "../../src/simulation.ts"

const Message = Schema.TaggedUnion({
  /** The segment with this number, from 0 on. */
  Segment: { number: Schema.Int },
  /** All segments below this number have arrived. */
  Ack: { next: Schema.Int },
})

/** How a file is sent. */
export interface Options {
  /** How many segments it has. */
  readonly segments: number
  /** The share of messages that are lost. */
  readonly loss: number
}

const MILLI = 1_000_000n
/** RFC 6298: a time-out is never shorter than this, nor doubled beyond. */
const LEAST_TIMEOUT = 200n * MILLI
const MOST_TIMEOUT = 60_000n * MILLI

/** The world of a transfer. */
export const make = ({ segments, loss }: Options): World.World => {
  const wire = Link.make("wire", {
    ends: ["sender", "receiver"],
    message: Message,
    latency: "20 millis",
    bandwidth: 4_000_000,
    size: (message) => message._tag === "Segment" ? 1500 : 40,
    queue: 20,
    loss,
    duplication: loss / 4,
  })

  const sender = Guest.make(
    "sender",
    Effect.gen(function* () {
      const { now } = yield* Guest.Self
      const port = yield* Link.open(wire)
      const window = yield* Statistics.series("congestion window", { unit: "segments" })
      const flight = yield* Statistics.level("in flight")
      const roundTrip = yield* Statistics.histogram("round trip")
      /** The first segment that isn't acknowledged, and the next to be sent. */
      let [first, next] = [0, 0]
      let [congestion, threshold] = [2, 64]
      let [duplicates, recovery] = [0, -1]
      let timeout = 1000n * MILLI
      let [smooth, variation] = [0n, 0n]
      let deadline = 0n
      /** When segments were sent that were sent once (Karn's algorithm). */
      const sentAt = new Map<number, bigint>()

      const transmit = (number: number, again: boolean) => {
        if (again) sentAt.delete(number)
        else sentAt.set(number, now())
        return port.send({ _tag: "Segment", number })
      }
      const fill = Effect.gen(function* () {
        while (next < segments && next < first + Math.floor(congestion)) yield* transmit(next, next++ < recovery)
        flight.set(next - first)
        window.sample(congestion)
      })
      const measure = (number: number) => {
        const began = sentAt.get(number)
        if (began === undefined) return
        const took = now() - began
        roundTrip.record(took)
        const off = took > smooth ? took - smooth : smooth - took
        ;[smooth, variation] = smooth === 0n
          ? [took, took / 2n]
          : [(7n * smooth + took) / 8n, (3n * variation + off) / 4n]
        const wanted = smooth + 4n * variation
        timeout = wanted < LEAST_TIMEOUT ? LEAST_TIMEOUT : wanted
      }
      const acknowledged = (upTo: number) =>
        Effect.gen(function* () {
          if (upTo > first) {
            measure(upTo - 1)
            for (let number = first; number < upTo; number++) sentAt.delete(number)
            congestion += congestion < threshold ? upTo - first : (upTo - first) / congestion
            ;[first, next, duplicates] = [upTo, Math.max(next, upTo), 0]
            deadline = now() + timeout
            yield* Process.state(first < recovery ? "recovery" : congestion < threshold ? "slow start" : "avoidance")
            // A partial acknowledgment: the next one was lost as well (RFC 6582).
            if (first < recovery) yield* transmit(first, true)
          } else if (next > first && ++duplicates === 3 && first >= recovery) {
            yield* Guest.note("fast retransmit", { segment: first })
            threshold = congestion = Math.max(2, (next - first) / 2)
            recovery = next
            yield* Process.state("recovery")
            yield* transmit(first, true)
          }
        })

      yield* Process.state("slow start")
      deadline = now() + timeout
      yield* fill
      while (first < segments) {
        const answer = yield* Effect.timeoutOption(port.receive, Number((deadline - now()) / MILLI) + 1)
        if (answer._tag === "Some" && answer.value.message._tag === "Ack") {
          yield* acknowledged(answer.value.message.next)
        } else if (answer._tag === "None") {
          yield* Guest.note("time-out", { segment: first, after: timeout })
          threshold = Math.max(2, (next - first) / 2)
          ;[congestion, recovery, next, duplicates] = [1, next, first, 0]
          timeout = timeout * 2n > MOST_TIMEOUT ? MOST_TIMEOUT : timeout * 2n
          deadline = now() + timeout
          yield* Process.state("time-out")
        }
        yield* fill
      }
    }),
  )

  const receiver = Guest.make(
    "receiver",
    Effect.gen(function* () {
      const port = yield* Link.open(wire)
      const buffered = yield* Statistics.level("out of order")
      const early = new Set<number>()
      let next = 0
      while (true) {
        const { message } = yield* port.receive
        if (message._tag !== "Segment") continue
        if (message.number >= next) early.add(message.number)
        while (early.delete(next)) next++
        buffered.set(early.size)
        yield* port.send({ _tag: "Ack", next })
      }
    }),
    { daemon: true },
  )

  return World.make({ name: "a TCP transfer", guests: [sender, receiver], links: [wire] })
}

/** A transfer with the usual settings, to look at. */
export const world: World.World = make({ segments: 1600, loss: 0.02 })
