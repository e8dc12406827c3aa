/**
 * Processes of guests: how long they last, what becomes of their failures, how they are interrupted, and how one ends the
 * world.
 */
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as CalendarServer from "../../src/calendar/CalendarServer.ts"
import { OptionError } from "../../src/core/Fault.ts"
import { Processes } from "../../src/processes.ts"
import { Guest, Journal, Process, Resource, Store, World } from "../../src/simulation.ts"
import { builtUrl } from "../support/built.ts"
import * as worlds from "../support/worlds/processes.ts"

const MILLI = 1_000_000n

/** Runs one guest, and returns what it noted: text and ms. */
const notesOf = (
  program: Effect.Effect<unknown, unknown, Guest.Services>,
  options: Guest.Options = {},
): Effect.Effect<ReadonlyArray<string>, World.RunError> =>
  Effect.map(
    World.run(World.make({ guests: [Guest.make("guest", program, options)] }), {
      journal: true,
      deadlockAfter: "50 millis",
    }),
    ({ journal }) =>
      journal.map((entry) =>
        `${
          entry._tag === "Noted" ? `${entry.text}${entry.data === null ? "" : ` ${String(entry.data)}`}` : entry._tag
        } ${Number(entry.time) / 1e6}`
      ),
  )

const failureOf = (program: Effect.Effect<unknown, unknown, Guest.Services>, options?: Guest.Options) =>
  Effect.flip(notesOf(program, options))

const noted = (text: string) => Guest.note(text)

describe("a process", () => {
  it.live("begins when the one that began it waits, and lasts longer than that", () =>
    Effect.gen(function* () {
      const notes = yield* notesOf(Effect.gen(function* () {
        yield* Process.spawn(
          "parent",
          Effect.gen(function* () {
            yield* Process.spawn(
              "child",
              Effect.andThen(noted("child begins"), Effect.andThen(Process.hold("5 millis"), noted("child ends"))),
            )
            yield* noted("parent ends")
          }),
        )
        yield* noted("main ends")
      }))
      expect(notes).toEqual(["main ends 0", "parent ends 0", "child begins 0", "child ends 5", "Ended 5"])
    }))

  it.live("that is a daemon is interrupted when all others have ended", () =>
    Effect.gen(function* () {
      const notes = yield* notesOf(Effect.gen(function* () {
        const tick = Effect.andThen(Process.hold("2 millis"), noted("tick"))
        yield* Process.spawn("clock", Effect.ensuring(Effect.forever(tick), noted("stopped")), { daemon: true })
        yield* Process.spawn("job", Process.hold("5 millis"))
      }))
      expect(notes).toEqual(["tick 2", "tick 4", "stopped 5", "Ended 5"])
    }))

  it.live("closes its scope when it ends", () =>
    Effect.gen(function* () {
      const notes = yield* notesOf(Effect.gen(function* () {
        yield* Process.spawn(
          "job",
          Effect.andThen(Effect.addFinalizer(() => noted("closed")), Process.hold("1 millis")),
        )
        yield* Process.hold("3 millis")
      }))
      expect(notes).toEqual(["closed 1", "Ended 3"])
    }))

  it.live.each([true, false])(
    "fails its guest, by name, where watchesFibers is %s",
    (watchesFibers) =>
      Effect.gen(function* () {
        const error = yield* failureOf(
          Effect.gen(function* () {
            yield* Process.spawn("job 7", Effect.andThen(Process.hold("2 millis"), Effect.fail("no luck")))
            yield* Effect.sleep("1 second")
          }),
          { watchesFibers },
        )
        expect(error.message).toBe(`the guest "guest" failed at 2000000 ns: the process "job 7" failed: no luck`)
      }),
  )

  it.live("hands its failure to whoever joins it, also at the same instant", () =>
    Effect.gen(function* () {
      const failing = Effect.andThen(Process.hold("2 millis"), Effect.fail("no luck"))
      const notes = yield* notesOf(Effect.gen(function* () {
        const before = yield* Process.spawn("before", failing)
        yield* noted(yield* Effect.flip(before.join) as Effect.Effect<string>)
        const after = yield* Process.spawn("after", failing)
        yield* Process.hold("2 millis")
        yield* noted(yield* Effect.flip(after.join) as Effect.Effect<string>)
      }))
      expect(notes).toEqual(["no luck 2", "no luck 4", "Ended 4"])
    }))

  it.live("whose joiner has given up is nobody's again", () =>
    Effect.gen(function* () {
      const error = yield* failureOf(Effect.gen(function* () {
        const job = yield* Process.spawn("job", Effect.andThen(Process.hold("2 millis"), Effect.die("odd")))
        yield* Effect.timeoutOption(job.join, "1 millis")
        yield* Effect.sleep("1 second")
      }))
      expect(error.message).toContain(`at 2000000 ns: the process "job" failed: odd`)
    }))

  it.live("is refused without a name, and with a daemon that is no flag", () =>
    Effect.gen(function* () {
      const errors = yield* Effect.forEach([
        Process.spawn("", Effect.void),
        Process.spawn("job", Effect.void, { daemon: 1 as unknown as boolean }),
        Process.hold(-1),
        Process.hold(NaN),
      ], (effect) =>
        Effect.gen(function* () {
          let message = ""
          yield* notesOf(Effect.map(Effect.flip(effect as Effect.Effect<unknown, OptionError, Guest.Self>), (error) => {
            expect(error).toBeInstanceOf(OptionError)
            message = error.message
          }))
          return message
        }))
      expect(errors[0]).toContain("the name of a process")
      expect(errors[1]).toContain(`daemon of the process "job"`)
      expect(errors[2]).toContain("the duration of a hold")
      expect(errors[3]).toContain("the duration of a hold")
    }))
})

