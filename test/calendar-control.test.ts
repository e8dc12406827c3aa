import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as Metric from "effect/Metric"
import * as Stream from "effect/Stream"
import * as CalendarServer from "../src/controller/CalendarServer.ts"
import * as Status from "../src/controller/Status.ts"
import { GuestClock, Mode, VirtualTime } from "../src/index.ts"

const MS = 1_000_000n

/** A guest on a link of the calendar's that wakes up every `ms`, for good. */
const ticking = (server: CalendarServer.CalendarServer, id: bigint, ms: number, woken: Array<string> = []) =>
  VirtualTime.run(Effect.forever(Effect.andThen(Effect.sleep(ms), Effect.sync(() => woken.push(String(id)))))).pipe(
    Effect.provide(Mode.linked(server.link(`guest ${id}`), { id })),
    Effect.forkScoped,
  )

const quietly = Effect.provide(Logger.layer([]))

/** Waits until the calendar has come to this. */
const until = (server: CalendarServer.CalendarServer, holds: (status: Status.Status) => boolean) =>
  Effect.gen(function* () {
    while (!holds(yield* server.status)) yield* Effect.sleep(1)
  })

describe("a calendar", () => {
  it.live("that is paused grants nothing; a step grants one turn; until a time, and on", () =>
    Effect.gen(function* () {
      const granted: Array<bigint> = []
      const server = yield* CalendarServer.serve({ onGrant: ({ time }) => granted.push(time) })
      yield* server.pause
      yield* ticking(server, 1n, 10)
      yield* until(server, ({ clients }) => clients[0]?.state === "waiting")
      yield* Effect.sleep(20)
      expect(granted).toEqual([])
      yield* server.step
      yield* server.step
      expect(granted).toEqual([10n * MS, 20n * MS])
      yield* Effect.all([server.step, server.step], { concurrency: 2 })
      expect(granted).toEqual([10n * MS, 20n * MS, 30n * MS, 40n * MS])
      yield* server.runUntil(75n * MS)
      // Alone it runs on by itself as far as it may: to 70 ms.
      const { time, clients } = yield* server.status
      expect([time, clients[0]?.request]).toEqual([75n * MS, 80n * MS])
      const { grants } = yield* server.stats
      yield* Effect.sleep(20)
      expect((yield* server.stats).grants).toBe(grants)
      yield* server.resume
      yield* until(server, ({ grants: now }) => now > grants)
    }).pipe(Effect.scoped))

  it.live("whose step is interrupted grants nothing for it later", () =>
    Effect.gen(function* () {
      const server = yield* CalendarServer.serve()
      const step = yield* Effect.forkScoped(server.step, { startImmediately: true })
      yield* Fiber.interrupt(step)
      yield* ticking(server, 1n, 10)
      yield* until(server, ({ clients }) => clients[0]?.state === "waiting")
      yield* Effect.sleep(20)
      expect((yield* server.stats).grants).toBe(0)
    }).pipe(Effect.scoped))

  it.live("at a pace grants nothing before its real time", () =>
    Effect.gen(function* () {
      const at: Array<number> = []
      const from = performance.now()
      const server = yield* CalendarServer.serve({ pace: 2, onGrant: () => at.push(performance.now() - from) })
      yield* ticking(server, 1n, 40)
      yield* until(server, ({ grants }) => grants >= 3)
      expect(at[0]).toBeGreaterThanOrEqual(19)
      expect(at[1]).toBeGreaterThanOrEqual(39)
      expect(at[2]).toBeGreaterThanOrEqual(59)
    }).pipe(Effect.scoped))

  const orderOf = (order: CalendarServer.ServeOptions["order"]) =>
    Effect.gen(function* () {
      const granted: Array<bigint> = []
      const server = yield* CalendarServer.serve({
        clients: 6,
        until: 50n * MS,
        // At 0 guests may be woken to begin.
        onGrant: ({ id, time }) => time > 0n && granted.push(id),
        ...order !== undefined && { order },
      })
      for (const id of [5n, 1n << 60n, 3n, (1n << 60n) + 1n, 2n, 4n]) yield* ticking(server, id, 10)
      expect(yield* server.ended).toBe("until")
      return [...granted]
    }).pipe(Effect.scoped, quietly)

  it.live("grants those of one time by ID, or as a seed says: the same each time, another with another", () =>
    Effect.gen(function* () {
      const ids = [2n, 3n, 4n, 5n, 1n << 60n, (1n << 60n) + 1n]
      expect(yield* orderOf("by-id")).toEqual(Array.from({ length: 5 }, () => ids).flat())
      const shuffled = yield* orderOf({ seed: 7 })
      expect(yield* orderOf({ seed: 7 })).toEqual(shuffled)
      expect(yield* orderOf({ seed: 8 })).not.toEqual(shuffled)
      for (let round = 0; round < 5; round++) {
        const turns = shuffled.slice(6 * round, 6 * round + 6)
        expect(turns.sort((a, b) => (a < b ? -1 : 1))).toEqual(ids)
      }
    }))

  it.live.each(["end", "fail", "wait"] as const)(
    "in a deadlock does as it was told: %s",
    (onDeadlock) =>
      Effect.gen(function* () {
        const server = yield* CalendarServer.serve({ onDeadlock, deadlockAfter: "20 millis" })
        const reported = yield* server.reports.pipe(
          Stream.filter(({ _tag }) => _tag === "Deadlock"),
          Stream.take(1),
          Stream.runCollect,
          Effect.forkScoped({ startImmediately: true }),
        )
        yield* Effect.provide(
          Effect.flatMap(GuestClock.GuestClock, (clock) => clock.sleep),
          Mode.linked(server.link(), { id: 4n }),
        ).pipe(Effect.forkScoped)
        expect(yield* Fiber.join(reported)).toMatchObject([
          { _tag: "Deadlock", time: 0n, clients: [{ id: 4n, state: "idle" }] },
        ])
        expect((yield* server.status).deadlocked).toBe(true)
        if (onDeadlock === "end") expect(yield* server.ended).toBe("deadlock")
        if (onDeadlock === "fail") {
          const error = yield* Effect.flip(server.ended)
          expect(error).toMatchObject({ _tag: "CalendarDeadlock", time: 0n, clients: [{ id: 4n }], guests: [] })
          expect(error.message).toMatch(/^at 0 ns nobody runs, and nobody has asked for a time:\n {2}client 4 /)
          expect(error.message).toContain("client 4 (this process) waits, and has asked for no time")
        }
      }).pipe(Effect.scoped, quietly),
  )

  it.live("says once that it has ended in a deadlock, whatever its clients do then", () =>
    Effect.gen(function* () {
      const server = yield* CalendarServer.serve({ onDeadlock: "end", deadlockAfter: "20 millis" })
      let said = 0
      yield* server.reports.pipe(
        Stream.runForEach(({ _tag }) => Effect.sync(() => void (_tag === "Deadlock" && said++))),
        Effect.forkScoped({ startImmediately: true }),
      )
      const waits = (id: bigint) =>
        Effect.flatMap(GuestClock.GuestClock, (clock) => clock.sleep).pipe(
          Effect.provide(Mode.linked(server.link(), { id })),
          Effect.forkScoped,
        )
      yield* waits(1n)
      expect(yield* server.ended).toBe("deadlock")
      yield* waits(2n)
      yield* Effect.sleep("200 millis")
      expect([said, (yield* server.status).deadlocked]).toEqual([1, true])
    }).pipe(Effect.scoped, quietly))

  it.live("says who is missing, who comes and goes, and whom everybody waits for", () =>
    Effect.gen(function* () {
      const server = yield* CalendarServer.serve({
        clients: 2,
        missingAfter: "10 millis",
        slowTurnAfter: "20 millis",
      })
      const seen: Array<CalendarServer.Report> = []
      yield* Effect.forkScoped(
        Stream.runForEach(server.reports, (report) => Effect.sync(() => seen.push(report))),
        { startImmediately: true },
      )
      const has = (tag: CalendarServer.Report["_tag"]) =>
        Effect.gen(function* () {
          while (!seen.some(({ _tag }) => _tag === tag)) yield* Effect.sleep(1)
          return seen.find(({ _tag }) => _tag === tag)
        })
      const blocks = VirtualTime.run(VirtualTime.hold(Effect.sleep(100_000))).pipe(
        Effect.provide(Mode.linked(server.link("blocks"), { id: 1n })),
      )
      const blocking = yield* Effect.forkScoped(blocks)
      expect(yield* has("Missing")).toMatchObject({ missing: 1 })
      const woken: Array<string> = []
      yield* ticking(server, 2n, 10, woken)
      expect(yield* has("LongTurn")).toMatchObject({ client: { id: 1n, from: "blocks", state: "running" } })
      expect(Status.format(yield* server.status)).toMatch(
        /^at 0 ns, 0 turns, 2 clients: client 1 runs\n {2}client 1 \(blocks\) has the turn for/,
      )
      yield* Fiber.interrupt(blocking)
      expect(yield* has("Left")).toMatchObject({ client: { id: 1n } })
      while (woken.length < 3) yield* Effect.sleep(1)
      const { left, clients } = yield* server.status
      expect([left.map(({ id }) => id), clients.map(({ id }) => id)]).toEqual([[1n], [2n]])
      expect(clients[0]?.share).toBeGreaterThan(0)
      expect(clients[0]?.share).toBeLessThanOrEqual(1)
    }).pipe(Effect.scoped, quietly))

  it.live("counts for Effect's metrics", () =>
    Effect.gen(function* () {
      const server = yield* CalendarServer.serve({ until: 100n * MS })
      yield* ticking(server, 1n, 10)
      yield* ticking(server, 2n, 10)
      yield* server.ended
      const all = new Map((yield* Metric.snapshot).map((each) => [each.id, each]))
      const { grants, messages } = yield* server.stats
      expect(all.get("guest_clock_calendar_grants_total")?.state).toMatchObject({ count: grants })
      expect(all.get("guest_clock_calendar_messages_total")?.state).toMatchObject({ count: messages })
      expect(all.get("guest_clock_calendar_clients")?.state).toMatchObject({ value: 2 })
      // The first turns of both count as well.
      expect(all.get("guest_clock_calendar_turn_seconds")?.state).toMatchObject({ count: grants + 2 })
    }).pipe(Effect.scoped, Effect.provideService(Metric.MetricRegistry, new Map())))

  it.live.each<readonly [CalendarServer.ServeOptions, string]>([
    [{ clients: -1 }, "clients"],
    [{ clients: 1.5 }, "clients"],
    [{ start: -1n }, "start"],
    [{ pace: 0 }, "pace"],
    [{ pace: NaN }, "pace"],
    [{ until: -1n }, "until"],
    [{ until: (1n << 63n) - 1n }, "until"],
    [{ order: { seed: -1 } }, "seed"],
    [{ slowTurnAfter: "a while" as "1 second" }, "a duration"],
  ])("can't be told %o", ([options, option]) =>
    Effect.gen(function* () {
      expect(yield* Effect.flip(CalendarServer.serve(options))).toMatchObject({ _tag: "OptionError", option })
    }).pipe(Effect.scoped))
})

