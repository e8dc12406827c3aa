/**
 * Polls the sockets of kernels that set up a device. The runtime must not read them itself, as it would lose the
 * descriptors that arrive on them. While messages come it polls all the time, and ever less often while none do.
 *
 * @module
 */
import { later, nextTurn } from "../platform/EventLoop.ts"

/** What is looked at. */
export interface Polled {
  /** Takes what has arrived; whether anything had. */
  readonly look: () => boolean
}

/** After a message the next one is looked for in each turn of the event loop, so many times; … */
const EAGER_LOOKS = 500
/** … and then this often, in ms: first soon, then later. */
const SOON_MS = 1
const SOON_LOOKS = 1000
const LATER_MS = 10

/** All that are looked after. */
export class Poller {
  readonly #polled = new Set<Polled>()
  #idle = 0
  #cancel: (() => void) | undefined

  add(polled: Polled): void {
    this.#polled.add(polled)
    this.#idle = 0
    this.#schedule()
  }

  remove(polled: Polled): void {
    this.#polled.delete(polled)
    if (this.#polled.size > 0) return
    this.#cancel?.()
    this.#cancel = undefined
  }

  #schedule(): void {
    this.#cancel?.()
    const look = () => this.#look()
    if (this.#idle < EAGER_LOOKS) this.#cancel = nextTurn(look)
    else this.#cancel = later(this.#idle < EAGER_LOOKS + SOON_LOOKS ? SOON_MS : LATER_MS, look)
  }

  #look(): void {
    this.#cancel = undefined
    this.#idle++
    for (const each of [...this.#polled]) {
      // Who was looked at before may have taken it back.
      if (this.#polled.has(each) && each.look()) this.#idle = 0
    }
    if (this.#polled.size > 0) this.#schedule()
  }
}
