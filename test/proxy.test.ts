import * as NodeServices from "@effect/platform-node/NodeServices"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as ChildProcess from "node:child_process"
import * as Fs from "node:fs"
import * as Net from "node:net"
import * as Path from "node:path"
import process from "node:process"
import * as LeftOut from "../scripts/leftOut.ts"
import * as Runtimes from "../scripts/runtimes.ts"
import * as CalendarServer from "../src/calendar/CalendarServer.ts"
import * as Proxy from "../src/calendar/Proxy.ts"
import type { Breach } from "../src/core/Breach.ts"
import * as Libc from "../src/internal/platform/native/Libc.ts"
import * as SharedFile from "../src/internal/platform/native/SharedFile.ts"
import * as UnixSocket from "../src/internal/platform/native/UnixSocket.ts"
import * as Trace from "../src/trace.ts"
import { built } from "./support/built.ts"
import { ACK, FREE_UNTIL, GET, REQUEST, RUN, START, WAIT } from "./support/protocol.ts"
import { directory, until } from "./support/socketCalendar.ts"
import { fromBytes, type Msg, toBytes } from "./support/wire.ts"

const NONE = (1n << 64n) - 1n
const PATIENCE = 60_000

/** One end of a connection that a test speaks for. */
class End {
  readonly got: Array<Msg> = []
  ended = false
  closed = false
  bytes = 0
  readonly socket: Net.Socket
  #rest = Buffer.alloc(0)

  constructor(socket: Net.Socket) {
    this.socket = socket
    socket.on("error", () => {})
    socket.on("end", () => this.ended = true)
    socket.on("close", () => this.closed = true)
  }