describe("guests in one process", () => {
  it.live(
    "are in lockstep, a thousand of them, and the event loop has its turn meanwhile",
    () =>
      Effect.gen(function* () {
        const server = yield* CalendarServer.serve({ clients: 1000 })
        const woken: Array<number> = []
        let turns = 0
        const timer = setInterval(() => turns++, 1)
        const guest = (id: number) =>
          VirtualTime.run(Effect.gen(function* () {
            for (let times = 0; times < 5; times++) {
              yield* Effect.sleep(10_000 + id)
              woken.push(times)
            }
          })).pipe(Effect.provide(Mode.linked(server.link(), { id: BigInt(id) })))
        yield* Effect.all(Array.from({ length: 1000 }, (_, id) => guest(id)), { concurrency: "unbounded" })
        clearInterval(timer)
        expect(woken).toEqual(Array.from({ length: 5 }, (_, times) => Array.from({ length: 1000 }, () => times)).flat())
        expect(turns).toBeGreaterThan(1)
        expect((yield* server.stats).time).toBe(5n * 10_999n * MS)
      }).pipe(Effect.scoped),
    60_000,
  )

  it.live("beside guests on TCP and a unix socket", () =>
    Effect.gen(function* () {
      const server = yield* CalendarServer.make({ tcp: { port: 0 }, clients: 2 })
      const order: Array<string> = []
      const guest = (name: string, ms: number) =>
        VirtualTime.run(
          Effect.repeat(Effect.andThen(Effect.sleep(ms), Effect.sync(() => order.push(name))), { times: 2 }),
        )
      yield* Effect.all([
        Effect.provide(guest("link", 20), Mode.linked(server.link(), { id: 1n })),
        Effect.provide(guest("tcp", 30), Mode.external({ socket: server.tcp!, id: 2n })),
      ], { concurrency: 2 })
      // 20 link, 30 tcp, 40 link, 60 both, 90 tcp
      expect([...order.slice(0, 3), order.slice(3, 5).sort(), ...order.slice(5)]).toEqual(["link", "tcp", "link", [
        "link",
        "tcp",
      ], "tcp"])
    }).pipe(Effect.scoped))

  it.live("that are interrupted at any moment don't keep the others", () =>
    Effect.gen(function* () {
      for (let delay = 0; delay < 20; delay++) {
        const server: CalendarServer.CalendarServer = yield* CalendarServer.serve()
        const woken: Array<string> = []
        yield* ticking(server, 1n, 1, woken)
        const other = yield* ticking(server, 2n, 1, woken)
        yield* Effect.sleep(delay / 4)
        yield* Fiber.interrupt(other)
        yield* until(server, ({ clients }) => clients.length === 1)
        // Alone it runs on by itself.
        const before = woken.length
        while (woken.length < before + 5) yield* Effect.sleep(1)
      }
    }).pipe(Effect.scoped))

  it.live("whose link was closed hear of it", () =>
    Effect.gen(function* () {
      const server = yield* CalendarServer.serve()
      const link = yield* server.link()
      yield* link.close
      expect(yield* Effect.flip(link.write(new Uint8Array(16)))).toMatchObject({ _tag: "LinkBroken" })
      expect((yield* link.read).length).toBe(0)
      expect((yield* server.stats).clients).toBe(0)
    }).pipe(Effect.scoped))
})

describe("times for people", () => {
  it.each<readonly [bigint, string]>([
    [0n, "0 ns"],
    [1n, "1 ns"],
    [999n, "999 ns"],
    [1000n, "1 µs"],
    [1_500_000n, "1.5 ms"],
    [90_000_000_000n, "90 s"],
    [1_000_000_001n, "1.000000001 s"],
    [-1_500_000n, "-1.5 ms"],
  ])("%s ns are %s", (nanos, text) => {
    expect(Status.formatTime(nanos)).toBe(text)
  })
})
