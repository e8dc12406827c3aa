/**
 * Light processes: the same as fibers, event for event, and without one.
 */
import { afterAll, describe, expect, it, vi } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Result from "effect/Result"
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { resolve } from "node:path"
import { Guest, type Journal, Process, Resource, Store, World } from "../../src/simulation.ts"
import * as Journals from "../support/journals.ts"
import * as Programs from "../support/worlds/randomProcesses.ts"

/** All that there is to see of a run; without the numbers of fibers, which light processes don't have. */
const seen = (world: World.World) =>
  Effect.map(
    Effect.result(World.run(world, { journal: true, until: "1 second", deadlockAfter: "20 millis" })),
    (ran) =>
      Result.isSuccess(ran)
        ? {
          time: ran.success.time,
          journal: ran.success.journal,
          statistics: ran.success.guests.map(({ statistics }) => statistics),
        }
        : {
          failure: ran.failure.message.replace(/#\d+ in /g, "").replace(/ at [^ ]*:\d+:\d+\)?/g, "").split("\n").sort(),
        },
  )

describe("random processes", () => {
  it.live.each(Array.from({ length: 80 }, (_, seed) => seed))(
    "do the same as fibers and as light processes, with seed %i",
    (seed) =>
      Effect.gen(function* () {
        const byFibers = yield* seen(Programs.world(Programs.fibers, seed))
        const light = yield* seen(Programs.world(Programs.light, seed))
        expect(light).toEqual(byFibers)
      }),
  )
})

/** In the checkout, beside `examples`, so that what is imported is found. */
const FOLDER = resolve(".snippets-light")

describe("SimPy's examples", () => {
  afterAll(() => rmSync(FOLDER, { recursive: true, force: true }))

  /** Runs an example whose generators are made effects by `form`: what it prints, and all that happened. */
  const run = async (name: string, form: string) => {
    const source = readFileSync(`examples/${name}.ts`, "utf8")
      .replace(/\b(Effect\.gen|Process\.light)\(function/g, `${form}(function`)
      .replace(/\bWorld\.run\(/g, "Journals.run(")
    mkdirSync(FOLDER, { recursive: true })
    const path = `${FOLDER}/${name}-${form}.ts`
    writeFileSync(path, `import * as Journals from "../test/support/journals.ts"\n${source}`)
    const lines: Array<string> = []
    const log = vi.spyOn(console, "log").mockImplementation((...words) => void lines.push(words.join(" ")))
    Journals.ran.length = 0
    try {
      await import(path)
    } finally {
      log.mockRestore()
    }
    return { printed: `$ examples/${name}.ts\n${lines.join("\n")}\n`, ran: [...Journals.ran] }
  }

  it.each([
    "bank-renege",
    "car-wash",
    "gas-station",
    "latency-cable",
    "machine-shop",
    "movie-renege",
    "process-communication",
  ])("do the same as fibers and as light processes, event for event: %s", async (name) => {
    const byFibers = await run(name, "Effect.gen")
    const light = await run(name, "Process.light")
    expect(byFibers.printed).toBe(readFileSync(`examples/${name}.out`, "utf8"))
    expect(light).toEqual(byFibers)
    expect(light.ran.length).toBeGreaterThan(0)
  })
})

/** Runs one guest, and returns what it noted: text and ms. */
const notesOf = (program: Effect.Effect<unknown, unknown, Guest.Services>) =>
  Effect.map(
    World.run(World.make({ guests: [Guest.make("guest", program)] }), { journal: true, deadlockAfter: "50 millis" }),
    ({ journal }) =>
      journal.flatMap((entry: Journal.Entry) =>
        entry._tag === "Noted" ? [`${entry.text} ${Number(entry.time) / 1e6}`] : []
      ),
  )

describe("a light process", () => {
  /** How many fibers have been made. */
  const fibers = Effect.sync(() => Effect.runFork(Effect.void).id)

  it.live("takes no fiber for what is made for processes", () =>
    notesOf(Effect.gen(function* () {
      const server = yield* Resource.make("server")
      const shelf = yield* Store.make<number>("shelf")
      const before = yield* fibers
      for (let n = 0; n < 1000; n++) {
        yield* Process.spawn(
          "customer",
          Process.light(function* () {
            yield* server.use(Process.hold("1 millis"))
            yield* shelf.put(n)
            const child = yield* Process.spawn(
              "child",
              Process.light(function* () {
                return yield* shelf.get()
              }),
            )
            return yield* child.join
          }),
        )
      }
      yield* Process.hold("10 seconds")
      // Some fibers are for other things.
      expect((yield* fibers) - before).toBeLessThan(100)
      expect(shelf.size()).toBe(0)
    })))

  it.live("hands over what it returns, and its failure, to who joins it", () =>
    Effect.gen(function* () {
      const notes = yield* notesOf(Effect.gen(function* () {
        const ten = yield* Process.spawn(
          "ten",
          Process.light(function* () {
            yield* Process.hold("1 millis")
            return 10
          }),
        )
        yield* Guest.note(`${yield* ten.join}`)
        const bad = yield* Process.spawn(
          "bad",
          Process.light(function* () {
            yield* Process.hold("1 millis")
            throw new Error("odd")
          }),
        )
        yield* Guest.note(String((yield* Effect.exit(bad.join))._tag))
      }))
      expect(notes).toEqual(["10 1", "Failure 2"])
    }))

  it.live("has its fiber, its scope and what it forks for as long as it lasts", () =>
    Effect.gen(function* () {
      const notes = yield* notesOf(Effect.gen(function* () {
        yield* Process.spawn(
          "job",
          Process.light(function* () {
            yield* Effect.addFinalizer(() => Guest.note("closed"))
            yield* Effect.forkChild(Effect.onExit(Effect.sleep("1 second"), () => Guest.note("child ended")))
            yield* Process.hold("3 millis")
            yield* Effect.sleep("2 millis")
            yield* Guest.note("over")
          }),
        )
      }))
      expect(notes).toEqual(["over 5", "closed 5", "child ended 5"])
    }))

  it.live("is named in a deadlock, with what it waits for and where", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(notesOf(Effect.gen(function* () {
        const server = yield* Resource.make("server")
        yield* server.request()
        yield* Process.spawn(
          "car 7",
          Process.light(function* () {
            yield* server.request()
          }),
        )
        yield* Process.hold("1 millis")
        yield* server.request()
      })))
      expect(error.message).toMatch(/car 7 at .*light\.test\.ts:\d+:\d+\)?, waits for request on server/)
    }))

  it.live("that never waits is a livelock, which names it", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(notesOf(Effect.gen(function* () {
        const shelf = yield* Store.make<number>("shelf")
        yield* Process.spawn(
          "busy",
          Process.light(function* () {
            for (;;) {
              yield* shelf.put(1)
              yield* shelf.get()
            }
          }),
        )
      })))
      expect(error.message).toContain("busy")
    }), 30_000)

  it.live("anywhere else is the same as Effect.gen", () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.forkChild(Process.light(function* () {
        return (yield* Effect.succeed(1)) + 1
      }))
      expect(yield* Fiber.join(fiber)).toBe(2)
    }))
})
