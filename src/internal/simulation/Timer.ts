/**
 * A time-out of an operation, as an event of its guest.
 *
 * @module
 */
import { HookedEvent } from "../../core/Command.ts"
import { FOREVER } from "../../core/Nanos.ts"
import type { Event, Handler } from "../../Event.ts"
import type { Place } from "./ProcessTable.ts"

const onDue: Handler = (_, event) => (event as Timer).ring()

/** Something that is to be done after a while. */
export class Timer extends HookedEvent implements Event {
  readonly ring: () => void
  readonly #place: Place
  readonly #due: bigint
  #isSet = true

  /** Has `ring` called so many ns from now, in a handler: at the end of time, never. */
  constructor(place: Place, nanos: bigint, ring: () => void) {
    super()
    this.#place = place
    this.#due = place.table.now + nanos
    this.ring = () => {
      this.#isSet = false
      ring()
    }
    place.table.runner.fallAsleep(this, nanos)
  }

  get handler(): Handler {
    return onDue
  }
  get name(): string {
    return "hold"
  }

  /** How long it is until then, in ns. */
  get left(): bigint {
    const left = this.#due - this.#place.table.now
    return left > 0n ? left : 0n
  }

  /** Takes it back. */
  cancel(): void {
    if (!this.#isSet) return
    this.#isSet = false
    if (this.#due < FOREVER) this.#place.table.runner.takeBack(this)
  }
}