describe("an interrupt", () => {
  const told = ({ cause, by, left }: Process.Interrupted) => noted(`${cause} by ${by}, ${left} left`)

  it.live("arrives at a hold with its cause, who sent it, and what was left, and can be survived", () =>
    Effect.gen(function* () {
      const notes = yield* notesOf(Effect.gen(function* () {
        const sleeper = yield* Process.spawn(
          "sleeper",
          Effect.andThen(
            Effect.catchTag(Process.hold("10 millis"), "Interrupted", told),
            Effect.andThen(Process.hold("10 millis"), noted("slept")),
          ),
        )
        yield* Process.hold("4 millis")
        expect(yield* sleeper.interrupt("noise")).toBe(true)
        yield* noted("sent")
        yield* sleeper.join
        expect(yield* sleeper.interrupt("noise")).toBe(false)
      }))
      expect(notes).toEqual(["sent 4", "noise by guest, 6000000 left 4", "slept 14", "Ended 14"])
    }))

  it.live("that comes with another is for what is waited for next", () =>
    Effect.gen(function* () {
      const notes = yield* notesOf(Effect.gen(function* () {
        const sleeper = yield* Process.spawn(
          "sleeper",
          Effect.forEach([10, 20, 30], (ms) => Effect.catchTag(Process.hold(ms), "Interrupted", told)),
        )
        yield* Process.hold("4 millis")
        yield* sleeper.interrupt("one")
        yield* sleeper.interrupt("two")
      }))
      expect(notes).toEqual([
        "one by guest, 6000000 left 4",
        "two by guest, 20000000 left 4",
        "Ended 34",
      ])
    }))

  it.live("ends a process that isn't in anything interruptible, with its finalizers: it has failed", () =>
    Effect.gen(function* () {
      const notes = yield* notesOf(Effect.gen(function* () {
        const job = yield* Process.spawn("job", Effect.ensuring(Effect.sleep("1 second"), noted("cleaned up")))
        yield* Process.hold("4 millis")
        yield* job.interrupt({ why: 1 })
        const error = yield* Effect.flip(job.join)
        yield* noted(error.message)
      }))
      expect(notes).toEqual([
        "cleaned up 4",
        `the process "job" was interrupted by "guest": {"why":1} 4`,
        "Ended 4",
      ])
      const error = yield* failureOf(Effect.gen(function* () {
        const job = yield* Process.spawn("job", Effect.never)
        yield* Process.hold("4 millis")
        yield* job.interrupt("noise")
        yield* Effect.sleep("1 second")
      }))
      expect(error.message).toBe(
        `the guest "guest" failed at 4000000 ns: the process "job" failed: the process "job" was interrupted by "guest": noise`,
      )
    }))

  it.live("ends what is interruptible, whatever that waits for, and the innermost of that", () =>
    Effect.gen(function* () {
      const inner = Process.interruptible(Effect.ensuring(Effect.sleep("1 second"), noted("cleaned up")))
      const notes = yield* notesOf(Effect.gen(function* () {
        const job = yield* Process.spawn(
          "job",
          Process.interruptible(Effect.andThen(
            Effect.catchTag(inner, "Interrupted", () => noted("inner")),
            Effect.sleep("1 second"),
          )).pipe(Effect.catchTag("Interrupted", () => noted("outer"))),
        )
        yield* Process.hold("4 millis")
        yield* job.interrupt()
        yield* job.interrupt()
      }))
      expect(notes).toEqual(["cleaned up 4", "inner 4", "outer 4", "Ended 4"])
    }))

  it.live("at the instant at which a hold is over comes after it", () =>
    Effect.gen(function* () {
      const notes = yield* notesOf(Effect.gen(function* () {
        const job = yield* Process.spawn(
          "job",
          Effect.gen(function* () {
            yield* Process.hold("4 millis")
            yield* noted("held")
            yield* Effect.catchTag(Process.hold("1 second"), "Interrupted", told)
          }),
        )
        yield* Effect.sleep("4 millis")
        yield* job.interrupt("late")
      }))
      expect(notes).toEqual(["held 4", "late by guest, 1000000000 left 4", "Ended 4"])
    }))

  it.live("is for what a process waits for next, if it can run just then", () =>
    Effect.gen(function* () {
      const notes = yield* notesOf(Effect.gen(function* () {
        const holding = Effect.catchTag(Process.hold("1 second"), "Interrupted", told)
        const fresh = yield* Process.spawn("fresh", Effect.andThen(noted("began"), holding))
        yield* fresh.interrupt("one")
        const awake = yield* Process.spawn("awake", Effect.andThen(Effect.sleep("2 millis"), holding))
        yield* Process.spawn("other", Effect.andThen(Process.hold("2 millis"), awake.interrupt("two")))
      }))
      expect(notes).toEqual([
        "began 0",
        "one by guest, 1000000000 left 0",
        "two by other, 1000000000 left 2",
        "Ended 2",
      ])
    }))

  it.live("reaches all that a process waits for at once", () =>
    Effect.gen(function* () {
      const notes = yield* notesOf(Effect.gen(function* () {
        const job = yield* Process.spawn(
          "job",
          Effect.forEach(
            [10, 20],
            (ms) => Effect.catchTag(Process.hold(ms), "Interrupted", told),
            { concurrency: "unbounded" },
          ),
        )
        yield* Process.hold("4 millis")
        yield* job.interrupt("noise")
      }))
      expect(notes).toEqual([
        "noise by guest, 6000000 left 4",
        "noise by guest, 16000000 left 4",
        "Ended 4",
      ])
    }))

  it.live("reaches a guest's own program as well", () =>
    Effect.gen(function* () {
      const error = yield* failureOf(Effect.gen(function* () {
        const self = yield* Process.self
        yield* Process.spawn("rebel", Effect.andThen(Process.hold("1 millis"), self.interrupt("enough")))
        yield* Effect.sleep("1 second")
      }))
      expect(error.message).toBe(
        `the guest "guest" failed at 1000000 ns: the process "guest" was interrupted by "rebel": enough`,
      )
    }))
})

