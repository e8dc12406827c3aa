import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as Metric from "effect/Metric"
import * as Stream from "effect/Stream"
import process from "node:process"
import * as CalendarServer from "../src/calendar/CalendarServer.ts"
import * as Status from "../src/calendar/Status.ts"
import * as Watchdog from "../src/internal/calendar/Watchdog.ts"
import { GuestClock, Mode, VirtualTime } from "../src/index.ts"
import * as Trace from "../src/trace.ts"

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

  it.live("takes no longer for 2,000 steps that wait than for 2,000 steps", () =>
    Effect.gen(function* () {
      const steps = 2000
      const cpuOf = (made: (server: CalendarServer.CalendarServer) => Effect.Effect<unknown>) =>
        Effect.gen(function* () {
          const server = yield* CalendarServer.serve()
          yield* server.pause
          yield* ticking(server, 1n, 10)
          yield* until(server, ({ clients }) => clients[0]?.state === "waiting")
          const before = process.cpuUsage()
          yield* made(server)
          const { user, system } = process.cpuUsage(before)
          expect((yield* server.stats).grants).toBe(steps)
          return (user + system) / 1000
        }).pipe(Effect.scoped)
      const oneByOne = Effect.fnUntraced(function* (server: CalendarServer.CalendarServer) {
        for (let step = 0; step < steps; step++) expect(yield* server.step).toBe(true)
      })
      const queued = (server: CalendarServer.CalendarServer) =>
        Effect.all(Array.from({ length: steps }, () => server.step), { concurrency: "unbounded" })
      yield* cpuOf(oneByOne)
      const ms = { oneByOne: yield* cpuOf(oneByOne), queued: yield* cpuOf(queued) }
      // Three times as much is for what else the machine does; looking at each that waits costs 100 times as much.
      expect(ms.queued).toBeLessThan(3 * ms.oneByOne + 100)
    }).pipe(Effect.scoped))

  it.live("grants nothing for steps that were called off by a pause, nor for those that were interrupted", () =>
    Effect.gen(function* () {
      const server = yield* CalendarServer.serve()
      const step = Effect.forkScoped(server.step, { startImmediately: true })
      const calledOff = [yield* step, yield* step]
      yield* server.pause
      expect(yield* Effect.all(calledOff.map(Fiber.join))).toEqual([false, false])
      const [first, second, third] = [yield* step, yield* step, yield* step]
      yield* Fiber.interrupt(second)
      yield* ticking(server, 1n, 10)
      expect([yield* Fiber.join(first), yield* Fiber.join(third)]).toEqual([true, true])
      yield* Effect.sleep(20)
      expect(yield* server.stats).toMatchObject({ grants: 2, time: 20n * MS })
    }).pipe(Effect.scoped))

  it.live("calls a guest back that runs on by itself, and then makes its step", () =>
    Effect.gen(function* () {
      const server = yield* CalendarServer.serve()
      yield* ticking(server, 1n, 10)
      yield* until(server, ({ grants }) => grants > 0)
      yield* Effect.sleep(20)
      const { grants } = yield* server.stats
      expect(yield* Effect.all([server.step, server.step, server.step], { concurrency: 3 })).toEqual([true, true, true])
      expect((yield* server.stats).grants).toBe(grants + 3)
    }).pipe(Effect.scoped))

  it.live("ends at the time that it was made for, however it was paused, stepped and let go", () =>
    Effect.gen(function* () {
      const server = yield* CalendarServer.serve({ until: 95n * MS })
      yield* server.pause
      yield* ticking(server, 1n, 10)
      yield* ticking(server, 2n, 15)
      yield* until(server, ({ clients }) => clients.filter(({ state }) => state === "waiting").length === 2)
      expect((yield* server.stats).grants).toBe(0)
      yield* server.step
      yield* server.runUntil(50n * MS)
      expect((yield* server.status).until).toBe(50n * MS)
      yield* server.runUntil(500n * MS)
      expect(yield* server.ended).toBe("until")
      expect((yield* server.stats).time).toBe(95n * MS)
    }).pipe(Effect.scoped))

  it.live("tells of its last guest before it has ended", () =>
    Effect.gen(function* () {
      const told: Array<string> = []
      const server = yield* CalendarServer.serve({ onReport: (report) => void told.push(Watchdog.format(report)) })
      yield* Effect.provide(
        VirtualTime.run(Effect.sleep(10)),
        Mode.linked(server.link("somewhere"), { id: 3n }),
      )
      expect(yield* server.ended).toBe("left")
      expect(told).toEqual(["client 3 has started (somewhere)", "client 3 has left after 2 turns"])
      expect((yield* server.status).left).toMatchObject([{ id: 3n, turns: 2, dropped: undefined }])
    }).pipe(Effect.scoped))

  it.live("drops whom it is told to drop, says why in status, reports and trace, and goes on with the others", () =>
    Effect.gen(function* () {
      const ring = Trace.ring(10_000)
      const told: Array<CalendarServer.Report> = []
      const server = yield* CalendarServer.serve({ onReport: (report) => void told.push(report) }).pipe(
        Effect.provide(Trace.to(ring)),
      )
      const holds = VirtualTime.run(VirtualTime.hold(Effect.sleep(100_000))).pipe(
        Effect.provide(Mode.linked(server.link("keeps it"), { id: 1n })),
      )
      const woken: Array<string> = []
      yield* Effect.forkScoped(holds)
      yield* until(server, ({ clients }) => clients[0]?.state === "running")
      yield* ticking(server, 2n, 10, woken)
      yield* until(server, ({ clients }) => clients.length === 2)
      expect(yield* server.drop(9n)).toBe(0)
      expect(yield* server.drop(1n, "it was in the way")).toBe(1)
      while (woken.length < 3) yield* Effect.sleep(1)
      const why = "client 1 was dropped: it was in the way"
      const status = yield* server.status
      expect(status.clients.map(({ id }) => id)).toEqual([2n])
      expect(status.left).toMatchObject([{ id: 1n, turns: 1, dropped: why }])
      expect(Status.format(status)).toContain(`dropped were:\n    ${why} (keeps it)`)
      expect(Status.formatSummary(status)).toMatch(
        /^client 1 {2}keeps it .*\n[^]*^ {2}client 1 was dropped: it was in/m,
      )
      expect(told).toContainEqual(expect.objectContaining({ _tag: "Dropped", why }))
      expect(ring.trace().records.map(({ what }) => what)).toContainEqual(
        { _tag: "Report", name: "Dropped", text: `${why} (keeps it)` },
      )
      const [, second] = [yield* ticking(server, 2n, 10), yield* ticking(server, 5n, 10)]
      yield* until(server, ({ clients }) => clients.length === 3)
      const connection = (yield* server.status).clients.find(({ id }) => id === 5n)!.connection
      expect(yield* server.drop({ connection })).toBe(1)
      yield* Fiber.await(second)
      // All of an ID.
      expect(yield* server.drop(2n)).toBe(2)
      expect(yield* server.ended).toBe("left")
    }).pipe(Effect.scoped, quietly))

  it.live("drops who keeps the turn for longer than is allowed, and nobody whose turns are short", () =>
    Effect.gen(function* () {
      const server = yield* CalendarServer.serve({ dropAfter: "200 millis" })
      const woken: Array<string> = []
      // Alone, a guest runs on by itself in one turn.
      yield* ticking(server, 1n, 10, woken)
      yield* ticking(server, 2n, 11)
      yield* Effect.sleep(400)
      const holds = VirtualTime.run(Effect.andThen(Effect.sleep(10), VirtualTime.hold(Effect.sleep(100_000))))
      yield* Effect.forkScoped(Effect.provide(holds, Mode.linked(server.link("holds"), { id: 7n })))
      yield* until(server, ({ left }) => left.length === 1)
      const { left, clients } = yield* server.status
      expect(left).toMatchObject([{ id: 7n }])
      expect(left[0]?.dropped).toMatch(
        /^client 7 was dropped: it has kept the turn for [2-9]\d\d ms, and 200 ms are all/,
      )
      expect(clients.map(({ id }) => id)).toEqual([1n, 2n])
      const before = woken.length
      while (woken.length < before + 5) yield* Effect.sleep(1)
    }).pipe(Effect.scoped, quietly))

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
    [{ dropAfter: "-1 second" }, "a duration"],
    [{ dropAfter: 0 }, "dropAfter"],
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
