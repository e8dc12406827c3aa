/**
 * A clock that tells another clock's time, and sleeps in its own way.
 *
 * @module
 */
import type * as Clock from "effect/Clock"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"

/** How a clock's time is read as an effect. */
type Reads = Pick<Clock.Clock, "currentTimeMillis" | "currentTimeNanos" | "monotonicTimeNanos">

/** A clock that tells another clock's time. */
export abstract class DerivedClock implements Clock.Clock {
  readonly currentTimeMillis: Effect.Effect<number>
  readonly currentTimeNanos: Effect.Effect<bigint>
  readonly monotonicTimeNanos: Effect.Effect<bigint>
  protected readonly time: Clock.Clock

  /** `reads` are how its time is read as an effect. Default: as that of `time`. */
  constructor(time: Clock.Clock, reads: Reads = time) {
    this.time = time
    this.currentTimeMillis = reads.currentTimeMillis
    this.currentTimeNanos = reads.currentTimeNanos
    this.monotonicTimeNanos = reads.monotonicTimeNanos
  }
  currentTimeMillisUnsafe(): number {
    return this.time.currentTimeMillisUnsafe()
  }
  currentTimeNanosUnsafe(): bigint {
    return this.time.currentTimeNanosUnsafe()
  }
  monotonicTimeNanosUnsafe(): bigint {
    return this.time.monotonicTimeNanosUnsafe()
  }
  abstract sleep(duration: Duration.Duration): Effect.Effect<void>
}