describe("a guest's own program", () => {
  it.live("is a process that others can join, and that has ended when it has", () =>
    Effect.gen(function* () {
      const notes = yield* notesOf(Effect.gen(function* () {
        const main = yield* Process.self
        yield* Process.spawn(
          "other",
          Effect.gen(function* () {
            yield* noted(`${yield* main.join}`)
            yield* noted(`${main.hasEnded()} ${yield* main.interrupt()}`)
            yield* Process.hold("1 millis")
          }),
        )
        yield* Process.hold("2 millis")
        return "well"
      }))
      expect(notes).toEqual(["well 2", "true false 2", "Ended 3"])
    }))
})

const places = {
  "in one process": () => Layer.empty,
  "as processes": (name: string) =>
    Processes.layer({ module: builtUrl("test/support/worlds/processes.ts"), export: name }),
} as const
const wheres = Object.keys(places) as ReadonlyArray<keyof typeof places>

const everything = ({ journal, guests, time, stopped }: World.Result) => ({
  journal: journal.map(Journal.format),
  guests,
  time,
  stopped,
})

describe("worlds with processes and resources", () => {
  it.live.each(["factory", "stopped", "stops"] as const)(
    "are the same in one process and in many: %s",
    (name) =>
      Effect.gen(function* () {
        const run = World.run(worlds[name], { journal: true, seed: 3 })
        const one = everything(yield* run)
        expect(everything(yield* run)).toEqual(one)
        expect(everything(yield* Effect.provide(run, places["as processes"](name)))).toEqual(one)
      }),
    60_000,
  )

  it.live("do in these tests all that they are to be compared for", () =>
    Effect.gen(function* () {
      const { journal, guests } = yield* World.run(worlds.factory, { journal: true, seed: 3 })
      const texts = new Set(journal.map((entry) => entry._tag === "Noted" ? entry.text : entry._tag))
      expect([...texts].sort()).toEqual(
        ["Arrived", "Ended", "Lost", "Sent", "made", "preempted", "reneged"].filter((each) => texts.has(each)),
      )
      expect(texts).toContain("made")
      expect(texts).toContain("preempted")
      expect(texts).toContain("reneged")
      const names = guests.flatMap(({ statistics }) => statistics.map(({ name }) => name))
      expect(names).toContain("machine utilisation")
      expect(names).toContain("jobs get wait")
    }))

  it.live.each(wheres)("name the process that fails, %s", (place) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Effect.provide(World.run(worlds.fails), places[place]("fails")))
      expect(error.message).toBe(`the guest "ann" failed at 3000000 ns: the process "job" failed: no luck`)
    }), 30_000)

  it.live.each(wheres)("name in a deadlock who waits for what, %s", (place) =>
    Effect.gen(function* () {
      const run = World.run(worlds.stuck, { deadlockAfter: "50 millis" })
      const error = yield* Effect.flip(Effect.provide(run, places[place]("stuck")))
      if (!(error instanceof CalendarServer.CalendarDeadlock)) return expect.fail(`it failed with ${error}`)
      const plain = error.guests.map(({ fibers }) =>
        fibers.map((fiber) => fiber.replace(/#\d+/, "#n").replace(/ at .*?,/, ","))
      )
      expect(plain).toEqual([[
        "#n, waits for its processes to end",
        "#n in car 7, waits for get on tank",
        "#n in pump, waits for get on tank",
      ]])
    }), 30_000)
})

