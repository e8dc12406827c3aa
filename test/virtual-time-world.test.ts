import { describe, expect, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Schedule from "effect/Schedule"
import * as ChildProcess from "node:child_process"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { setTimeout as realSleep } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import * as CalendarServer from "../src/calendar/CalendarServer.ts"
import * as Mode from "../src/Mode.ts"
import * as VirtualTime from "../src/VirtualTime.ts"
import { journal, now } from "./support/moments.ts"

/** The path of a calendar's socket that is there as long as the scope. */
const socket = Effect.map(
  Effect.acquireRelease(
    Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "virtual-time-"))),
    (directory) => Effect.sync(() => Fs.rmSync(directory, { recursive: true })),
  ),
  (directory) => Path.join(directory, "calendar"),
)

/** Fibers that sleep, race and are timed out, and what that has to give in any mode. */
const program = Effect.gen(function* () {
  const order: Array<string> = []
  const one = (name: string, ms: number) => Effect.andThen(Effect.sleep(ms), Effect.sync(() => order.push(name)))
  yield* Effect.all([one("c", 60), one("a", 20), one("b", 40)], { concurrency: "unbounded" })
  yield* Effect.timeoutOption(one("never", 10_000), "20 millis")
  yield* Effect.repeat(
    Effect.sync(() => order.push("tick")),
    Schedule.spaced("10 millis").pipe(Schedule.upTo({ times: 2 })),
  )
  return order
})
const outcome = ["a", "b", "c", "tick", "tick", "tick"]

describe("a program", () => {
  it.live("happens the same in inf-cpu mode, and to the ns", () =>
    Effect.gen(function* () {
      const timed = Effect.all([program, Clock.monotonicTimeNanos])
      expect(yield* VirtualTime.run(timed)).toEqual([outcome, 100_000_000n])
    }).pipe(Effect.provide(Mode.infCpu())))

  it.live("happens the same in basic mode, not before its time", () =>
    Effect.gen(function* () {
      const [order, at] = yield* VirtualTime.run(Effect.all([program, Clock.monotonicTimeNanos]))
      expect(order).toEqual(outcome)
      expect(at).toBeGreaterThanOrEqual(100_000_000n)
    }).pipe(Effect.provide(Mode.basic())))

  it.live("in basic mode skips what is idle", () =>
    Effect.gen(function* () {
      yield* VirtualTime.run(Effect.sleep("100 days"))
    }).pipe(Effect.provide(Mode.basic())))

  it.live("happens the same with time travel off, in real time", () =>
    Effect.gen(function* () {
      const from = performance.now()
      expect(yield* VirtualTime.run(program)).toEqual(outcome)
      expect(performance.now() - from).toBeGreaterThanOrEqual(99)
    }).pipe(Effect.provide(Mode.off())))

  it.live("happens the same in external mode, and to the ns", () =>
    Effect.gen(function* () {
      const path = yield* socket
      yield* CalendarServer.make({ path })
      const timed = Effect.all([program, Clock.monotonicTimeNanos])
      const ran = VirtualTime.run(timed).pipe(Effect.provide(Mode.external({ socket: path })))
      expect(yield* ran).toEqual([outcome, 100_000_000n])
    }).pipe(Effect.scoped))

  it.live("beside another on one calendar runs in lockstep with it", () =>
    Effect.gen(function* () {
      const path = yield* socket
      // Both are let in before time moves.
      yield* CalendarServer.make({ path, clients: 2 })
      const { entries, note } = journal()
      const guest = (name: string, id: bigint, every: number, times: number) =>
        VirtualTime.run(Effect.gen(function* () {
          const from = yield* now
          expect(from).toBe(0)
          for (let i = 0; i < times; i++) {
            yield* Effect.sleep(every)
            yield* note(name)
          }
        })).pipe(Effect.provide(Mode.external({ socket: path, id })))
      yield* Effect.all([guest("three", 3n, 3, 6), guest("five", 5n, 5, 4)], { concurrency: 2 })
      expect(entries.filter(([at]) => at !== 15)).toEqual([
        [3, "three"],
        [5, "five"],
        [6, "three"],
        [9, "three"],
        [10, "five"],
        [12, "three"],
        [18, "three"],
        [20, "five"],
      ])
      expect(entries.filter(([at]) => at === 15).map(([, name]) => name).sort()).toEqual(["five", "three"])
      expect(entries.map(([at]) => at)).toEqual([3, 5, 6, 9, 10, 12, 15, 15, 18, 20])
    }).pipe(Effect.scoped))

  it.live("in external mode is woken by the real world while the calendar has it wait", () =>
    Effect.gen(function* () {
      const path = yield* socket
      yield* CalendarServer.make({ path })
      const woken = VirtualTime.run(Effect.gen(function* () {
        yield* Effect.promise(() => realSleep(20))
        return yield* now
      })).pipe(Effect.provide(Mode.external({ socket: path })))
      expect(yield* woken).toBe(0)
    }).pipe(Effect.scoped))
})

