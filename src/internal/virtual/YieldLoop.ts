/**
 * Detects fibers that only yield to each other, and lets that cost time.
 *
 * @module
 */

/** Rounds of a loop of yields after which time jumps to the next event; each further jump takes a quarter, down to the fewest. */
const ROUNDS_PER_JUMP = 10_000
const FEWEST_ROUNDS_PER_JUMP = 64

/** A loop of yields: rounds are counted since time last moved. */
export class YieldLoop {
  #roundsPerJump = ROUNDS_PER_JUMP
  /** The round in which it will have cost the time until something is due. */
  #jumpAt = ROUNDS_PER_JUMP

  /** Whether it has lasted for so long that time is to jump. */
  costs(rounds: number): boolean {
    if (rounds < this.#jumpAt) return false
    this.#roundsPerJump = Math.max(FEWEST_ROUNDS_PER_JUMP, this.#roundsPerJump >> 2)
    this.#jumpAt = rounds + this.#roundsPerJump
    return true
  }

  /** Time has moved. */
  moved(): void {
    this.#jumpAt = this.#roundsPerJump
  }

  /** Nobody yields any more. */
  ended(): void {
    this.#roundsPerJump = ROUNDS_PER_JUMP
  }
}