describe("the statistics of a world that ends", () => {
  const level = Effect.gen(function* () {
    const till = yield* Resource.make("till")
    yield* till.use(Effect.ensuring(Effect.sleep("1 hour"), noted("too late")))
  })
  const busy = Guest.make("busy", level, { daemon: true })

  it.live.each(
    [
      ["alone, at until", [Guest.make("busy", level)], { until: "1 second" }],
      ["with others, at until", [busy, Guest.make("idle", Effect.never)], { until: "1 second" }],
      ["when others have ended", [busy, Guest.make("other", Effect.sleep("1 second"))], {}],
      ["when another stops it", [
        busy,
        Guest.make("other", Effect.andThen(Effect.sleep("1 second"), Guest.stop("enough"))),
      ], {}],
    ] as const,
  )("are those of its last instant, without what finalizers do: %s", ([, guests, options]) =>
    Effect.gen(function* () {
      const result = yield* World.run(World.make({ guests }), { ...options, journal: true })
      const [{ statistics, journal }] = result.guests as [World.Outcome]
      expect(statistics.find(({ name }) => name === "till utilisation")).toMatchObject({
        value: 1,
        mean: 1,
        time: 1000n * MILLI,
      })
      expect(journal).toEqual([])
    }))
})

describe("a world that a guest stops", () => {
  it.live.each(wheres)(
    "ends at that instant, and nothing is seen of what comes after, %s",
    (place) =>
      Effect.gen(function* () {
        const result = yield* Effect.provide(World.run(worlds.stops, { journal: true }), places[place]("stops"))
        expect(result.stopped).toEqual({ guest: "heart", reason: "five" })
        expect(result.time).toBe(5000n * MILLI)
        const texts = result.journal.map((entry) => entry._tag === "Noted" ? entry.text : entry._tag)
        expect(texts.filter((text) => text === "beat")).toHaveLength(4)
        expect(texts.at(-1)).toBe("Stopped")
        expect(texts).not.toContain("never")
        expect(texts).not.toContain("too late")
        expect(result.guests.map(({ time }) => time)).toEqual([5000n * MILLI, 5000n * MILLI, 5000n * MILLI])
      }),
    30_000,
  )

  it.live("ends as well when that guest is alone, though its finalizers wait", () =>
    Effect.gen(function* () {
      const guest = Guest.make(
        "guest",
        Effect.ensuring(Effect.andThen(Effect.sleep("3 seconds"), Guest.stop("enough")), Effect.sleep("1 hour")),
      )
      const result = yield* World.run(World.make({ guests: [guest] }))
      expect(result.stopped).toEqual({ guest: "guest", reason: "enough" })
      expect(result.time).toBe(3000n * MILLI)
    }))

  it.live("stops at a note, by stopWhen, with no journal kept", () =>
    Effect.gen(function* () {
      const counting = Effect.forEach(
        [1, 2, 3, 4],
        (n) => Effect.andThen(Effect.sleep("1 second"), Guest.note("count", n)),
      )
      const stopWhen = ({ text, data }: World.Note) => text === "count" && data === 3
      const world = World.make({
        guests: [Guest.make("a", counting), Guest.make("b", Effect.sleep("1 hour"))],
        stopWhen,
      })
      const result = yield* World.run(world)
      expect(result.stopped).toEqual({ guest: "a", reason: "count" })
      expect(result.time).toBe(3000n * MILLI)
      expect(result.journal).toEqual([])
    }))

  it.live("is refused without a reason, and stopWhen what isn't or doesn't say true or false", () =>
    Effect.gen(function* () {
      const refused = yield* failureOf(Guest.stop(""))
      expect(refused.message).toContain("the reason of a stop")
      const make = (stopWhen: unknown) =>
        World.make({ guests: [Guest.make("a", Guest.note("x"))], stopWhen: stopWhen as () => boolean })
      const [no, odd] = yield* Effect.forEach([make(1), make(() => 1)], (world) => Effect.flip(World.run(world)))
      expect(no).toBeInstanceOf(OptionError)
      expect(no?.message).toContain("stopWhen")
      expect(odd?.message).toContain("what stopWhen returns")
    }))
})

