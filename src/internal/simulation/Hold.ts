/**
 * `Process.hold`: the operation that lets simulated time pass.
 *
 * @module
 */
import type * as Duration from "effect/Duration"
import * as Exit from "effect/Exit"
import type { OptionError } from "../../core/Fault.ts"
import { badDuration } from "../services/Checks.ts"
import { inNanos } from "../services/Times.ts"
import { type AnyExit, LIGHTLY, type Performer } from "./Lightly.ts"
import { type Begun, type Decide, nothing, type Operation, prototype } from "./Operation.ts"
import type { Place } from "./Running.ts"
import { Timer } from "./Timer.ts"

/** A hold, which a light process does with a timer of its own. */
interface Hold extends Operation<void, OptionError> {
  readonly duration: Duration.Input
}

const Hold = function (this: { duration: Duration.Input }, duration: Duration.Input): void {
  this.duration = duration
} as unknown as new (duration: Duration.Input) => Hold

Hold.prototype = Object.assign(Object.create(prototype), {
  what: "hold",

  begin(this: Hold, place: Place, decide: Decide<void, OptionError>): Begun {
    const nanos = nanosOf(this.duration)
    if (typeof nanos !== "bigint") {
      decide(Exit.fail(nanos))
      return nothing
    }
    const timer = new Timer(place.table, { onDue: () => decide(Exit.void) })
    timer.set(nanos)
    return timer
  },

  [LIGHTLY](this: Hold, own: Performer): AnyExit | undefined {
    const nanos = nanosOf(this.duration)
    return typeof nanos === "bigint" ? own.pass(nanos, this) : Exit.fail(nanos)
  },
})

/** A duration in ns; most are a `bigint` of them, or whole ms. */
const nanosOf = (duration: Duration.Input): bigint | OptionError => {
  if (typeof duration === "bigint" && duration >= 0n) return duration
  if (typeof duration === "number" && Number.isSafeInteger(duration) && duration >= 0) {
    return BigInt(duration) * 1_000_000n
  }
  return badDuration("the duration of a hold", duration) ?? inNanos(duration)
}

/** Lets `duration` pass. */
export const hold = (duration: Duration.Input): Operation<void, OptionError> => new Hold(duration)
