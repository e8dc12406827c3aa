import * as NodeServices from "@effect/platform-node/NodeServices"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { exec } from "../scripts/exec.ts"
import * as Runtimes from "../scripts/runtimes.ts"
import * as CalendarServer from "../src/calendar/CalendarServer.ts"
import { built } from "./support/built.ts"

const folder = Effect.acquireRelease(
  Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "lockstep-"))),
  (folder) => Effect.sync(() => Fs.rmSync(folder, { recursive: true })),
)

/** A run of three processes whose wake-ups collide all the time: every turn, and what the guests printed. */
const runThree = (order: CalendarServer.Options["order"]) =>
  Effect.gen(function* () {
    const path = Path.join(yield* folder, "calendar")
    const trace: Array<string> = []
    const onGrant = ({ id, time }: CalendarServer.Grant) => trace.push(`${id}@${time}`)
    const calendar = yield* CalendarServer.make({ path, clients: 3, onGrant, ...order !== undefined && { order } })
    const words = yield* Runtimes.locate("Deno")
    const guest = (id: number, ...steps: ReadonlyArray<string>) =>
      exec([...words, built("src/cli/main.ts"), "guest", "--socket", path, "--id", String(id), ...steps])
    const ended = yield* Effect.all([
      guest(3, "sleep 10ms", "repeat 60"),
      guest(1, "sleep 20ms", "busy 5ms", "update", "sleep 5ms", "repeat 20"),
      guest(2, "sleep 10ms", "sleep 20ms", "repeat 20"),
    ], { concurrency: "unbounded" })
    yield* calendar.ended
    return { trace, printed: ended.map(({ stdout }) => stdout), codes: ended.map(({ code }) => code) }
  }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))

/** The first run in an order: every test that asks for it gets the same one. */
const firsts = new Map<string, Promise<Effect.Success<ReturnType<typeof runThree>>>>()
const firstRun = (order: CalendarServer.Options["order"]) => {
  const key = JSON.stringify(order)
  const run = firsts.get(key) ?? Effect.runPromise(runThree(order))
  firsts.set(key, run)
  return Effect.promise(() => run)
}

describe("three processes", () => {
  it.live.each<readonly [CalendarServer.Options["order"]]>([[{ seed: 1 }], [{ seed: 2 }], ["by-id"], ["first-come"]])(
    "do the same when they are run twice, in the order %j",
    ([order]) =>
      Effect.gen(function* () {
        const [first, second] = [yield* firstRun(order), yield* runThree(order)]
        expect(first.codes).toEqual([0, 0, 0])
        expect(first.trace.length).toBeGreaterThan(100)
        expect(second).toEqual(first)
      }),
    60_000,
  )

  it.live("do otherwise with another seed", () =>
    Effect.gen(function* () {
      const [first, second] = [yield* firstRun({ seed: 1 }), yield* firstRun({ seed: 2 })]
      expect(second.trace).not.toEqual(first.trace)
      // Each guest's own time is the same all the same.
      expect(second.printed).toEqual(first.printed)
    }), 60_000)
})

const GUESTS = 1000
const PROCESSES = 4
const SECONDS = 60

it.live(
  "1,000 guests in four processes are in lockstep for a simulated minute, and none loses a wake-up",
  () =>
    Effect.gen(function* () {
      const path = Path.join(yield* folder, "calendar")
      const granted: Array<bigint> = []
      const onGrant = ({ time }: CalendarServer.Grant) => granted.push(time)
      const calendar = yield* CalendarServer.make({ path, clients: GUESTS, onGrant })
      const words = yield* Runtimes.locate("Deno")
      const fleet = exec([...words, built("bench/fleet.ts"), path, String(GUESTS / PROCESSES), String(SECONDS)])
      const ended = yield* Effect.all(Array.from({ length: PROCESSES }, () => fleet), { concurrency: "unbounded" })
      for (const { code, stdout, stderr } of ended) {
        expect({ code, stdout, stderr }).toEqual({
          code: 0,
          stdout: `${(GUESTS / PROCESSES) * SECONDS}\n`,
          stderr: "",
        })
      }
      expect(yield* calendar.ended).toBe("left")
      const { time, grants, clients } = yield* calendar.stats
      expect([time, clients]).toEqual([BigInt(SECONDS) * 1_000_000_000n, 0])
      expect(grants).toBe(GUESTS * SECONDS)
      expect(granted).toEqual([...granted].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0)))
      expect(new Set(granted).size).toBe(SECONDS)
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)),
  120_000,
)
