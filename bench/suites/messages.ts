import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as CalendarServer from "../../src/calendar/CalendarServer.ts"
import type * as Mode from "../../src/Mode.ts"
import { sized } from "../numbers.ts"
import type { Case, Suite } from "../suite.ts"
import * as WakeUps from "../wakeUps.ts"

const WAKE_UPS = sized(1000)

/** So many guests that wake up at the same times: messages for each time that one does. */
const messages = <E>(
  name: string,
  guests: number,
  run: (times: number) => Effect.Effect<void, E, Mode.Services | Scope.Scope>,
): Case => ({
  name: `${name}, ${guests} ${guests === 1 ? "guest" : "guests"}`,
  against: [],
  measure: () =>
    Effect.runPromise(
      Effect.gen(function* () {
        const calendar = yield* CalendarServer.serve({ clients: guests })
        const links = Array.from({ length: guests }, () => calendar.link())
        yield* WakeUps.guests(links, Effect.scoped(run(WAKE_UPS)) as Effect.Effect<void, E, Mode.Services>)
        return (yield* calendar.stats).messages / (guests * WAKE_UPS)
      }).pipe(Effect.scoped),
    ),
})

const suite: Suite = {
  about: "Messages of both directions, ACKs included, for each wake-up",
  unit: "messages",
  more: false,
  warmUps: 0,
  cases: [
    messages("a plain handler", 2, WakeUps.handler),
    messages("a plain handler", 10, WakeUps.handler),
    messages("a plain handler", 1, WakeUps.handler),
    messages("a fiber on VirtualTime", 2, WakeUps.fiber),
    messages("a fiber on VirtualTime", 10, WakeUps.fiber),
    messages("a fiber on VirtualTime", 1, WakeUps.fiber),
  ],
}

export default suite