  listen(): this {
    this.socket.on("data", (data: Uint8Array) => {
      this.bytes += data.length
      this.#rest = Buffer.concat([this.#rest, data])
      for (; this.#rest.length >= 16; this.#rest = this.#rest.subarray(16)) {
        this.got.push(fromBytes(new Uint8Array(this.#rest.subarray(0, 16))))
      }
    })
    return this
  }

  say(op: number, seq: number, time = NONE): this {
    this.socket.write(toBytes({ op, seq, time }))
    return this
  }

  /** Waits for its next message. */
  next(): Effect.Effect<Msg> {
    return Effect.andThen(until(() => this.got.length > 0), Effect.sync(() => this.got.shift()!))
  }

  get isClosed(): Effect.Effect<void> {
    return until(() => this.closed)
  }
}

const dial = (
  at: { readonly path: string } | { readonly port: number },
  allowHalfOpen = false,
): Effect.Effect<End, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => new End(Net.createConnection({ ...at, allowHalfOpen }))),
    ({ socket }) => Effect.sync(() => socket.destroy()),
  )

/** A calendar that a test speaks for. */
const calendarAt = (
  path: string,
  allowHalfOpen = false,
): Effect.Effect<ReadonlyArray<End>, never, Scope.Scope> =>
  Effect.gen(function* () {
    const ends: Array<End> = []
    yield* Effect.acquireRelease(
      Effect.callback<Net.Server>((resume) => {
        const server = Net.createServer({ allowHalfOpen }, (socket) => ends.push(new End(socket).listen()))
        server.listen(path, () => resume(Effect.succeed(server)))
      }),
      (server) =>
        Effect.sync(() => {
          for (const { socket } of ends) socket.destroy()
          server.close()
        }),
    )
    return ends
  })

/** A proxy in this process, what it told, and its scope, which a test may close. */
const proxyFor = (options: Proxy.Options) =>
  Effect.gen(function* () {
    const breaches: Array<Breach> = []
    const failures: Array<string> = []
    const scope = yield* Scope.fork(yield* Effect.scope)
    const proxy = yield* Scope.provide(
      Proxy.make(options, {
        onBreach: (breach) => breaches.push(breach),
        onFailure: ({ message }) => failures.push(message),
      }),
      scope,
    )
    return { ...proxy, breaches, failures, scope }
  })

const twoPlaces = Effect.map(directory, (folder) => ({
  calendar: Path.join(folder, "calendar"),
  checked: Path.join(folder, "checked"),
}))

describe("a proxy in this process", () => {
  it.live("passes messages on both ways, wherever they are cut", () =>
    Effect.gen(function* () {
      const { calendar, checked } = yield* twoPlaces
      const ends = yield* calendarAt(calendar)
      const { summary } = yield* proxyFor({ listen: checked, connect: calendar })
      const client = (yield* dial({ path: checked })).listen()
      const bytes = toBytes({ op: START, seq: 1, time: 7n })
      client.socket.write(bytes.slice(0, 5))
      yield* until(() => ends[0]?.bytes === 5)
      client.socket.write(bytes.slice(5))
      expect(yield* ends[0]!.next()).toEqual({ op: START, seq: 1, time: 7n })
      ends[0]!.say(ACK, 1, 0n)
      expect(yield* client.next()).toEqual({ op: ACK, seq: 1, time: 0n })
      expect(yield* summary).toMatchObject({ connections: 1, messages: 2, breaches: 0 })
    }), PATIENCE)

  it.live("passes the end of a stream on, and what the other side says after that", () =>
    Effect.gen(function* () {
      const { calendar, checked } = yield* twoPlaces
      const ends = yield* calendarAt(calendar, true)
      yield* proxyFor({ listen: checked, connect: calendar })
      const client = (yield* dial({ path: checked }, true)).listen()
      client.say(START, 1, 7n).socket.end()
      yield* until(() => ends[0]?.ended === true)
      ends[0]!.say(ACK, 1, 0n)
      expect(yield* client.next()).toEqual({ op: ACK, seq: 1, time: 0n })
      ends[0]!.socket.end()
      yield* client.isClosed
      yield* ends[0]!.isClosed
    }), PATIENCE)

  it.live("closes both connections when the grace is over, though one side doesn't end", () =>
    Effect.gen(function* () {
      const { calendar, checked } = yield* twoPlaces
      yield* calendarAt(calendar, true)
      yield* proxyFor({ listen: checked, connect: calendar, grace: 50 })
      const client = (yield* dial({ path: checked }, true)).listen()
      client.say(START, 1).socket.end()
      // The calendar never ends its side.
      yield* client.isClosed
    }), PATIENCE)

  it.live("takes no more from a calendar than its client reads", () =>
    Effect.gen(function* () {
      const { calendar, checked } = yield* twoPlaces
      const ends = yield* calendarAt(calendar)
      const { summary } = yield* proxyFor({ listen: checked, connect: calendar })
      const client = yield* dial({ path: checked })
      client.say(START, 1)
      yield* until(() => ends[0] !== undefined && ends[0].got.length > 0)
      ends[0]!.say(ACK, 1, 0n)
      const block = new Uint8Array(1 << 20)
      for (let index = 0; index < block.length; index += 16) {
        block.set(toBytes({ op: FREE_UNTIL, seq: 1, time: 0n }), index)
      }
      for (let index = 0; index < 8; index++) {
        ends[0]!.socket.write(block)
      }
      // It has stopped when nothing more is taken for a while.
      let [before, now] = [-1, 0]
      while (before !== now) {
        before = now
        yield* Effect.sleep(200)
        now = (yield* summary).messages
      }
      expect(now).toBeGreaterThan(0)
      expect(now).toBeLessThan((4 << 20) / 16)
      client.listen()
      yield* until(() => client.bytes === 16 + 8 * block.length)
    }), PATIENCE)

  it.live(
    "ends the connection of a client that breaks a rule if it is strict, and no other",
    () =>
      Effect.gen(function* () {
        const { calendar, checked } = yield* twoPlaces
        const ends = yield* calendarAt(calendar)
        const { breaches } = yield* proxyFor({ listen: checked, connect: calendar, strict: true })
        const good = (yield* dial({ path: checked })).listen().say(START, 1, 1n)
        yield* until(() => ends[0] !== undefined && ends[0].got.length > 0)
        const bad = (yield* dial({ path: checked })).listen().say(WAIT, 1)
        yield* bad.isClosed
        yield* until(() => ends[1]?.ended === true)
        expect(ends[1]!.got).toEqual([])
        expect(breaches.map(({ rule, side, connection }) => [rule, side, connection])).toEqual([[
          "not-running",
          "client",
          1,
        ]])
        ends[0]!.say(ACK, 1, 0n)
        expect((yield* good.next()).op).toBe(ACK)
      }),
    PATIENCE,
  )

  it.live(
    "ends all if it is strict and the calendar breaks a rule, and goes on otherwise",
    () =>
      Effect.gen(function* () {
        for (const strict of [true, false]) {
          const { calendar, checked } = yield* twoPlaces
          const ends = yield* calendarAt(calendar)
          const { breaches, ended, scope } = yield* proxyFor({ listen: checked, connect: calendar, strict })
          const one = (yield* dial({ path: checked })).listen().say(START, 1, 1n)
          const two = (yield* dial({ path: checked })).listen()
          yield* until(() => ends.some(({ got }) => got.length > 0) && ends.length === 2)
          ends.find(({ got }) => got.length > 0)!.say(RUN, 1, 0n)
          if (strict) {
            expect(yield* ended).toBe("strict")
            yield* Scope.close(scope, Exit.void)
            yield* Effect.all([one.isClosed, two.isClosed])
          } else expect((yield* one.next()).op).toBe(RUN)
          expect(breaches.map(({ rule, side }) => [rule, side])).toEqual([["not-let-in", "calendar"]])
        }
      }),
    PATIENCE,
  )

  it.live("bridges unix sockets and TCP, either way", () =>
    Effect.gen(function* () {
      const { calendar, checked } = yield* twoPlaces
      const ends = yield* calendarAt(calendar)
      const outer = yield* proxyFor({ listen: { port: 0 }, connect: calendar })
      yield* proxyFor({ listen: checked, connect: outer.address })
      const client = (yield* dial({ path: checked })).listen().say(START, 1, 7n)
      yield* until(() => ends[0] !== undefined && ends[0].got.length > 0)
      ends[0]!.say(ACK, 1, 0n)
      expect(yield* client.next()).toEqual({ op: ACK, seq: 1, time: 0n })
    }), PATIENCE)

  it.live("tells a client that can't be passed on by hanging up, and says why", () =>
    Effect.gen(function* () {
      const { calendar, checked } = yield* twoPlaces
      const { failures, summary } = yield* proxyFor({ listen: checked, connect: calendar })
      const client = (yield* dial({ path: checked })).listen()
      yield* client.isClosed
      yield* until(() => failures.length > 0)
      expect(failures).toEqual([
        `can't connect to a calendar at ${JSON.stringify(calendar)}: there is no such file; is the calendar running?`,
      ])
      expect(yield* summary).toMatchObject({ connections: 1, failed: 1, breaches: 0 })
    }), PATIENCE)

  it.live("leaves no socket file and no connection when its scope closes", () =>
    Effect.gen(function* () {
      const { calendar, checked } = yield* twoPlaces
      const ends = yield* calendarAt(calendar)
      const { scope } = yield* proxyFor({ listen: checked, connect: calendar })
      const client = (yield* dial({ path: checked })).listen().say(START, 1)
      yield* until(() => ends[0] !== undefined && ends[0].got.length > 0)
      yield* Scope.close(scope, Exit.void)
      expect(Fs.existsSync(checked)).toBe(false)
      yield* client.isClosed
      yield* until(() => ends[0]!.ended || ends[0]!.closed)
    }), PATIENCE)

  it.live(
    "is traced as a source that replays, and shows where it would have found something else",
    () =>
      Effect.gen(function* () {
        const { calendar, checked } = yield* twoPlaces
        const ends = yield* calendarAt(calendar)
        const ring = Trace.ring(100)
        const traced = yield* Layer.build(Trace.to(ring))
        const { scope } = yield* Effect.provideContext(proxyFor({ listen: checked, connect: calendar }), traced)
        const client = (yield* dial({ path: checked })).listen().say(START, 1, 7n)
        yield* until(() => ends[0] !== undefined && ends[0].got.length > 0)
        ends[0]!.say(ACK, 1, 0n).say(GET, 1)
        yield* until(() => client.got.length === 2)
        yield* Scope.close(scope, Exit.void)
        const trace = Trace.read([...Trace.write(ring.trace())].join("").split("\n"))
        expect(trace.sources.map(({ kind }) => kind)).toEqual([{ _tag: "Proxy" }])
        const end = Trace.Replay.advance(Trace.Replay.begin(trace, 0))
        expect(Trace.Replay.isDivergence(end)).toBe(false)
        expect(trace.records.map(({ what }) => what._tag === "Transition" ? what.name : what._tag)).toEqual([
          "joined",
          "fromClient",
          "fromCalendar",
          "fromCalendar",
          "left",
          "End",
        ])
        const [report] = Trace.timeline(trace).lanes[0]!.instants
        expect(report).toMatchObject({
          kind: "report",
          name: "Breach",
          text: "0 calendar clients-own: a calendar sent it",
        })
        // As a proxy that hadn't found it would have written it.
        const records = trace.records.map((record) =>
          record.what._tag === "Transition" ? { ...record, what: { ...record.what, then: [] } } : record
        )
        const other = Trace.Replay.advance(Trace.Replay.begin({ ...trace, records }, 0))
        if (!Trace.Replay.isDivergence(other)) throw new Error("it is the same")
        expect([other.record.n, other.what, other.recorded, other.replayed]).toEqual([
          3,
          "commands",
          "none",
          "Breach 0 calendar clients-own: a calendar sent it",
        ])
      }),
    PATIENCE,
  )

  it.live("doesn't take the place of another server", () =>
    Effect.gen(function* () {
      const { calendar } = yield* twoPlaces
      yield* calendarAt(calendar)
      const error = yield* Effect.flip(proxyFor({ listen: calendar, connect: "/nowhere" }))
      expect(error.message).toBe(`can't listen on ${JSON.stringify(calendar)}: another server is listening there`)
    }), PATIENCE)
})

/** A command that runs, and what it printed. Signals are sent by number: Deno's `kill` says that they ended the child. */
const start = (words: ReadonlyArray<string>, ...args: ReadonlyArray<string>) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const [command = "", ...before] = words
      const child = ChildProcess.spawn(command, [...before, built("src/cli/main.ts"), ...args])
      const printed = { stdout: "", stderr: "", code: undefined as number | string | undefined }
      child.stdout.on("data", (data) => printed.stdout += data)
      child.stderr.on("data", (data) => printed.stderr += data)
      child.on("close", (code, signal) => printed.code = code ?? signal ?? "?")
      return { child, printed, ended: until(() => printed.code !== undefined) }
    }),
    ({ child }) => Effect.sync(() => child.kill("SIGKILL")),
  )

