/**
 * Clients with new output that haven't been woken yet.
 *
 * @module
 */
import { Fifo } from "../core/Fifo.ts"
import { nextTurn } from "../platform/EventLoop.ts"
import type { Peer } from "./Peer.ts"

/** How many clients are woken in a row before the event loop has its turn. */
const WAKES_PER_TURN = 256
/** The same for those who are only to hear of a BROADCAST: the slower, the more of them go in one write. */
const LATER_WAKES_PER_TURN = 16

/** The clients to be woken, in order. */
export class WakeQueue {
  readonly #next = new Fifo<Peer>()
  readonly #later = new Fifo<Peer>()
  #isWaking = false
  #isWakingLater = false
  /** Called when all have been woken that are to be at once, and before each rest. */
  readonly #woken: () => void

  constructor(woken: () => void) {
    this.#woken = woken
  }

  add(peer: Peer): void {
    if (peer.isWoken) return
    peer.isWoken = true
    this.#next.push(peer)
  }

  /** As {@link WakeQueue.add}, behind all who wait for one another's turns: a BROADCAST may be to a thousand. */
  addLater(peer: Peer): void {
    if (peer.isWoken || peer.isWokenLater) return
    peer.isWokenLater = true
    this.#later.push(peer)
  }

  /** One after the other: a client in this process may answer while it is woken, and that wakes more. */
  wakeAll(): void {
    if (this.#isWaking) return
    this.#isWaking = true
    this.#wakeSome()
  }

  /** The same in a turn of the event loop of its own: the caller isn't done yet, and is woken as well when it waits. */
  wakeSoon(): void {
    if (this.#isWaking || this.#next.size + this.#later.size === 0) return
    this.#isWaking = true
    nextTurn(() => this.#wakeSome())
  }

  #wakeSome(): void {
    let woken = 0
    for (let peer = this.#next.shift(); peer !== undefined; peer = this.#next.shift()) {
      peer.isWoken = false
      peer.wire.wake()
      if (++woken === WAKES_PER_TURN && this.#next.size > 0) {
        this.#woken()
        nextTurn(() => this.#wakeSome())
        return
      }
    }
    this.#isWaking = false
    if (this.#later.size > 0 && !this.#isWakingLater) this.#wakeLater()
    this.#woken()
  }

  /** Some of those who can wait, and the next ones in the next turn of the event loop. */
  #wakeLater(): void {
    for (let left = LATER_WAKES_PER_TURN; left > 0; left--) {
      const peer = this.#later.shift()
      if (peer === undefined) break
      peer.isWokenLater = false
      peer.wire.wake()
    }
    this.#isWakingLater = this.#later.size > 0
    if (this.#isWakingLater) nextTurn(() => this.#wakeLater())
  }
}
