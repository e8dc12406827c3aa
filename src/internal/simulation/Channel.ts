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
 * Each kind of chance has a stream of random numbers of its own, and draws from it for
 * every message, whatever becomes of that: so one option more, or one that takes
 * messages away, changes nothing of what the others do to the n-th message. An option
 * that is off draws nothing.
 *
 * @module
 */
import { FOREVER } from "../../core/Nanos.ts"
import * as Distribution from "../../simulation/Distribution.ts"
import * as Impairment from "../../simulation/Impairment.ts"
import type { Random } from "../../simulation/Random.ts"

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
  readonly outages: ReadonlyArray<Impairment.Interval>
  readonly impairments: Impairment.Plan | undefined
}

/** Why a message never arrives; `too late`: it would after the end of all time, 2^63 − 1 ns. */
export type Lost = "loss" | "outage" | "queue full" | "impairment" | "unplugged" | "too late"

/** A copy of a message, and how it arrives. */
export interface Copy {
  /** ns from now. */
  readonly delay: bigint
  /** Whether it is there by duplication: what is done to it is another matter than what is done to the message. */
  readonly isDuplicate: boolean
  readonly corrupted: boolean
}

/** What becomes of a message. */
export interface Outcome {
  readonly copies: ReadonlyArray<Copy>
  /** Why there are none. */
  readonly lost: Lost | undefined
  /** When it has left the queue, in ns from now; none where there is no queue, or where it never got into it. */
  readonly leaves: bigint | undefined
}

/** Where a channel's chances come from: one draw a message each, but for times that only some messages have. */
interface Chances {
  readonly latency: () => bigint
  readonly isLost: () => boolean
  readonly isDuplicated: () => boolean
  /** How much later than the message a duplicate arrives. */
  readonly duplicateLatency: () => bigint
  readonly isOvertaken: () => boolean
  /** How much later than in order a message arrives that may be overtaken. */
  readonly secondLatency: () => bigint
  readonly impairments: Impairment.Decider | undefined
  /** What duplicates suffer. */
  readonly duplicateImpairments: Impairment.Decider | undefined
}

const never = (): boolean => false
const none = (): bigint => 0n

/** Whether something happens that does to this share of messages. */
const happens = (share: number, random: () => Random): () => boolean => {
  if (share === 0) return never
  const stream = random()
  return () => stream.chance(share)
}

const lost = (why: Lost, leaves?: bigint): Outcome => ({ copies: [], lost: why, leaves })

/** ns that `bytes` take at `bandwidth` bits a second, rounded up: no part of a ns is lost for the next. */
const transferTime = (bytes: number, bandwidth: bigint): bigint =>
  (BigInt(bytes) * 8_000_000_000n + bandwidth - 1n) / bandwidth

/** One direction of a link. It keeps its state to itself, as it belongs to one guest's end. */
export class Channel {
  readonly #settings: Settings
  readonly #chances: Chances
  /** When the wire is free again. */
  #busyUntil = 0n
  /** When each of those left the queue that may still be in it, in order. */
  readonly #leaving: Array<bigint> = []
  /** When the last one in order arrives, or would have if it wasn't lost: nobody overtakes it. */
  #lastArrival = 0n
  #sent = 0

