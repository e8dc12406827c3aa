import * as NodeServices from "@effect/platform-node/NodeServices"
import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as Runtimes from "../scripts/runtimes.ts"
import * as CalendarServer from "../src/calendar/CalendarServer.ts"
import { built } from "./support/built.ts"
import { kill } from "./support/kill.ts"
import { ACK, REQUEST, RUN, START, WAIT } from "./support/protocol.ts"
import { room } from "./support/rawClient.ts"

const KILLS = 300
const AT_ONCE = 4
const STEP = 1_000_000n
const LATE_MS = 10_000
const PROMPT_MS = 5000

it.live(
  `${KILLS} processes killed at any time never wedge the others`,
  () =>
    Effect.gen(function* () {
      const { path, connect } = yield* room
      const server = yield* CalendarServer.make({ path, clients: 2 })
      // Bun starts in half of the time. A victim speaks the protocol by itself: its runtime is all the same to the calendar.
      const words = [...yield* Runtimes.locate("Bun"), built("test/support/victim.ts"), path]
      const observers = [connect().say(START, 1n), connect().say(START, 2n)]
      const seen = [0n, 0n]
      let over = false
      const observe = async (index: number) => {
        const client = observers[index]!
        await client.take(ACK)
        while (!over) {
          const at = seen[index]! + STEP
          const [, , time] = await client.say(REQUEST, at).say(WAIT).take(RUN)
          // Its own request is never passed.
          expect(time).toBe(at)
          seen[index] = time
        }
      }
      const observing = Effect.forkScoped(
        Effect.promise(() => Promise.all(observers.map((_, index) => observe(index)))),
      )
      yield* observing
      for (let seed = 0; seed < KILLS; seed += AT_ONCE) {
        const seeds = Array.from({ length: AT_ONCE }, (_, index) => seed + index)
        yield* Effect.promise(() => Promise.all(seeds.map((each) => kill(words, each, LATE_MS).ended)))
        const before = [...seen]
        yield* Effect.promise(async () => {
          const deadline = performance.now() + PROMPT_MS
          while (seen.some((time, index) => time < before[index]! + 2n * STEP)) {
            if (performance.now() > deadline) {
              throw new Error(`nobody goes on after seeds ${seed} to ${seed + AT_ONCE - 1}: ${seen}`)
            }
            await new Promise((resolve) => setTimeout(resolve, 1))
          }
        })
        const dead = performance.now()
        while ((yield* server.stats).clients > 2) {
          if (performance.now() - dead > PROMPT_MS) {
            throw new Error(`seeds ${seed} to ${seed + AT_ONCE - 1}: a victim is still there`)
          }
          yield* Effect.sleep(1)
        }
      }
      const { clients } = yield* server.status
      expect(clients.map(({ id }) => id)).toEqual([1n, 2n])
      over = true
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer), Effect.provide(Logger.layer([]))),
  120_000,
)