describe("in external mode", () => {
  it.live.each<readonly [string, Effect.Effect<void>]>([
    ["at once", Effect.void],
    ["after a yield", Effect.yieldNow],
    ["after real I/O", Effect.promise(() => realSleep(10))],
  ])("a fiber may go to sleep %s, while the calendar has the guest wait", ([, first]) =>
    Effect.gen(function* () {
      const path = yield* socket
      yield* CalendarServer.make({ path })
      const ran = yield* VirtualTime.run(Effect.andThen(Effect.andThen(first, Effect.sleep(20)), now)).pipe(
        Effect.provide(Mode.external({ socket: path })),
        Effect.forkScoped,
      )
      const hung = Effect.as(Effect.promise(() => realSleep(1500)), "hangs")
      expect(yield* Effect.raceFirst(Fiber.join(ran), hung)).toBe(20)
    }).pipe(Effect.scoped))
})

describe("a guest with a calendar", () => {
  // Within 50 ms it has run on by itself to 10 ms, alone as it is, and waits.
  it.live.each([0, 50])(
    "that two answers from the world reach, %i ms apart, while it waits wakes for both",
    (apart) =>
      Effect.gen(function* () {
        const path = yield* socket
        yield* CalendarServer.make({ path })
        const { note, entries } = journal()
        // Promises have their fibers go on by themselves, outside of any turn of the runner's.
        const answered = Promise.withResolvers<void>()
        const later = Promise.withResolvers<void>()
        const guest = Effect.all([
          Effect.andThen(Effect.promise(() => answered.promise), Effect.andThen(Effect.sleep(10), note("ten"))),
          Effect.andThen(Effect.promise(() => answered.promise), Effect.andThen(Effect.sleep(5), note("five"))),
          Effect.andThen(Effect.promise(() => later.promise), Effect.andThen(Effect.sleep(3), note("three"))),
        ], { concurrency: "unbounded" })
        const ran = yield* VirtualTime.run(guest).pipe(
          Effect.provide(Mode.external({ socket: path })),
          Effect.forkScoped,
        )
        yield* Effect.promise(() => realSleep(20))
        answered.resolve()
        yield* Effect.promise(() => realSleep(apart))
        later.resolve()
        yield* Fiber.join(ran)
        expect(entries.map(([, name]) => name).filter((name) => name !== "three")).toEqual(["five", "ten"])
        expect(entries).toContainEqual([5, "five"])
        expect(entries).toContainEqual([10, "ten"])
      }).pipe(Effect.scoped),
  )

  it.live("has a fiber that the world made go on sleep from the time that it is then", () =>
    Effect.gen(function* () {
      const path = yield* socket
      yield* CalendarServer.make({ path, clients: 2 })
      const { note, entries } = journal()
      const answered = Promise.withResolvers<void>()
      const guest = (program: Effect.Effect<unknown>) =>
        VirtualTime.run(program).pipe(Effect.provide(Mode.external({ socket: path })))
      // The other one is told at 70 ms, and answers in real time while the first one waits.
      const other = Effect.andThen(
        Effect.sleep(70),
        Effect.andThen(
          Effect.sync(() => answered.resolve()),
          VirtualTime.hold(Effect.promise(() => realSleep(30))),
        ),
      )
      const asks = Effect.andThen(
        Effect.promise(() => answered.promise),
        Effect.andThen(Effect.sleep(5), note("woken")),
      )
      const waits = Effect.andThen(Effect.sleep(100), note("hundred"))
      yield* Effect.all([
        guest(Effect.all([asks, waits], { concurrency: 2 })),
        VirtualTime.run(other).pipe(Effect.provide(Mode.external({ socket: path }))),
      ], { concurrency: 2 })
      expect(entries).toEqual([[75, "woken"], [100, "hundred"]])
    }).pipe(Effect.scoped))
})

