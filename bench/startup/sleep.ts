/** A fiber that sleeps in simulated time. */
import * as Effect from "effect/Effect"
import { Mode, VirtualTime } from "guest-clock"

await Effect.runPromise(Effect.provide(VirtualTime.run(Effect.sleep("1 day")), Mode.infCpu()))
