import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as Queue from "effect/Queue"
import * as Scope from "effect/Scope"
import * as Socket from "effect/socket/Socket"
import * as Fs from "node:fs"
import * as Net from "node:net"
import * as Path from "node:path"
import { describe } from "vitest"
import * as CalendarServer from "../src/calendar/CalendarServer.ts"
import { OptionError } from "../src/core/Fault.ts"
import { ACK, BROADCAST, FREE_UNTIL, GET, GET_TOD, REQUEST, RUN, START, UPDATE, WAIT } from "./support/protocol.ts"
import { bytes, NONE, type Room, room } from "./support/rawClient.ts"

/** START's ACK says which slot of the memory is the client's, where one is offered; 0 otherwise. */
const SLOTS = 64n

/** What is logged while `test` runs, besides its result. */
const logged = (lines: Array<string>) =>
  Logger.layer([Logger.make(({ logLevel, message }) => {
    lines.push(`${logLevel} ${message}`)
  })])

const live = (
  what: string,
  test: (
    room: Room,
  ) => Effect.Effect<void, CalendarServer.ListenError | CalendarServer.CalendarDeadlock | OptionError, Scope.Scope>,
): void => {
  it.live(what, () => Effect.provide(Effect.scoped(Effect.flatMap(room, test)), logged([])))
}

const promise = <A>(act: () => Promise<A>): Effect.Effect<A> => Effect.promise(act)