describe("options that can't be", () => {
  it.live.each<readonly [VirtualTime.Options, string, unknown]>([
    [{ pace: 0 }, "pace", 0],
    [{ pace: -1 }, "pace", -1],
    [{ pace: NaN }, "pace", NaN],
    [{ pace: Infinity }, "pace", Infinity],
    [{ seed: -1 }, "seed", -1],
    [{ seed: 2 ** 32 }, "seed", 2 ** 32],
    [{ seed: 0.5 }, "seed", 0.5],
    [{ livelockAfter: 0 }, "livelockAfter", 0],
    [{ livelockAfter: NaN }, "livelockAfter", NaN],
    [{ deadlockAfter: -5 }, "deadlockAfter", -5],
    [{ limits: { events: 1.5 } }, "limits.events", 1.5],
    [{ limits: { realTime: -1 } }, "limits.realTime", -1],
    [{ limits: { simulatedTime: "three days" as "3 days" } }, "limits.simulatedTime", "three days"],
  ])("%o: said, and nothing runs", ([options, option, given]) =>
    Effect.gen(function* () {
      let ran = false
      const program = Effect.sync(() => {
        ran = true
      })
      const error = yield* Effect.flip(VirtualTime.run(program, options))
      expect(error).toMatchObject({ _tag: "OptionError", option, given })
      expect(error.message).toContain(String(given))
      expect(ran).toBe(false)
    }).pipe(Effect.provide(Mode.infCpu())))

  it.live("as a pace while it runs change nothing", () =>
    VirtualTime.run(Effect.gen(function* () {
      const time = yield* VirtualTime.VirtualTime
      expect(yield* Effect.flip(time.setPace(-2))).toMatchObject({ _tag: "OptionError", option: "pace", given: -2 })
      yield* Effect.sleep("1 day")
    })).pipe(Effect.provide(Mode.infCpu())))

  it.live("none are needed for limits without end", () =>
    VirtualTime.run(Effect.sleep("1 day"), {
      limits: { simulatedTime: "Infinity", realTime: Infinity, events: Infinity },
      livelockAfter: Infinity,
      deadlockAfter: Infinity,
    }).pipe(Effect.provide(Mode.infCpu())))
})

describe("pace", () => {
  it.live("goes on from where a hold left time: nothing is caught up with", () =>
    Effect.gen(function* () {
      const from = performance.now()
      yield* VirtualTime.run(
        Effect.andThen(VirtualTime.hold(Effect.promise(() => realSleep(100))), Effect.sleep("50 millis")),
        { pace: 1 },
      )
      expect(performance.now() - from).toBeGreaterThanOrEqual(149)
    }).pipe(Effect.provide(Mode.infCpu())))
})

