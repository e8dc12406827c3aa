import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import { GuestClock, Mode, VirtualTime } from "../../src/index.ts"
import * as BareHeap from "../bareHeap.ts"
import { sized } from "../numbers.ts"
import type { Suite } from "../suite.ts"

const MINUTES = sized(365 * 24 * 60)
const MINUTE = 60_000_000_000n

const seconds = async (run: Effect.Effect<unknown, unknown>): Promise<number> => {
  const before = performance.now()
  await Effect.runPromise(run)
  return (performance.now() - before) / 1000
}

const simulated = (run: Effect.Effect<unknown, unknown>) => Effect.provide(VirtualTime.run(run), Mode.infCpu())

/** The job itself: it counts how often it ran. */
const counted = (run: (job: Effect.Effect<void>) => Effect.Effect<unknown, unknown>) =>
  Effect.suspend(() => {
    let times = 0
    const job = Effect.sync(() => {
      times++
    })
    return Effect.andThen(run(job), Effect.suspend(() => times >= MINUTES ? Effect.void : Effect.die("too few runs")))
  })

const loop = counted((job) =>
  Effect.gen(function* () {
    for (let minute = 0; minute < MINUTES; minute++) {
      yield* job
      yield* Effect.sleep("1 minute")
    }
  })
)

/** The same without fibers: an event that adds itself again. */
const plain = counted((job) =>
  Effect.gen(function* () {
    const clock = yield* GuestClock.GuestClock
    let left = MINUTES
    const minutely = GuestClock.event("minutely", ({ now, addEvent }, self) => {
      Effect.runSync(job)
      if (--left > 0) addEvent(self, now + MINUTE)
    })
    yield* clock.addEvent(minutely, MINUTE)
    while (left > 0) clock.sleepUnsafe()
  }).pipe(Effect.provide(Mode.infCpu()))
)

const suite: Suite = {
  about: `A year of a job each minute: ${MINUTES} runs`,
  unit: "s",
  more: false,
  cases: [
    { name: "a bare heap, a loop of sleeps", measure: () => seconds(BareHeap.run(loop)) },
    { name: "a loop of sleeps", measure: () => seconds(simulated(loop)) },
    {
      name: 'Schedule.spaced("1 minute")',
      measure: () =>
        seconds(simulated(counted(Effect.repeat({ schedule: Schedule.spaced("1 minute"), times: MINUTES - 1 })))),
    },
    {
      name: 'Schedule.cron("* * * * *")',
      measure: () =>
        seconds(simulated(counted(Effect.repeat({ schedule: Schedule.cron("* * * * *"), times: MINUTES - 1 })))),
    },
    { name: "a plain handler", measure: () => seconds(plain) },
  ],
}

export default suite