const proxied = (words: ReadonlyArray<string>, listen: string, connect: string, ...args: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const running = yield* start(words, "proxy", "--listen", listen, "--connect", connect, ...args)
    const { printed } = running
    yield* until(() => /listening/.test(printed.stdout + printed.stderr) || printed.code !== undefined)
    return running
  })

const events = ({ stdout }: { readonly stdout: string }): ReadonlyArray<Record<string, unknown>> =>
  stdout.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line))

describe.for(Runtimes.names)("guest-clock proxy on %s", (runtime) => {
  const words = Runtimes.locate(runtime).pipe(Effect.provide(NodeServices.layer))

  it.live(
    "leaves three guests their exact times and turns, finds nothing wrong, and its trace replays",
    () =>
      Effect.gen(function* () {
        const run = yield* words
        const runs: Array<unknown> = []
        for (const isProxied of [false, true]) {
          const { calendar: path, checked } = yield* twoPlaces
          const turns: Array<string> = []
          const calendar = yield* CalendarServer.make({
            path,
            clients: 3,
            onGrant: ({ id, time }) => turns.push(`${id}@${time}`),
          })
          const trace = `${path}.ndjson`
          const proxy = isProxied ? yield* proxied(run, checked, path, "--trace", trace) : undefined
          const socket = isProxied ? checked : path
          const guest = (id: number, ...steps: ReadonlyArray<string>) =>
            start(run, "guest", "--socket", socket, "--id", String(id), ...steps)
          const guests = yield* Effect.all([
            guest(1, "sleep 20ms", "busy 5ms", "update", "sleep 5ms", "repeat 10"),
            guest(2, "sleep 10ms", "sleep 20ms", "repeat 10"),
            guest(3, "sleep 7ms", "repeat 20"),
          ])
          yield* Effect.all(guests.map(({ ended }) => ended))
          yield* calendar.ended
          runs.push([turns, guests.map(({ printed: { stdout, code } }) => [stdout, code])])
          if (proxy === undefined) continue
          process.kill(proxy.child.pid!, "SIGTERM")
          yield* proxy.ended
          expect(proxy.printed.stdout).toMatch(/^3 connections, \d+ messages, to [\d.]+ ms: 0 breaches\n$/)
          expect(proxy.printed.code).toBe(0)
          expect(Fs.existsSync(checked)).toBe(false)
          const replay = yield* start(run, "trace", "replay", trace)
          yield* replay.ended
          expect(replay.printed.stdout).toMatch(/^proxy: \d+ records, the same again, to [\d.]+ ms\n$/)
          const summary = yield* start(run, "trace", "summary", trace)
          yield* summary.ended
          // The first turn begins when it is let in, which is no grant.
          for (const id of [1, 2, 3]) {
            const count = 1 + turns.filter((turn) => turn.startsWith(`${id}@`)).length
            expect(summary.printed.stdout).toMatch(new RegExp(`^proxy: .*client ${id} ${count}× `, "m"))
          }
        }
        expect(runs[1]).toEqual(runs[0])
      }),
    PATIENCE,
  )

  it.live(
    "says who broke which rule with what, counts it, and ends with exit code 4 when it is told to",
    () =>
      Effect.gen(function* () {
        const run = yield* words
        for (const [signal, args] of [["SIGTERM", ["--json"]], ["SIGINT", []]] as const) {
          const { calendar, checked } = yield* twoPlaces
          const ends = yield* calendarAt(calendar)
          const { child, printed, ended } = yield* proxied(run, checked, calendar, ...args)
          const client = (yield* dial({ path: checked })).listen().say(START, 1, 7n).say(REQUEST, 2, 5n)
          yield* until(() => ends[0]?.got.length === 2)
          ends[0]!.say(GET, 9)
          expect((yield* client.next()).op).toBe(GET)
          process.kill(child.pid!, signal)
          yield* ended
          expect(printed.code).toBe(4)
          expect(Fs.existsSync(checked)).toBe(false)
          yield* client.isClosed
          if (args.length === 0) {
            expect(printed.stderr).toContain("client 7 (connection 0) broke before-let-in at 0 ns by Request #2 5: ")
            expect(printed.stderr).toContain(
              "the calendar, to client 7 (connection 0) broke clients-own at 0 ns by Get #9 ",
            )
            expect(printed.stderr).toContain("rules of the protocol were broken: 2 times")
            expect(printed.stdout).toMatch(
              /^1 connection, 3 messages, to 0 ns: 2 breaches\n {5}1 {2}client {2}before-let-in: /,
            )
          } else {
            const found = events(printed)
            expect(found.map(({ event }) => event)).toEqual(["listening", "breach", "breach", "summary"])
            expect(found[1]).toMatchObject({
              rule: "before-let-in",
              side: "client",
              connection: 0,
              id: "7",
              message: { op: "Request", number: REQUEST, seq: 2, time: "5" },
            })
            expect(found[3]).toMatchObject({ ended: "told", breaches: 2, messages: 3 })
          }
        }
      }),
    PATIENCE,
  )

  it.live("ends by itself when its calendar has", () =>
    Effect.gen(function* () {
      const run = yield* words
      const { calendar: path, checked } = yield* twoPlaces
      const calendar = yield* start(run, "calendar", "--socket", path, "--clients", "1")
      yield* until(() => /listening/.test(calendar.printed.stderr))
      const proxy = yield* proxied(run, checked, path, "--strict")
      const guest = yield* start(run, "guest", "--socket", checked, "--id", "1", "sleep 1s", "repeat 2")
      yield* Effect.all([guest.ended, calendar.ended, proxy.ended])
      expect([guest.printed.code, calendar.printed.code, proxy.printed.code]).toEqual([0, 0, 0])
      expect(proxy.printed.stderr).toContain("ended: the calendar is gone, and nobody is connected")
    }), PATIENCE)

  it.live(
    "passes on the descriptors that come with START's ACK, and all that comes after them",
    (context) =>
      Effect.gen(function* () {
        const libc = yield* Effect.option(Libc.open)
        if (libc._tag === "None") {
          return yield* Effect.promise(() => LeftOut.note(context, "descriptors through a proxy", "native calls"))
        }
        yield* Effect.gen(function* () {
          const native = yield* Libc.Libc
          const { calendar, checked } = yield* twoPlaces
          const ends = yield* calendarAt(calendar)
          const file = yield* SharedFile.create("memory", 4096)
          new Uint32Array(file.buffer)[0] = 42
          const { printed, child, ended } = yield* proxied(yield* words, checked, calendar)
          const client = yield* dial({ path: checked })
          client.socket.pause()
          client.say(START, 1, 7n)
          yield* until(() => ends[0] !== undefined && ends[0].got.length > 0)
          // It may be long until a client is let in.
          yield* Effect.sleep(100)
          const { socket } = ends[0]!
          const ack = toBytes({ op: ACK, seq: 1, time: 1n })
          expect(UnixSocket.sendNow(native, UnixSocket.descriptorOf(socket)!, ack, [file.descriptor.fd, 2])).toBe(16)
          socket.write(toBytes({ op: FREE_UNTIL, seq: 1, time: 5n }))
          const received = yield* UnixSocket.receive(UnixSocket.descriptorOf(client.socket)!, 16).pipe(
            Effect.retry({ while: () => Effect.as(Effect.sleep(1), true) }),
          )
          expect(fromBytes(received.bytes)).toEqual({ op: ACK, seq: 1, time: 1n })
          expect(received.descriptors.length).toBe(2)
          const mapped = yield* Libc.mapShared(received.descriptors[0]!.fd, 4096)
          expect(new Uint32Array(mapped)[0]).toBe(42)
          client.listen().socket.resume()
          expect((yield* client.next()).op).toBe(FREE_UNTIL)
          process.kill(child.pid!, "SIGTERM")
          yield* ended
          expect(printed.stdout).toContain(": 0 breaches")
        }).pipe(Effect.provideService(Libc.Libc, libc.value))
      }),
    PATIENCE,
  )
})

it.live("a place that isn't one is said to be wrong", () =>
  Effect.gen(function* () {
    const words = yield* Runtimes.locate("Deno").pipe(Effect.provide(NodeServices.layer))
    const { checked } = yield* twoPlaces
    const tooLong = yield* start(words, "proxy", "--listen", `/tmp/${"x".repeat(120)}`, "--connect", checked)
    yield* tooLong.ended
    expect([tooLong.printed.code, tooLong.printed.stderr]).toEqual([1, expect.stringContaining("can't listen on")])
    const missing = yield* start(words, "proxy", "--listen", checked)
    yield* missing.ended
    expect(missing.printed.code).toBe(1)
    expect(missing.printed.stderr).toContain("connect")
  }), PATIENCE)
