/**
 * Advances time while a program is busy, in the modes in which that is real time: off and basic.
 *
 * @module
 */
import { traits } from "../../core/Modes.ts"
import { FOREVER } from "../../core/Nanos.ts"
import { event } from "../../Event.ts"
import type { GuestClock } from "../../GuestClock.ts"
import { millis } from "../platform/EventLoop.ts"
import { Pace } from "../services/Pace.ts"

/** How long, in ms, a program has to be busy in basic mode for time to go on with nothing due. */
const LONG_BUSY_MS = 50

/** One guest's. */
export class BusyTime {
  /** Whether time goes on while the program is busy. */
  readonly isReal: boolean
  readonly #clock: GuestClock
  readonly #followsHost: boolean
  /** In basic mode: since the program was last idle. */
  #busy: Pace

  constructor(clock: GuestClock) {
    this.#clock = clock
    const { usesHostTimer, followsHost } = traits[clock.mode]
    this.isReal = usesHostTimer
    this.#followsHost = followsHost
    this.#busy = new Pace(1, clock.sync.now, millis())
  }

  /** The program begins to be busy, at the guest time `now`. */
  begin(now = this.#clock.sync.now): void {
    if (this.isReal && !this.#followsHost) this.#busy = new Pace(1, now, millis())
  }

  /** What is due by now, if anything is. In basic mode that may be a tick: time goes on where the program never rests. */
  due(): bigint | undefined {
    const { sync } = this.#clock
    if (this.isReal && !this.#followsHost && this.#busy.leftMs(sync.now, millis()) <= -LONG_BUSY_MS) {
      sync.addEvent(event("tick", () => {}), this.#busy.reached(millis()))
    }
    const due = sync.nextDue()
    if (due === undefined || due >= FOREVER) return undefined
    const isDue = this.#followsHost ? due <= sync.now : this.#busy.leftMs(due, millis()) <= 0
    return isDue ? due : undefined
  }
}
