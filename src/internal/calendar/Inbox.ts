/**
 * Messages that clients have sent and the calendar hasn't handled yet. Clients take turns; a client whose messages
 * cause more than others read isn't read from (backpressure).
 *
 * A client's message is taken up as soon as it arrives, until that has been work enough for one go. The rest waits for a
 * later turn of the event loop, in which each client that has something left gets as much; meanwhile no more of it is
 * read. A message that must wait for others keeps those behind it waiting.
 *
 * @module
 */
import { Fifo } from "../core/Fifo.ts"
import type { Message } from "../../core/Message.ts"
import { later, nextTurn } from "../platform/EventLoop.ts"

/** Where messages come from. */
export interface Source {
  /** What has arrived and is yet to be taken up. */
  readonly pending: Fifo<Message>
  /** Whether it is among those that have something left. */
  isDeferred: boolean
  isClosing: boolean
  readonly wire: {
    /** Reads no more from it, … */
    readonly hold?: () => void
    /** … and goes on. */
    readonly goOn?: () => void
  }
}

/** What is done with messages. */
export interface Handling<S> {
  /** Takes one up: how many messages to clients it has caused. */
  readonly take: (source: S, message: Message) => number
  /** Whether it has to wait, for those to read who are to hear of it. */
  readonly mustWait: (source: S, message: Message) => boolean
  /** Some were taken up: what they have caused is to be written. */
  readonly onTaken: () => void
  /** All that is left has to wait. */
  readonly onWaiting: () => void
}

/**
 * The messages that may be taken up and caused in one go: a few ms. A BROADCAST to a thousand clients is more by itself.
 */
const WORK_PER_TURN = 512

/** On Deno sockets starve while there is nothing but immediates: so often it is a timer. */
const TURNS_PER_TIMER = 8

/** The messages of all clients on connections that are yet to be taken up. */
export class Inbox<S extends Source> {
  readonly #handling: Handling<S>
  readonly #deferred = new Fifo<S>()
  #isScheduled = false
  #isWaiting = false
  #turns = 0

  constructor(handling: Handling<S>) {
    this.#handling = handling
  }

  /** Whether anything is left. */
  get hasLeft(): boolean {
    return this.#deferred.size > 0
  }

  /** Whether all that is left has to wait for others. */
  get isWaiting(): boolean {
    return this.#isWaiting
  }

  /** Messages have arrived. */
  arrived(source: S, messages: ReadonlyArray<Message>): void {
    const { take, mustWait, onTaken } = this.#handling
    let at = 0
    if (!source.isDeferred) {
      let work = 0
      while (at < messages.length && work < WORK_PER_TURN && !mustWait(source, messages[at]!)) {
        work += 1 + take(source, messages[at++]!)
      }
      onTaken()
    }
    if (at === messages.length || source.isClosing) return
    while (at < messages.length) source.pending.push(messages[at++]!)
    if (source.isDeferred) return
    source.isDeferred = true
    source.wire.hold?.()
    this.#deferred.push(source)
    this.#schedule()
  }

  /** Something has changed that messages may have waited for. */
  again(): void {
    if (this.#isWaiting) this.#schedule()
  }

  #schedule(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    this.#isWaiting = false
    const turn = () => {
      this.#isScheduled = false
      this.#turn()
    }
    if (++this.#turns % TURNS_PER_TIMER === 0) later(0, turn)
    else nextTurn(turn)
  }

  /** One client after the other, each at most once. */
  #turn(): void {
    let work = 0
    for (let left = this.#deferred.size; left > 0 && work < WORK_PER_TURN; left--) {
      const source = this.#deferred.shift()!
      work += this.#takeFrom(source, WORK_PER_TURN - work)
      if (source.pending.size > 0 && !source.isClosing) {
        this.#deferred.push(source)
        continue
      }
      source.pending.drain()
      source.isDeferred = false
      if (!source.isClosing) source.wire.goOn?.()
    }
    if (work > 0) this.#handling.onTaken()
    if (this.#deferred.size === 0) return
    if (work > 0) return this.#schedule()
    this.#isWaiting = true
    this.#handling.onWaiting()
  }

  #takeFrom(source: S, most: number): number {
    const { take, mustWait } = this.#handling
    let work = 0
    for (let next = source.pending.first; next !== undefined && work < most; next = source.pending.first) {
      if (source.isClosing || mustWait(source, next)) break
      source.pending.shift()
      work += 1 + take(source, next)
    }
    return work
  }
}