describe("the layer", () => {
  const world = (options: VirtualTime.Options = {}) =>
    Layer.provideMerge(VirtualTime.layer(options), Mode.infCpu({ start: 0n }))

  /** What was logged. */
  const logged: Array<string> = []
  const logger = Logger.layer([Logger.make(({ message }) => void logged.push(String(message)))])

  it.live("puts a program on simulated time", () =>
    Effect.gen(function* () {
      yield* Effect.sleep("30 days")
      expect(yield* Clock.currentTimeMillis).toBe(30 * 86_400_000)
    }).pipe(Effect.provide(world())))

  it.live("logs why a program can't go on, and interrupts it", () =>
    Effect.gen(function* () {
      logged.length = 0
      const exit = yield* Effect.sleep("1 second").pipe(
        Effect.andThen(Effect.never),
        Effect.withSpan("stuck here"),
        Effect.provide(Layer.provideMerge(world({ deadlockAfter: 1 }), logger)),
        Effect.forkDetach,
        Effect.flatMap(Fiber.await),
      )
      expect(JSON.stringify(exit)).toContain("Interrupt")
      expect(logged.join()).toContain("Deadlock")
      expect(logged.join()).toContain("stuck here")
    }))

  it.live("interrupts the program if it is built beside other layers, too", () =>
    Effect.gen(function* () {
      const layers = Layer.merge(world({ deadlockAfter: 1 }), Layer.empty)
      const fiber = yield* Effect.forkDetach(Effect.provide(Effect.never, layers))
      const hung = Effect.as(Effect.promise(() => realSleep(1500)), "hangs")
      expect(yield* Effect.raceFirst(Effect.as(Fiber.await(fiber), "ended"), hung)).toBe("ended")
    }))

  it.live("interrupts a livelock and one past a limit as well", () =>
    Effect.gen(function* () {
      for (
        const [effect, options, why] of [
          [Effect.forever(Effect.yieldNow), { livelockAfter: 3000 }, "Livelock"],
          [Effect.forever(Effect.sleep(1)), { limits: { events: 10 } }, "LimitReached"],
        ] as const
      ) {
        logged.length = 0
        const fiber = yield* Effect.forkDetach(Effect.provide(effect, Layer.provideMerge(world(options), logger)))
        yield* Fiber.await(fiber)
        expect(logged.join()).toContain(why)
      }
    }))

  it.live("of a ManagedRuntime interrupts what runs in it", () =>
    Effect.gen(function* () {
      logged.length = 0
      const runtime = ManagedRuntime.make(Layer.provideMerge(world({ deadlockAfter: 1 }), logger))
      yield* Effect.addFinalizer(() => Effect.promise(() => runtime.dispose()))
      const ended = Effect.promise(() => runtime.runPromise(Effect.never).then(() => "ended", () => "ended"))
      const hung = Effect.as(Effect.promise(() => realSleep(1500)), "hangs")
      expect(yield* Effect.raceFirst(ended, hung)).toBe("ended")
    }).pipe(Effect.scoped))
})

describe("a simulated year", () => {
  it.live("of minute jobs has 525,600 of them", () =>
    Effect.gen(function* () {
      let jobs = 0
      const job = Effect.sync(() => {
        jobs++
      })
      const year = Effect.andThen(
        Effect.timeoutOption(Effect.repeat(job, Schedule.spaced("1 minute")), Duration.days(365)),
        Clock.currentTimeMillis,
      )
      // The first is at once, that at the very end is not any more.
      expect(yield* VirtualTime.run(year)).toBe(365 * 86_400_000)
      expect(jobs).toBe(365 * 24 * 60)
    }).pipe(Effect.provide(Mode.infCpu({ start: 0n }))), 60_000)
})

/** What came of a program in a process of its own. */
interface Ended {
  readonly code: number | null
  readonly signal: string | null
  readonly output: string
  /** It had to be killed. */
  readonly killed: boolean
}

