/**
 * A pace: how simulated time goes along with real time.
 *
 * @module
 */

/**
 * A pace, from the moment on that it was set. Simulated times are in ns, real ones in ms, both from any origin.
 *
 * Lost real time isn't caught up: what passes while simulated time can't doesn't count.
 */
export class Pace {
  /** Simulated seconds a real second. */
  readonly factor: number
  readonly #at: bigint
  #realMs: number
  #stoppedMs: number | undefined

  /** From the simulated time `at` and the real time `nowMs` on. */
  constructor(factor: number, at: bigint, nowMs: number) {
    this.factor = factor
    this.#at = at
    this.#realMs = nowMs
  }

  /** Simulated time can't pass from now on. */
  stop(nowMs: number): void {
    this.#stoppedMs ??= nowMs
  }

  /** It can again: a stop of up to `graceMs` counts as if it could all the while. */
  go(nowMs: number, graceMs = 0): void {
    if (this.#stoppedMs === undefined) return
    const ms = nowMs - this.#stoppedMs
    if (ms > graceMs) this.#realMs += ms
    this.#stoppedMs = undefined
  }

  /** How far simulated time should be. */
  reached(nowMs: number): bigint {
    return this.#at + BigInt(Math.floor(((this.#stoppedMs ?? nowMs) - this.#realMs) * this.factor * 1e6))
  }

  /** How much real time is left until `due`; 0 or less: it is late. */
  leftMs(due: bigint, nowMs: number): number {
    return this.#realMs + Number(due - this.#at) / 1e6 / this.factor - nowMs
  }
}
