import * as Effect from "effect/Effect"
import * as CalendarServer from "../../src/calendar/CalendarServer.ts"
import * as Fleet from "../fleet.ts"
import { sized, SMALL } from "../numbers.ts"
import type { Case, Suite } from "../suite.ts"
import { turnsPerSecond } from "../turns.ts"

const inProcess = (guests: number, times: number): Case => {
  const wakeUps = sized(times)
  return {
    name: `${guests} guests`,
    against: [],
    measure: () =>
      turnsPerSecond(guests * wakeUps, (onGrant) =>
        Effect.gen(function* () {
          const calendar = yield* CalendarServer.serve({ clients: guests, onGrant })
          yield* Fleet.onLinks(() => calendar.link(), guests, wakeUps)
        }).pipe(Effect.scoped)),
  }
}

const suite: Suite = {
  about: "Guests in lockstep in one process, each woken once a second",
  unit: "thousand turns/s",
  more: true,
  cases: [
    inProcess(2, 20_000),
    inProcess(5, 8000),
    inProcess(10, 4000),
    inProcess(30, 1300),
    ...SMALL ? [] : [inProcess(100, 400), inProcess(300, 130), inProcess(1000, 40)],
  ],
}

export default suite
