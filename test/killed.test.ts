import * as NodeServices from "@effect/platform-node/NodeServices"
import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as ChildProcess from "node:child_process"
import * as Path from "node:path"
import * as Runtimes from "../scripts/runtimes.ts"
import * as CalendarServer from "../src/controller/CalendarServer.ts"
import { ACK, REQUEST, RUN, START, WAIT } from "./support/protocol.ts"
import { random } from "./support/random.ts"
import { room } from "./support/rawClient.ts"

const KILLS = 300
const AT_ONCE = 4
const STEP = 1_000_000n

/** Starts a victim and kills it, some real time after it has connected. */
const kill = (words: ReadonlyArray<string>, delayMs: number): Promise<void> =>
  new Promise((resolve) => {
    const [command = "", ...args] = words
    const child = ChildProcess.spawn(command, args, { stdio: ["ignore", "pipe", "ignore"] })
    child.stdout.once("data", () => setTimeout(() => child.kill("SIGKILL"), delayMs))
    child.once("close", () => resolve())
  })

it.live(
  `${KILLS} processes killed at any time never wedge the others`,
  () =>
    Effect.gen(function* () {
      const { path, connect } = yield* room
      const server = yield* CalendarServer.make({ path, clients: 2 })
      const words = [...yield* Runtimes.locate("Deno"), Path.resolve("test/support/victim.ts"), path]
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
        const delays = Array.from({ length: AT_ONCE }, (_, index) => random(seed + index).int(12))
        yield* Effect.promise(() =>
          Promise.all(delays.map((delay, index) => kill([...words, String(seed + index)], delay)))
        )
        const before = [...seen]
        yield* Effect.promise(async () => {
          const deadline = performance.now() + 10_000
          while (seen.some((time, index) => time < before[index]! + 2n * STEP)) {
            if (performance.now() > deadline) {
              throw new Error(`nobody goes on after seeds ${seed} to ${seed + AT_ONCE - 1}: ${seen}`)
            }
            await new Promise((resolve) => setTimeout(resolve, 1))
          }
        })
      }
      while ((yield* server.status).clients.length > 2) yield* Effect.sleep(1)
      const { clients } = yield* server.status
      expect(clients.map(({ id }) => id)).toEqual([1n, 2n])
      over = true
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer), Effect.provide(Logger.layer([]))),
  120_000,
)
