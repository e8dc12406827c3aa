/** A calendar at rest does nothing: it looks at what may be late only while something may be. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { describe, expect, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import { exec } from "../scripts/exec.ts"
import * as Runtimes from "../scripts/runtimes.ts"
import * as CalendarServer from "../src/calendar/CalendarServer.ts"
import { type Report, watch, type Watched } from "../src/internal/calendar/Watchdog.ts"
import { built } from "./support/built.ts"
import { START } from "./support/protocol.ts"
import { bytes } from "./support/rawClient.ts"

const patience = {
  slowTurnAfter: Duration.millis(20),
  missingAfter: Duration.millis(20),
  deadlockAfter: Duration.millis(20),
}

/** Something to be watched that counts how often it is looked at, and what was said of it. */
const counting = (state: Partial<Watched>) => {
  let looks = 0
  const said: Array<Report["_tag"]> = []
  const watched = { realMs: 0, messages: 0, missing: 0, isDeadlocked: false, turn: undefined, lastMs: 0, ...state }
  const board = new Proxy(watched as Watched, {
    get: (target, name) => {
      if (name !== "onTurn" && name !== "onRest") looks++
      return Reflect.get(target, name)
    },
  })
  const stop = watch(
    board,
    patience,
    () => ({ clients: [{ state: "running" }] }) as unknown as CalendarServer.Status,
    (report) => said.push(report._tag),
  )
  return {
    watched: watched as { -readonly [Key in keyof Watched]: Watched[Key] },
    board,
    said,
    stop,
    looks: () => looks,
  }
}

const quiet = (ms: number) => Effect.sleep(ms)

describe("what is watched", () => {
  it.live("is not looked at while nothing can be late", () =>
    Effect.gen(function* () {
      const { looks, said, stop } = counting({})
      const before = looks()
      yield* quiet(200)
      expect([looks() - before, said]).toEqual([0, []])
      stop()
    }))

  it.live("is looked at once for any number of turns that are over in time, and then no more", () =>
    Effect.gen(function* () {
      const { board, looks, said, stop } = counting({})
      const before = looks()
      for (let turn = 0; turn < 10_000; turn++) board.onTurn?.()
      yield* quiet(200)
      expect(looks() - before).toBe(1)
      expect(said).toEqual([])
      stop()
    }))

  it.live("is told of as long as it lasts, less and less often, and no more when it is stopped", () =>
    Effect.gen(function* () {
      const slow = counting({ turn: { ms: 25, sinceMs: 1 } })
      slow.board.onTurn?.()
      while (slow.said.length < 1) yield* quiet(1)
      // It lasts as long as before, as far as anybody knows: not twice as long.
      yield* quiet(100)
      expect(slow.said).toEqual(["LongTurn"])
      slow.watched.turn = { ms: 60, sinceMs: 1 }
      while (slow.said.length < 2) yield* quiet(1)
      slow.stop()
      slow.watched.turn = { ms: 1000, sinceMs: 1 }
      yield* quiet(100)
      expect(slow.said).toEqual(["LongTurn", "LongTurn"])
    }))

  it.live("is told of again when those who are missing still are, and not when all are there", () =>
    Effect.gen(function* () {
      const { said, watched, stop } = counting({ missing: 3 })
      while (said.length < 2) yield* quiet(1)
      watched.missing = 0
      const { length } = said
      yield* quiet(150)
      expect(said).toEqual(Array.from({ length }, () => "Missing"))
      stop()
    }))

  it.live("is a deadlock when nothing has happened for so long, told of once until something has", () =>
    Effect.gen(function* () {
      const { board, said, watched, stop } = counting({ isDeadlocked: true, realMs: 100, lastMs: 90 })
      board.onRest?.()
      yield* quiet(100)
      expect(said).toEqual([])
      watched.realMs = 111
      while (said.length < 1) yield* quiet(1)
      board.onRest?.()
      yield* quiet(100)
      expect(said).toEqual(["Deadlock"])
      watched.messages++
      board.onRest?.()
      while (said.length < 2) yield* quiet(1)
      stop()
    }))
})

/** As many clients as there may be, none of which is let in. */
const WAITING = 10_000

it.live("10,000 clients that wait to be let in cost no CPU time", () =>
  Effect.gen(function* () {
    const words = yield* Runtimes.locate("Deno")
    const { stdout, code, stderr } = yield* exec([...words, built("test/support/waitingClients.ts"), String(WAITING)])
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" })
    const { clients, cpuMs } = JSON.parse(stdout) as { readonly clients: number; readonly cpuMs: number }
    expect(clients).toBe(WAITING)
    // In three seconds of real time.
    expect(cpuMs).toBeLessThan(150)
  }).pipe(Effect.provide(NodeServices.layer)), 60_000)

it.live("a client that waits to be let in is still waited for by name", () =>
  Effect.gen(function* () {
    const server = yield* CalendarServer.serve({ clients: 2, missingAfter: 10 })
    const link = yield* server.link("early")
    yield* link.write(bytes(START, 1, 5n))
    expect((yield* server.status).missing).toBe(1)
  }).pipe(Effect.scoped, Effect.provide(Logger.layer([]))))
