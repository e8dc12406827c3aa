/**
 * One direction of a link between two guests, as a pure state machine: when a
 * message that is sent now arrives, how often, or why it never does.
 *
 * ```text
 *            ┌─ queue ─┐   ┌──── wire ────┐
 *   send ──▶ │ □ □ □ □ │──▶│ bandwidth    │──▶ latency ──▶ arrives
 *            └─────────┘   └──────────────┘
 *          full? cut off?                    lost? twice? late? cut off meanwhile?
 * ```
 *
 * Each kind of chance has a stream of random numbers of its own, so that one more
 * option doesn't change what the others come to.
 *
 * @module
 */
import * as Distribution from "./Distribution.ts"
import * as Fault from "./Fault.ts"
import type { Random } from "./Random.ts"

/** What a channel does to messages. */
export interface Settings {
  /** How long a message is under way once it is on the wire. */
  readonly latency: Distribution.Distribution
  /** Bits a second that go onto the wire; none: at once, however many. */
  readonly bandwidth: bigint | undefined
  /** The most messages that may wait for the wire or be going onto it. */
  readonly queue: number
  /** The share of messages, from 0 to 1, that get lost, arrive twice, or may be overtaken. */
  readonly loss: number
  readonly duplication: number
  readonly reordering: number
  /** When the link is cut. */
  readonly outages: ReadonlyArray<Fault.Interval>
  readonly faults: Fault.Plan | undefined
}

/** Why a message never arrives. */
export type Lost = "loss" | "outage" | "queue full" | "fault" | "unplugged"

/** A copy of a message, and how it arrives. */
export interface Copy {
  /** ns from now. */
  readonly delay: bigint
  readonly corrupted: boolean
}

/** A copy of a message, and when it arrives. */
interface Flight {
  readonly at: bigint
  readonly corrupted: boolean
}

/** What becomes of a message. */
export interface Outcome {
  readonly copies: ReadonlyArray<Copy>
  /** Why there are none. */
  readonly lost: Lost | undefined
}

/** Where a channel's chances come from. */
interface Chances {
  readonly latency: () => bigint
  readonly loss: Random
  readonly duplication: Random
  readonly reordering: Random
  readonly faults: Fault.Decider | undefined
}

const lost = (why: Lost): Outcome => ({ copies: [], lost: why })

/** ns that `bytes` take at `bandwidth` bits a second, rounded up: no part of a ns is lost for the next. */
export const transferTime = (bytes: number, bandwidth: bigint): bigint =>
  (BigInt(bytes) * 8_000_000_000n + bandwidth - 1n) / bandwidth

/** One direction of a link. It keeps its state to itself, as it belongs to one guest's end. */
export class Channel {
  readonly #settings: Settings
  readonly #chances: Chances
  /** When the wire is free again. */
  #busyUntil = 0n
  /** When each of those left the queue that may still be in it, in order. */
  readonly #leaving: Array<bigint> = []
  /** When the last one in order arrives: nobody overtakes it. */
  #lastArrival = 0n

  constructor(settings: Settings, random: Random) {
    this.#settings = settings
    this.#chances = {
      latency: Distribution.sampler(settings.latency, random.fork("latency")),
      loss: random.fork("loss"),
      duplication: random.fork("duplication"),
      reordering: random.fork("reordering"),
      faults: settings.faults && Fault.decider(settings.faults, random.fork("faults")),
    }
  }

  /** How many messages wait for the wire, or are going onto it. */
  queued(now: bigint): number {
    const leaving = this.#leaving
    let gone = 0
    while (gone < leaving.length && leaving[gone]! <= now) gone++
    if (gone > 0) leaving.splice(0, gone)
    return leaving.length
  }

  /** What becomes of a message of so many bytes that is sent now. */
  send(now: bigint, bytes: number): Outcome {
    const { bandwidth, queue, loss, duplication, reordering } = this.#settings
    if (this.#isOut(now, now)) return lost("outage")
    let departs = now
    if (bandwidth !== undefined) {
      if (this.queued(now) >= queue) return lost("queue full")
      const begins = this.#busyUntil > now ? this.#busyUntil : now
      departs = this.#busyUntil = begins + transferTime(bytes, bandwidth)
      this.#leaving.push(departs)
    }
    const { latency, faults } = this.#chances
    const mayBeOvertaken = reordering > 0 && this.#chances.reordering.chance(reordering)
    const due = departs + latency() + (mayBeOvertaken ? latency() : 0n)
    if (loss > 0 && this.#chances.loss.chance(loss)) return lost("loss")
    const arrives = mayBeOvertaken ? due : this.#inOrder(due)
    const copies: Array<Flight> = [{ at: arrives, corrupted: false }]
    if (duplication > 0 && this.#chances.duplication.chance(duplication)) {
      copies.push({ at: arrives + latency(), corrupted: false })
    }
    const suffered = faults === undefined ? copies : copies.flatMap((copy) => this.#suffer(faults, now, copy.at))
    if (suffered.length === 0) return lost("fault")
    const through = suffered.filter(({ at }) => !this.#isOut(now, at))
    if (through.length === 0) return lost("outage")
    return { copies: through.map(({ at, corrupted }) => ({ delay: at - now, corrupted })), lost: undefined }
  }

  /** Not before those that were sent before. One that may be overtaken is late by a second latency instead. */
  #inOrder(due: bigint): bigint {
    return this.#lastArrival = due > this.#lastArrival ? due : this.#lastArrival
  }

  #suffer(decide: Fault.Decider, now: bigint, due: bigint): ReadonlyArray<Flight> {
    return decide({ now, due }).flatMap((fault): Array<Flight> => {
      switch (fault._tag) {
        case "Pass":
          return [{ at: due, corrupted: false }]
        case "Deliver":
          return [{ at: fault.at > now ? fault.at : now, corrupted: false }]
        case "Drop":
          return []
        case "Corrupt":
          return [{ at: due, corrupted: true }]
      }
    })
  }

  /** Whether the link is cut at any time of a flight. */
  #isOut(from: bigint, until: bigint): boolean {
    return this.#settings.outages.some((outage) => outage.from <= until && from < outage.until)
  }
}
