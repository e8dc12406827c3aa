/**
 * Time as it goes on while a program is busy: in off and in basic mode, where that is real time.
 *
 * @module
 */
import { FOREVER } from "../../core/Nanos.ts"
import { event } from "../../Event.ts"
import type { GuestClock } from "../../GuestClock.ts"
import { Pace } from "./RunControl.ts"

/** How long, in ms, a program has to be busy in basic mode for time to go on with nothing due. */
const LONG_BUSY_MS = 50

/** One guest's. */
export class BusyTime {
  /** Whether time goes on while the program is busy. */
  readonly isReal: boolean
  readonly #clock: GuestClock
  /** In basic mode: since the program was last idle. */
  #busy: Pace

  constructor(clock: GuestClock) {
    this.#clock = clock
    this.isReal = clock.mode === "off" || clock.mode === "basic"
    this.#busy = new Pace(1, clock.direct.now)
  }

  /** The program begins to be busy, at the guest time `now`. */
  begin(now = this.#clock.direct.now): void {
    if (this.#clock.mode === "basic") this.#busy = new Pace(1, now)
  }

  /** What is due by now, if anything is. In basic mode that may be a tick: time goes on where the program never rests. */
  due(): bigint | undefined {
    const { direct, mode } = this.#clock
    if (mode === "basic" && this.#busy.leftMs(direct.now) <= -LONG_BUSY_MS) {
      direct.addEvent(event("tick", () => {}), this.#busy.now)
    }
    const due = direct.nextDue()
    if (due === undefined || due >= FOREVER) return undefined
    const isDue = mode === "off" ? due <= direct.now : this.#busy.leftMs(due) <= 0
    return isDue ? due : undefined
  }
}