/** Runs `main` under runMain in a process of its own, which gets `signal` when it has said "ready". */
const inProcess = (main: string, signal?: "SIGINT"): Promise<Ended> =>
  new Promise((resolve) => {
    const from = (path: string) => JSON.stringify(new URL(path, import.meta.url).href)
    const root = fileURLToPath(new URL("..", import.meta.url))
    const file = Path.join(root, `.virtual-time-${process.pid}-${Math.random().toString(36).slice(2)}.ts`)
    Fs.writeFileSync(
      file,
      `import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
       import { Clock, Console, Effect } from "effect"
       import * as Mode from ${from("../src/Mode.ts")}
       import * as VirtualTime from ${from("../src/VirtualTime.ts")}
       const ready = Effect.sync(() => console.log("ready"))
       const main = ${main}
       NodeRuntime.runMain(main)`,
    )
    // The runtime that runs this test.
    const isDeno = "Deno" in globalThis
    const child = ChildProcess.spawn(process.execPath, [...isDeno ? ["run", "-A", "--quiet"] : [], file], {
      cwd: root,
      stdio: ["ignore", "pipe", "pipe"],
    })
    let output = ""
    let killed = false
    const kill = setTimeout(() => {
      killed = true
      child.kill("SIGKILL")
    }, 12_000)
    // Not even if this process is ended meanwhile does that one go on.
    const onExit = () => child.kill("SIGKILL")
    process.once("exit", onExit)
    const onData = (chunk: Uint8Array) => {
      const before = output.includes("ready")
      output += new TextDecoder().decode(chunk)
      if (signal !== undefined && !before && output.includes("ready")) setTimeout(() => child.kill(signal), 300)
    }
    child.stdout.on("data", onData)
    child.stderr.on("data", onData)
    child.on("close", (code, signal) => {
      clearTimeout(kill)
      process.off("exit", onExit)
      Fs.rmSync(file, { force: true })
      resolve({ code, signal, output, killed })
    })
  })

const simulated = (effect: string, options = "{}") =>
  `VirtualTime.run(Effect.ensuring(Effect.andThen(ready, ${effect}), Effect.sync(() => console.log("finalized"))), ${options})
     .pipe(Effect.provide(Mode.infCpu({ start: 0n })))`

describe("Ctrl-C", { concurrent: true }, () => {
  const endless: ReadonlyArray<readonly [string, string]> = [
    ["simulated sleeps", `Effect.forever(Effect.sleep(1))`],
    [
      "10,000 fibers' sleeps",
      `Effect.all(Array.from({ length: 10000 }, (_, i) => Effect.forever(Effect.sleep(1 + i))),
       { concurrency: "unbounded" })`,
    ],
    ["reads of the time", `Effect.forever(Clock.currentTimeMillis)`],
    ["yields", `Effect.forever(Effect.yieldNow)`],
    ["promises", `Effect.forever(Effect.promise(() => Promise.resolve()))`],
  ]
  for (const [what, effect] of endless) {
    it.live(`ends a program that is nothing but ${what}, finalizers run`, () =>
      Effect.gen(function* () {
        const main = simulated(effect, "{ livelockAfter: Infinity }")
        const { output, killed } = yield* Effect.promise(() => inProcess(main, "SIGINT"))
        expect({ output, killed }).toEqual({ output: "ready\nfinalized\n", killed: false })
      }), 30_000)
  }
})

describe("a process", { concurrent: true }, () => {
  for (
    const [what, main] of [
      ["whose program has ended", simulated(`Effect.sleep("1 day")`)],
      [
        "whose program left detached fibers asleep",
        simulated(`Effect.andThen(
        Effect.forkDetach(Effect.sleep("1 day"), { startImmediately: true }), Effect.sleep("1 hour"))`),
      ],
      [
        "whose paced program left detached fibers asleep",
        simulated(
          `Effect.gen(function* () {
        yield* Effect.forkDetach(Effect.sleep("1 day"), { startImmediately: true })
        yield* Effect.sleep(10)
      })`,
          "{ pace: 1 }",
        ),
      ],
      [
        "whose basic mode program has ended",
        simulated(`Effect.sleep("1 day")`).replace("infCpu({ start: 0n })", "basic()"),
      ],
    ] as const
  ) {
    it.live(`${what} ends by itself`, () =>
      Effect.gen(function* () {
        const { output, killed, code } = yield* Effect.promise(() => inProcess(main))
        expect({ output, killed, code }).toEqual({ output: "ready\nfinalized\n", killed: false, code: 0 })
      }), 30_000)
  }
})
