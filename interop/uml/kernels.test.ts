/**
 * Real kernels on our calendar: they see the very times that they see under the
 * C controller which PROTOCOL's facts were measured with.
 */
import { describe, expect } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import { ChildProcess } from "effect/process"
import * as Path from "node:path"
import process from "node:process"
import * as Runtimes from "../../scripts/runtimes.ts"
import * as CalendarServer from "../../src/calendar/CalendarServer.ts"
import { GuestClock, Mode, VirtualTime } from "../../src/index.ts"
import { BROADCAST, START } from "../../test/support/protocol.ts"
import { RawClient } from "../../test/support/rawClient.ts"
import * as Kernel from "./Kernel.ts"
import { folder, live, measured, SLEEPS } from "./support.ts"

/** A calendar with a socket, and who is granted when. */
const calendar = (options: CalendarServer.ServeOptions) =>
  Effect.gen(function* () {
    const socket = `${yield* folder}/calendar`
    const grants: Array<CalendarServer.Grant> = []
    const server = yield* CalendarServer.make({ path: socket, onGrant: (grant) => grants.push(grant), ...options })
    return { server, socket, grants }
  })

/** Waits in real time until it holds. */
const eventually = (holds: Effect.Effect<boolean>) =>
  holds.pipe(Effect.repeat({ until: (it) => it, schedule: Schedule.spaced("2 millis") }), Effect.asVoid)

/** Its process has slept, the kernel has powered off by itself, and said nothing bad. */
const powersOff = (kernel: Kernel.Kernel) =>
  Effect.gen(function* () {
    const printed = yield* kernel.ended
    expect(printed.split("\n").filter((line) => /panic|BUG|WARNING/.test(line))).toEqual([])
    const slept = Kernel.slept(printed)
    if (slept === undefined) throw new Error(`it didn't sleep:\n${printed}`)
    return slept
  })