  constructor(settings: Settings, random: Random) {
    this.#settings = settings
    const { latency, loss, duplication, reordering, impairments } = settings
    const latencies = (stream: string) => Distribution.sampler(latency, random.fork(stream))
    const decider = (stream: string) => impairments && Impairment.decider(impairments, random.fork(stream))
    this.#chances = {
      latency: latencies("latency"),
      isLost: happens(loss, () => random.fork("loss")),
      isDuplicated: happens(duplication, () => random.fork("duplication")),
      duplicateLatency: duplication === 0 ? none : latencies("duplicate latency"),
      isOvertaken: happens(reordering, () => random.fork("reordering")),
      secondLatency: reordering === 0 ? none : latencies("second latency"),
      // The names of the streams are older than the option: with others, each seed would come to something else.
      impairments: decider("faults"),
      duplicateImpairments: duplication === 0 ? undefined : decider("duplicate faults"),
    }
  }

  /** How many messages were sent, those included that never left. */
  get sent(): number {
    return this.#sent
  }

  /** How many messages wait for the wire, or are going onto it. */
  queued(now: bigint): number {
    const leaving = this.#leaving
    let gone = 0
    while (gone < leaving.length && leaving[gone]! <= now) gone++
    if (gone > 0) leaving.splice(0, gone)
    return leaving.length
  }

  /**
   * What becomes of a message of so many bytes that is sent now; one that is sent while its
   * end is unplugged doesn't leave, and has its share of chance all the same.
   */
  send(now: bigint, bytes: number, isPluggedIn = true): Outcome {
    this.#sent++
    const { latency, isLost, isDuplicated, duplicateLatency, isOvertaken, secondLatency } = this.#chances
    // First all that is drawn for a message, and then what comes of it.
    const takes = latency()
    const late = isOvertaken() ? secondLatency() : 0n
    const [gone, twice] = [isLost(), isDuplicated()]
    const again = twice ? duplicateLatency() : 0n
    const departs = isPluggedIn ? this.#depart(now, bytes) : undefined
    const arrives = departs === undefined ? now : this.#inOrder(departs + takes) + late
    const copies = this.#suffer(this.#chances.impairments, now, arrives, false)
    if (twice) copies.push(...this.#suffer(this.#chances.duplicateImpairments, now, arrives + again, true))

    if (!isPluggedIn) return lost("unplugged")
    if (this.#isOut(now, now)) return lost("outage")
    if (departs === undefined) return lost("queue full")
    const { outages, bandwidth } = this.#settings
    const leaves = bandwidth === undefined ? undefined : departs - now
    if (gone) return lost("loss", leaves)
    if (copies.length === 0) return lost("impairment", leaves)
    const through = outages.length === 0 ? copies : copies.filter(({ delay }) => !this.#isOut(now, now + delay))
    if (through.length === 0) return lost("outage", leaves)
    const left = FOREVER - now
    if (through.every(({ delay }) => delay < left)) return { copies: through, lost: undefined, leaves }
    const inTime = through.filter(({ delay }) => delay < left)
    return inTime.length === 0 ? lost("too late", leaves) : { copies: inTime, lost: undefined, leaves }
  }

  /** When a message has left; none where the queue is full. That the link is cut, the wire doesn't know. */
  #depart(now: bigint, bytes: number): bigint | undefined {
    const { bandwidth, queue } = this.#settings
    if (bandwidth === undefined) return now
    if (this.queued(now) >= queue) return undefined
    const begins = this.#busyUntil > now ? this.#busyUntil : now
    const departs = this.#busyUntil = begins + transferTime(bytes, bandwidth)
    this.#leaving.push(departs)
    return departs
  }

  /**
   * Not before those that were sent before. All messages keep their places, those as well that
   * get lost, or are late by a second latency and overtaken meanwhile: so others arrive when
   * they would without that.
   */
  #inOrder(due: bigint): bigint {
    return this.#lastArrival = due > this.#lastArrival ? due : this.#lastArrival
  }

  /** What comes of a message, or of its duplicate, that is due then. */
  #suffer(decide: Impairment.Decider | undefined, now: bigint, due: bigint, isDuplicate: boolean): Array<Copy> {
    if (decide === undefined) return [{ delay: due - now, corrupted: false, isDuplicate }]
    return decide({ now, due }).flatMap((impairment): Array<Copy> => {
      switch (impairment._tag) {
        case "Pass":
          return [{ delay: due - now, corrupted: false, isDuplicate }]
        case "Deliver":
          return [{ delay: impairment.at > now ? impairment.at - now : 0n, corrupted: false, isDuplicate }]
        case "Drop":
          return []
        case "Corrupt":
          return [{ delay: due - now, corrupted: true, isDuplicate }]
      }
    })
  }

  /** Whether the link is cut at any time of a flight. */
  #isOut(from: bigint, until: bigint): boolean {
    return Impairment.isCut(this.#settings.outages, from, until)
  }
}
