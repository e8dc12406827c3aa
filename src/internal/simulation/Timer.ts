/**
 * A time-out of an operation, as an event of its guest.
 *
 * @module
 */
import { HookedEvent } from "../../core/Command.ts"
import { FOREVER } from "../../core/Nanos.ts"
import type { Event, Handler } from "../../Event.ts"
import type { Begun } from "./Begun.ts"
import type { Table } from "./Running.ts"

const onDue: Handler = (_, event) => (event as Timer).ring()

/** The owner of a timer, called in a handler when it is due. */
export interface Alarmed {
  readonly onDue: () => void
}

/** Something that is to be done after a while, once each time that it is set. It is its own event in the queue. */
export class Timer extends HookedEvent implements Event, Begun {
  readonly #table: Table
  readonly #owner: Alarmed
  #due = FOREVER as bigint
  #isSet = false

  constructor(table: Table, owner: Alarmed) {
    super()
    this.#table = table
    this.#owner = owner
  }

  get handler(): Handler {
    return onDue
  }
  get name(): string {
    return "hold"
  }

  /** Has it due so many ns from now: at the end of time, never. */
  set(nanos: bigint): void {
    this.#due = this.#table.now + nanos
    this.#isSet = true
    this.#table.runner.fallAsleep(this, nanos)
  }

  /** It is due. */
  ring(): void {
    this.#isSet = false
    this.#owner.onDue()
  }

  /** How long it is until then, in ns. */
  left(): bigint {
    const left = this.#due - this.#table.now
    return left > 0n ? left : 0n
  }

  /** Takes it back. */
  withdraw(): void {
    if (!this.#isSet) return
    this.#isSet = false
    if (this.#due < FOREVER) this.#table.runner.takeBack(this)
  }

  /** Time that has passed isn't given back. */
  undo(): void {}
}