describe("what a process holds", () => {
  it.live("is given back however it ends", () =>
    Effect.gen(function* () {
      const ends: ReadonlyArray<Effect.Effect<unknown, unknown, Guest.Services>> = [
        Effect.void,
        Effect.fail("no luck"),
        Effect.die("odd"),
        Effect.interrupt,
        Effect.sleep("1 hour"),
      ]
      const notes = yield* notesOf(
        Effect.gen(function* () {
          for (const [index, end] of ends.entries()) {
            const lock = yield* Resource.make(`lock ${index}`)
            const box = yield* Store.make<number>(`box ${index}`)
            const holder = yield* Process.spawn("holder", Effect.andThen(lock.request(), end))
            yield* Process.spawn("waiter", Effect.andThen(lock.request(), box.put(1)))
            yield* Process.spawn("joiner", Effect.exit(holder.join))
            yield* Process.hold("1 millis")
            if (!holder.hasEnded()) yield* holder.interrupt()
            yield* Process.hold("1 millis")
            expect(holder.hasEnded()).toBe(true)
            expect(box.size()).toBe(1)
            expect(lock.inUse()).toBe(0)
          }
          yield* noted("all")
        }).pipe(Effect.catchCause((cause) => Effect.failCause(cause))),
      )
      expect(notes[0]).toMatch(/^all/)
    }))
})