describe.each(Kernel.built())("a kernel of Linux %s", (version) => {
  const { simulated, waits } = measured[version]
  const boot = (socket: string, id: number, run: Kernel.Options["run"] = SLEEPS) =>
    Kernel.boot(version, { socket, id, run })

  live(
    "boots on the calendar and powers off, and the calendar sees a clean end",
    Effect.gen(function* () {
      const { server, socket } = yield* calendar({ clients: 1 })
      const reports: Array<string> = []
      yield* Effect.forkScoped(Stream.runForEach(server.reports, ({ _tag }) => Effect.sync(() => reports.push(_tag))))
      const slept = yield* powersOff(yield* boot(socket, 7))
      expect(slept.simulated).toBe(simulated)
      expect(yield* server.ended).toBe("left")
      const { clients, left } = yield* server.status
      expect(clients).toEqual([])
      expect(left).toMatchObject([{ id: 7n }])
      expect(reports).toEqual(["Joined", "Left"])
    }),
  )

  for (const kernels of [2, 3]) {
    live(
      `in lockstep with ${kernels - 1} more sees exactly the times of the C controller, in every run`,
      Effect.gen(function* () {
        const traces: Array<ReadonlyArray<string>> = []
        for (let run = 0; run < 3; run++) {
          const { server, socket, grants } = yield* calendar({ clients: kernels })
          const all = yield* Effect.forEach(Array.from({ length: kernels }, (_, id) => id), (id) => boot(socket, id))
          for (const each of all) expect((yield* powersOff(each)).simulated).toBe(simulated)
          yield* server.ended
          expect((yield* server.status).left.map((client) => client.waits)).toEqual(Array(kernels).fill(waits))
          traces.push(grants.map(({ id, time }) => `${id}@${time}`))
        }
        expect(traces[1]).toEqual(traces[0])
        expect(traces[2]).toEqual(traces[0])
      }).pipe(Effect.scoped),
    )
  }

  live(
    "has a wall clock that starts where --start says",
    Effect.gen(function* () {
      const words = yield* Runtimes.locate("Deno")
      const start = 1_893_456_000_123_456_789n // 2030-01-01T00:00:00.123456789Z
      const wall = (args: ReadonlyArray<string>) =>
        Effect.gen(function* () {
          const socket = `${yield* folder}/calendar`
          const [command, ...rest] = [
            ...words,
            Path.resolve("src/cli/main.ts"),
            "calendar",
            "--socket",
            socket,
            ...args,
          ]
          const cli = yield* ChildProcess.make(command!, rest, { stdin: "ignore", stderr: "inherit" })
          const fs = yield* FileSystem.FileSystem
          yield* eventually(Effect.orElseSucceed(fs.exists(socket), () => false))
          const slept = yield* powersOff(yield* boot(socket, 1, { times: 10, us: 1000 }))
          expect(yield* cli.exitCode).toBe(0)
          return slept.wall
        }).pipe(Effect.scoped)
      const since1970 = yield* wall(["--start", "0"])
      expect(since1970).toBeLessThan(1_000_000_000n)
      expect(yield* wall(["--start", "2030-01-01T00:00:00.123456789Z"])).toBe(start + since1970)
    }),
  )

  live(
    "and a program in external mode share one calendar, interleaved, each with its exact times",
    Effect.gen(function* () {
      const { server, socket, grants } = yield* calendar({ clients: 2 })
      const woke: Array<bigint> = []
      const program = Effect.gen(function* () {
        const clock = yield* GuestClock.GuestClock
        for (let nth = 0; nth < 7000; nth++) {
          yield* Effect.sleep("700 micros")
          woke.push(yield* clock.now)
        }
      })
      const [slept] = yield* Effect.all([
        Effect.flatMap(boot(socket, 1), powersOff),
        VirtualTime.run(program).pipe(Effect.provide(Mode.external({ socket, id: 2n }))),
      ], { concurrency: 2 })
      yield* server.ended
      expect(slept.simulated).toBe(simulated)
      expect(woke).toEqual(Array.from({ length: 7000 }, (_, nth) => 700_000n * BigInt(nth + 1)))
      const changes = grants.filter(({ id }, at) => at > 0 && id !== grants[at - 1]!.id).length
      expect(changes).toBeGreaterThan(5000)
      expect(grants.every(({ time }, at) => at === 0 || time >= grants[at - 1]!.time)).toBe(true)
    }),
  )

  live(
    "shares a calendar with a guest in TypeScript of its own revision: in lockstep, to the nanosecond, in every run",
    Effect.gen(function* () {
      const traces: Array<ReadonlyArray<string>> = []
      for (let run = 0; run < 2; run++) {
        const { server, socket, grants } = yield* calendar({ clients: 3 })
        const woke: Array<bigint> = []
        // It sleeps as the kernels' processes do.
        const guest = Effect.gen(function* () {
          const clock = yield* GuestClock.GuestClock
          const start = (yield* clock.wallClock) - (yield* clock.now)
          const wakeUp = GuestClock.event("wake up", ({ now }) => void woke.push(now))
          for (let nth = 1n; nth <= 5000n; nth++) {
            yield* clock.addEvent(wakeUp, nth * 1_000_000n)
            while (woke.length < Number(nth)) yield* clock.sleep
          }
          expect(yield* clock.wallClock).toBe(start + 5_000_000_000n)
          return clock.revision
        })
        const [one, other, revision] = yield* Effect.all([
          Effect.flatMap(boot(socket, 0), powersOff),
          Effect.flatMap(boot(socket, 1), powersOff),
          Effect.provide(guest, Mode.external({ socket, id: 2n, revision: version })),
        ], { concurrency: 3 })
        yield* server.ended
        expect(revision).toBe(version)
        expect([one.simulated, other.simulated]).toEqual([simulated, simulated])
        expect(woke).toEqual(Array.from({ length: 5000 }, (_, nth) => 1_000_000n * BigInt(nth + 1)))
        const { left } = yield* server.status
        expect(left.filter(({ id }) => id !== 2n).map((client) => client.waits)).toEqual([waits, waits])
        traces.push(grants.map(({ id, time }) => `${id}@${time}`))
      }
      expect(traces[1]).toEqual(traces[0])
    }).pipe(Effect.scoped),
  )

  live(
    "is killed in its turn, and the others go on",
    Effect.gen(function* () {
      const { server, socket } = yield* calendar({ clients: 3 })
      const [one, two, three] = yield* Effect.forEach([1, 2, 3], (id) => boot(socket, id))
      yield* eventually(Effect.map(server.stats, ({ time }) => time > 1_000_000_000n))
      yield* server.pause
      yield* eventually(Effect.map(server.status, ({ clients }) => clients.every(({ state }) => state === "waiting")))
      // Stopped, it keeps its turn once it has it.
      process.kill(two!.pid, "SIGSTOP")
      const isItsTurn = Effect.map(
        server.status,
        ({ clients }) => clients.some(({ id, state }) => id === 2n && state === "running"),
      )
      while (!(yield* isItsTurn)) yield* Effect.timeoutOption(server.step, "200 millis")
      const before = (yield* server.stats).grants
      yield* server.resume
      yield* Effect.sleep("50 millis")
      expect((yield* server.stats).grants).toBe(before)
      // With its helpers: on 6.1 they outlive it, and keep its socket open.
      yield* two!.kill
      expect(yield* Effect.flip(two!.ended)).toMatchObject({ by: "SIGKILL", id: 2 })
      for (const each of [one!, three!]) expect((yield* powersOff(each)).simulated).toBe(simulated)
      expect(yield* server.ended).toBe("left")
    }),
  )

  live(
    "stands still when the calendar is paused, and goes turn by turn when it is stepped",
    Effect.gen(function* () {
      const { server, socket, grants } = yield* calendar({ clients: 2 })
      const kernels = yield* Effect.forEach([1, 2], (id) => boot(socket, id))
      yield* eventually(Effect.map(server.stats, ({ time }) => time > 2_000_000_000n))
      yield* server.pause
      yield* eventually(Effect.map(server.status, ({ clients }) => clients.every(({ state }) => state === "waiting")))
      const paused = yield* server.stats
      yield* Effect.sleep("100 millis")
      expect(yield* server.stats).toEqual(paused)
      for (let nth = 1; nth <= 100; nth++) {
        yield* server.step
        expect((yield* server.stats).grants).toBe(paused.grants + nth)
      }
      const stepped = grants.slice(paused.grants)
      expect(stepped.length).toBe(100)
      expect(new Set(stepped.map(({ id }) => id))).toEqual(new Set([1n, 2n]))
      yield* server.resume
      for (const each of kernels) expect((yield* powersOff(each)).simulated).toBe(simulated)
    }),
  )

  live(
    "that joins late sees itself start at 0",
    Effect.gen(function* () {
      // Two that are early: one alone would run on by itself, and not say how far it is.
      const { server, socket } = yield* calendar({ clients: 2 })
      const shared = yield* folder
      const fs = yield* FileSystem.FileSystem
      yield* fs.writeFileString(`${shared}/run.sh`, "cat /proc/uptime\nsleep 1\ncat /proc/uptime\nnow\n")
      const early = yield* Effect.forEach([1, 2], (id) => boot(socket, id))
      yield* eventually(Effect.map(server.stats, ({ time }) => time > 3_000_000_000n))
      const { time: before } = yield* server.stats
      const late = yield* boot(socket, 3, { folder: shared, script: "run.sh" })
      const printed = yield* late.ended
      const [began, slept] = printed.match(/^\d+\.\d\d \d+\.\d\d$/gm) ?? []
      const [wall] = printed.match(/^\d{10,}$/m) ?? []
      if (began === undefined || slept === undefined || wall === undefined) {
        throw new Error(`it didn't say its times:\n${printed}`)
      }
      expect(Number(began.split(" ")[0])).toBeLessThan(0.1)
      expect(Number(slept.split(" ")[0])).toBeCloseTo(Number(began.split(" ")[0]) + 1, 1)
      // The time of day is everybody's.
      expect(BigInt(wall)).toBeGreaterThan(before + 1_000_000_000n)
      for (const each of early) expect((yield* powersOff(each)).simulated).toBe(simulated)
    }),
  )

  live(
    version === "6.1" ? "outlives a BROADCAST, which it doesn't know" : "has a BROADCAST in its log",
    Effect.gen(function* () {
      const { server, socket } = yield* calendar({ clients: 2 })
      const kernel = yield* boot(socket, 1, { times: 100, us: 1000 })
      yield* Effect.promise(async () => {
        const sender = new RawClient(socket)
        await sender.ask(START, 2n)
        await sender.sleep(50_000_000n)
        await sender.ask(BROADCAST, 0x1234_5678_90ab_cdefn)
        sender.hangUp()
      })
      const printed = yield* kernel.ended
      expect(Kernel.slept(printed)).toBeDefined()
      const log = "time-travel: received broadcast 0x1234567890abcdef"
      if (version === "6.12") expect(printed.split("\n")).toContain(log)
      else expect(printed).not.toContain(log)
      expect(yield* server.ended).toBe("left")
    }),
  )
})
