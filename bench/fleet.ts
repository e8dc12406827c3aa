/**
 * Many guests in one process, on a calendar: each wakes up once a second of its
 * own time. `fleet.ts SOCKET GUESTS SECONDS` prints how often they woke up in all,
 * and fails if any did at another time than that it asked for.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import process from "node:process"
import { fileURLToPath } from "node:url"
import { GuestClock, Mode } from "../src/index.ts"

const SECOND = 1_000_000_000n

/** Wakes up `times` times, a second apart. */
const guest = (times: number) =>
  Effect.gen(function* () {
    const clock = yield* GuestClock.GuestClock
    let woken = 0
    const wakeUp = GuestClock.event("wake up", ({ now, addEvent }, self) => {
      woken++
      if (now !== BigInt(woken) * SECOND) throw new Error(`woken at ${now} instead of ${woken} s`)
      if (woken < times) addEvent(self, now + SECOND)
    })
    yield* clock.addEvent(wakeUp, SECOND)
    while (woken < times) yield* clock.sleep
    return woken
  })

/** So many guests at once: how often they woke up in all. */
const all = (guests: number, times: number, mode: ReturnType<typeof Mode.external>) =>
  Effect.map(
    Effect.all(Array.from({ length: guests }, () => Effect.provide(guest(times), mode, { local: true })), {
      concurrency: "unbounded",
    }),
    (woken) => woken.reduce((sum, each) => sum + each, 0),
  )

/** Guests on the calendar at a socket. */
export const onSocket = (socket: string, guests: number, times: number) => all(guests, times, Mode.external({ socket }))

/** Guests on a calendar in this process. */
export const onLinks = (link: () => Parameters<typeof Mode.linked<never>>[0], guests: number, times: number) =>
  all(guests, times, Mode.linked<never>(Effect.suspend(link)))

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [socket = "", guests, times] = process.argv.slice(2)
  console.log(await Effect.runPromise(onSocket(socket, Number(guests), Number(times))))
}