describe("a calendar on a unix socket", () => {
  live("runs two clients in lockstep and ends when both have left", ({ path, connect }) =>
    Effect.gen(function* () {
      const server = yield* CalendarServer.make({ path, clients: 2, start: 1_000n })
      const seen: Array<string> = []
      const live = async (name: string, id: bigint, period: bigint): Promise<void> => {
        const client = connect().say(START, id)
        // Its time is a slot of the memory, where one is offered.
        expect((await client.take(ACK)).slice(0, 2)).toEqual([ACK, 1])
        for (let time = period; time <= 300n; time += period) {
          expect(await client.sleep(time)).toBe(time)
          seen.push(`${name} ${time}`)
          expect(await client.ask(GET)).toBe(time)
          expect(await client.ask(GET_TOD)).toBe(1_000n + time)
        }
        await client.hangUp().gone()
      }
      yield* promise(() => Promise.all([live("A", 2n, 60n), live("B", 1n, 100n)]))
      expect(seen).toEqual(["A 60", "B 100", "A 120", "A 180", "B 200", "A 240", "B 300", "A 300"])
      yield* server.ended
      expect(yield* server.stats).toMatchObject({ grants: 8, time: 300n, clients: 0 })
    }))

  live(
    "tells the running client of another's interrupt, and passes UPDATE and BROADCAST on",
    ({ path, connect }) =>
      Effect.gen(function* () {
        yield* CalendarServer.make({ path, clients: 2 })
        yield* promise(async () => {
          const a = connect().say(START, 1n), b = connect().say(START, 2n)
          await a.take(ACK)
          a.say(REQUEST, 100n).say(WAIT)
          await b.take(ACK)
          b.say(REQUEST, 500n).say(WAIT)
          expect((await a.take(FREE_UNTIL))[2]).toBe(500n)
          expect((await a.take(RUN))[2]).toBe(100n)
          await a.ask(UPDATE, 250n)
          await b.take(ACK)
          await b.take(ACK)
          expect(await b.ask(GET)).toBe(250n)
          await b.ask(REQUEST, 260n)
          expect((await a.take(FREE_UNTIL))[2]).toBe(260n)
          await b.ask(BROADCAST, NONE)
          expect((await a.take(BROADCAST))[2]).toBe(NONE)
        })
      }),
  )

  live("takes messages that come byte by byte", ({ path, connect }) =>
    Effect.gen(function* () {
      yield* CalendarServer.make({ path })
      yield* promise(async () => {
        const client = connect()
        client.socket.setNoDelay?.(true)
        for (const message of [bytes(START, 1, 7n), bytes(GET, 2, NONE)]) {
          for (const byte of message) {
            client.socket.write(Uint8Array.of(byte))
            await new Promise((resolve) => setTimeout(resolve, 1))
          }
        }
        // Its time is a slot of the memory, where one is offered.
        expect((await client.take(ACK)).slice(0, 2)).toEqual([ACK, 1])
        expect(await client.take(ACK)).toEqual([ACK, 2, 0n])
      })
    }))

  live("answers what came in one go in one go", ({ path, connect }) =>
    Effect.gen(function* () {
      yield* CalendarServer.make({ path })
      yield* promise(async () => {
        const client = connect()
        await client.ask(START, 1n)
        const before = client.reads
        const all = new Uint8Array(16 * 500)
        for (let at = 0; at < 500; at++) all.set(bytes(GET, 2 + at, NONE), 16 * at)
        client.socket.write(all)
        for (let at = 0; at < 500; at++) expect((await client.take(ACK))[1]).toBe(2 + at)
        expect(client.reads - before).toBeLessThan(20)
      })
    }))

  it.live("disconnects who breaks a rule, with a warning that quotes it, and serves the others on", () => {
    const lines: Array<string> = []
    const test = Effect.gen(function* () {
      const { path, connect } = yield* room
      const server = yield* CalendarServer.make({ path })
      yield* promise(async () => {
        const a = connect(), b = connect()
        await a.ask(START, 7n)
        expect(await a.sleep(10n)).toBe(10n)
        await a.say(GET).say(RUN, 5n).say(GET).take(ACK)
        await a.gone()
        await b.ask(START, 8n)
        expect(await b.sleep(10n)).toBe(10n)
        b.socket.write(bytes(GET, 9, NONE).subarray(0, 5))
        await b.hangUp().gone()
      })
      yield* server.ended
    })
    return Effect.gen(function* () {
      yield* Effect.scoped(test)
      expect(lines).toEqual([
        expect.stringMatching(/^Warn client 7, Run #5 5: .*\(CalendarsOwn: /),
        expect.stringMatching(/^Warn client 8, end of stream: 5 bytes into a message of 16 \(CutShort: /),
      ])
    }).pipe(Effect.provide(logged(lines)))
  })

  it.live("drops a client that doesn't read, while the others are answered", () => {
    const lines: Array<string> = []
    const test = Effect.gen(function* () {
      const { path, connect } = yield* room
      const server = yield* CalendarServer.make({ path, clients: 2 })
      yield* promise(async () => {
        const slow = connect(), quick = connect()
        quick.say(START, 1n)
        slow.say(START, 2n)
        await quick.take(ACK)
        quick.say(REQUEST, 7n).say(WAIT)
        await slow.take(ACK)
        slow.socket.pause()
        const flood = new Uint8Array(16 * 8192)
        for (let at = 0; at < 8192; at++) flood.set(bytes(GET, at, NONE), 16 * at)
        for (let burst = 0; burst < 24; burst++) {
          slow.socket.write(flood)
          await quick.ask(GET_TOD)
        }
        // It was the slow one's first turn, which ends with it.
        expect((await quick.take(RUN))[2]).toBe(7n)
      })
      expect((yield* server.stats).clients).toBe(1)
    })
    return Effect.gen(function* () {
      yield* Effect.scoped(test)
      expect(lines).toEqual([expect.stringMatching(/^Warn client on connection 0 was dropped: /)])
    }).pipe(Effect.provide(logged(lines)))
  })

  live("serves on when clients die at any moment", ({ path, connect }) =>
    Effect.gen(function* () {
      const server = yield* CalendarServer.make({ path })
      yield* promise(async () => {
        const survivor = connect()
        await survivor.ask(START, 0n)
        const lives = Array.from({ length: 40 }, async (_, index) => {
          const client = connect().say(START, BigInt(index))
          if (index % 5 === 0) return client.hangUp()
          await client.take(ACK)
          if (index % 5 === 1) return client.socket.destroy()
          if (index % 5 === 2) return client.socket.write(bytes(GET, 2, NONE).subarray(0, index)) && client.hangUp()
          await client.sleep(BigInt(index))
          if (index % 5 === 3) return client.socket.destroy()
          client.say(REQUEST, 50n).say(WAIT).hangUp()
        })
        for (let time = 1n; time <= 20n; time++) expect(await survivor.sleep(10n * time)).toBe(10n * time)
        await Promise.all(lives)
        await survivor.hangUp().gone()
      })
      yield* server.ended
      expect((yield* server.stats).clients).toBe(0)
    }))
})

describe("the file of a socket", () => {
  const listening = (path: string) => Effect.orDie(Effect.flip(Effect.scoped(CalendarServer.make({ path }))))

  live("is for its owner only, and gone when the server is", ({ path, connect }) =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      yield* Scope.provide(CalendarServer.make({ path }), scope)
      expect(Fs.statSync(path).mode & 0o777).toBe(0o600)
      const client = connect()
      yield* promise(() => client.ask(START, 1n))
      yield* Scope.close(scope, Exit.void)
      yield* promise(() => client.gone())
      expect(Fs.existsSync(path)).toBe(false)
    }))

  live("is replaced if nobody listens there any more", ({ path, connect }) =>
    Effect.gen(function* () {
      const dead = yield* promise(() =>
        new Promise<Net.Server>((resolve) => {
          const server = Net.createServer().listen(`${path}-dead`, () => resolve(server))
        })
      )
      // A server removes its file when it closes, wherever it was made.
      Fs.renameSync(`${path}-dead`, path)
      yield* promise(() => new Promise((resolve) => dead.close(resolve)))
      expect(Fs.lstatSync(path).isSocket()).toBe(true)
      yield* CalendarServer.make({ path })
      expect(yield* promise(() => connect().ask(START, 1n))).toBeLessThan(SLOTS)
    }))

  live("is left to the server that listens there", ({ path, connect }) =>
    Effect.gen(function* () {
      const server = yield* CalendarServer.make({ path })
      const error = yield* listening(path)
      expect(error).toMatchObject({ _tag: "ListenError", reason: "InUse", path })
      expect(error.message).toBe(`can't listen on ${JSON.stringify(path)}: another server is listening there`)
      expect(yield* promise(() => connect().ask(START, 1n))).toBeLessThan(SLOTS)
      expect((yield* server.stats).clients).toBe(1)
    }))

  live("is no other kind of file", ({ path }) =>
    Effect.gen(function* () {
      Fs.writeFileSync(path, "precious")
      expect(yield* listening(path)).toMatchObject({ _tag: "ListenError", reason: "NotASocket" })
      expect(Fs.readFileSync(path, "utf8")).toBe("precious")
    }))

  live("has a path of at most 107 bytes, in a directory that is there", ({ path }) =>
    Effect.gen(function* () {
      const long = yield* listening(path + "é".repeat(60))
      expect(long).toMatchObject({ reason: "BadPath" })
      expect(long.message).toMatch(/bytes long, and a socket's has at most 107$/)
      expect(yield* listening("")).toMatchObject({ reason: "BadPath" })
      expect(yield* listening(Path.join(path, "not", "there"))).toMatchObject({ reason: "Refused" })
      const longest = path + "x".repeat(107 - path.length)
      yield* CalendarServer.make({ path: longest })
      expect(Fs.existsSync(longest)).toBe(true)
    }))
})

it.live("serves connections that it is handed, whatever they are", () =>
  Effect.gen(function* () {
    const server = yield* CalendarServer.serve()
    const input = yield* Queue.unbounded<Uint8Array>()
    const output = yield* Queue.unbounded<Uint8Array>()
    const write = (chunk: unknown) => Effect.asVoid(Queue.offer(output, chunk as Uint8Array))
    const socket = Socket.make({
      reader: Effect.succeed({
        pull: Effect.map(Queue.take(input), (chunk) => [chunk] as const),
        upgrade: () => Effect.void,
      }),
      writer: Effect.succeed({ write, writeAll: (chunks) => Effect.forEach(chunks, write, { discard: true }) }),
    })
    const connection = yield* Effect.forkChild(server.accept(socket))
    yield* Queue.offer(input, bytes(START, 1, 5n))
    expect(yield* Queue.take(output)).toEqual(bytes(ACK, 1, 0n))
    expect(yield* server.stats).toEqual({ messages: 2, grants: 0, time: 0n, clients: 1 })
    yield* Queue.offer(input, bytes(START, 2, 5n))
    yield* Fiber.join(connection)
    yield* server.ended
  }).pipe(Effect.provide(logged([]))))

it.live("refuses options that can't be, and quotes them", () =>
  Effect.gen(function* () {
    for (const options of [{ clients: NaN }, { clients: -1 }, { clients: 1.5 }, { start: -5n }, { start: 2n ** 64n }]) {
      const error = yield* Effect.flip(Effect.scoped(CalendarServer.make({ path: "/nowhere/at/all", ...options })))
      expect(error).toBeInstanceOf(OptionError)
      expect(error.message).toContain(String(Object.values(options)[0]))
    }
  }))
