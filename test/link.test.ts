/**
 * External mode over real unix sockets, against a calendar that knows nothing of
 * this library (SPEC 9).
 *
 * @module
 */
import { describe, expect, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import { spawn } from "node:child_process"
import * as fs from "node:fs"
import * as net from "node:net"
import * as path from "node:path"
import process from "node:process"
import type { Warning } from "../src/core/Fault.ts"
import * as GuestClock from "../src/GuestClock.ts"
import * as Mode from "../src/Mode.ts"
import * as SocketLink from "../src/platform/SocketLink.ts"
import * as Interrupts from "../src/services/Interrupts.ts"
import { OnWarning } from "../src/services/Warnings.ts"
import { built } from "./support/built.ts"
import { settled } from "./support/fakes.ts"
import { isOfFirst, underTest } from "./support/revision.ts"
import { type Connection, directory, listen, type SocketCalendar, until } from "./support/socketCalendar.ts"
import { type Msg, show } from "./support/wire.ts"

const fork = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.forkChild(effect, { startImmediately: true })

const { revision } = underTest

type Program<A, E> = (
  clock: GuestClock.GuestClock,
  connection: Connection,
) => Effect.Effect<A, E, Mode.Services | Scope.Scope>

/** Runs `program` as a guest of `calendar`; what was said at boot is forgotten. */
const asGuest = <A, E>(calendar: SocketCalendar, program: Program<A, E>, id?: bigint) =>
  Effect.gen(function* () {
    const clock = yield* GuestClock.GuestClock
    const connection = calendar.connections.at(-1)!
    yield* clock.wallClock
    connection.got.length = 0
    return yield* program(clock, connection)
  }).pipe(
    Effect.provide(Mode.external({ socket: calendar.path, revision, ...id !== undefined && { id } })),
  )

/** The same with a calendar of its own. */
const withCalendar = <A, E>(program: Program<A, E>) =>
  Effect.scoped(Effect.flatMap(listen(), (calendar) => asGuest(calendar, program)))

const said = (connection: Connection) => connection.got.map(show)

/** Waits until the guest has said this many messages since boot. */
const heard = (connection: Connection, count: number) => until(() => connection.got.length >= count)

describe("a guest in external mode", () => {
  it.live("says who it is, then asks for the time of day and for the time", () =>
    Effect.scoped(Effect.gen(function* () {
      const calendar = yield* listen()
      calendar.onMessage = (message, connection) => {
        connection.time = 7n
        connection.timeOfDay = 1000n
        connection.acknowledge(message)
      }
      for (const [n, id] of [7n, 0n, undefined].entries()) {
        const socket = { socket: calendar.path, ...id !== undefined && { id } }
        yield* Effect.gen(function* () {
          const clock = yield* GuestClock.GuestClock
          expect(yield* clock.now).toBe(7n)
          expect(yield* clock.wallClock).toBe(1000n)
        }).pipe(Effect.provide(Mode.external(socket)))
        expect(said(calendar.connections[n]!)).toEqual([`START#1 ${id ?? "NONE"}`, "GET_TOD#2 NONE", "GET#3 NONE"])
      }
    })))

  it.live("is made of a boot option", () =>
    Effect.scoped(Effect.gen(function* () {
      const calendar = yield* listen()
      const words = [`time-travel=ext:0x10:${calendar.path}`, "quiet"]
      yield* Effect.provide(Effect.flatMap(GuestClock.GuestClock, ({ now }) => now), Mode.fromBootOptions(words))
      expect(said(calendar.connections[0]!)[0]).toBe("START#1 16")
    })))

  if (isOfFirst()) {
    it.live("requests, waits and is run", () =>
      withCalendar((clock, connection) =>
        Effect.gen(function* () {
          const order: Array<string> = []
          yield* clock.addEvent(
            GuestClock.event("e", ({ now }) => {
              order.push(`e at ${now}`)
            }),
            20n,
          )
          const fiber = yield* fork(clock.ndelay(50n))
          yield* heard(connection, 2)
          expect(said(connection)).toEqual(["REQUEST#4 20", "WAIT#5 NONE"])
          connection.say([6, 900, 20n])
          yield* heard(connection, 5)
          expect(said(connection).slice(2)).toEqual(["ACK#900 0", "REQUEST#6 50", "WAIT#7 NONE"])
          expect(order).toEqual(["e at 20"])
          connection.say([7, 901, 70n], [6, 902, 50n])
          yield* Fiber.join(fiber)
          yield* heard(connection, 7)
          expect(said(connection).slice(5)).toEqual(["ACK#901 0", "ACK#902 0"])
          // Before 70 it runs on by itself, but for the REQUEST that adding makes.
          yield* clock.ndelay(19n)
          expect(yield* clock.now).toBe(69n)
          yield* heard(connection, 8)
          expect(said(connection).slice(7)).toEqual(["REQUEST#8 69"])
        })
      ))
  }

  it.live("doesn't mind how its calendar's bytes arrive: one by one, or all at once", () =>
    Effect.scoped(Effect.gen(function* () {
      const calendar = yield* listen()
      const deliver = (connection: Connection, bytes: Uint8Array, chunk: number) =>
        Effect.gen(function* () {
          for (let i = 0; i < bytes.length; i += chunk) {
            yield* Effect.callback<void>((resume) => {
              connection.socket.write(bytes.subarray(i, i + chunk), () => resume(Effect.void))
            })
            // So that they are read one by one, too.
            yield* Effect.sleep("1 millis")
          }
        })
      for (const chunk of [1, 3, 15, 17, 1000]) {
        yield* asGuest(calendar, (clock, connection) =>
          Effect.gen(function* () {
            connection.handle = () => {}
            const fiber = yield* fork(clock.ndelay(50n))
            yield* heard(connection, 1)
            const freeUntil = [7, 900, 40n] as const
            yield* deliver(connection, connection.bytes(freeUntil, [0, 4, 0n]), chunk)
            yield* heard(connection, 3)
            // The ACK of WAIT, another FREE_UNTIL, something unknown and RUN, together.
            const rest = connection.bytes([0, 5, 0n], [7, 901, 41n], [77, 902, 5n], [6, 903, 50n])
            yield* deliver(connection, rest, chunk)
            yield* Fiber.join(fiber)
            yield* heard(connection, 6)
            expect(said(connection)).toEqual([
              "REQUEST#4 50",
              "ACK#900 0",
              "WAIT#5 NONE",
              "ACK#901 0",
              "ACK#902 0",
              "ACK#903 0",
            ])
            expect((yield* clock.snapshot).external).toMatchObject({ freeUntil: 41n, waiting: 0 })
          })).pipe(Effect.provideService(OnWarning, () => Effect.void))
      }
    })))

  if (isOfFirst()) {
    it.live("answers what it doesn't understand with ACK, and warns of the first only", () => {
      const warnings: Array<Warning> = []
      return withCalendar((clock, connection) =>
        Effect.gen(function* () {
          connection.handle = (message) => {
            if (message.op === 0) return
            connection.say([77, 901, 5n], [1, 902, 6n], [2 ** 32 - 1, 903, 7n], [9, 904, 8n], connection.ack(message))
          }
          yield* clock.propagateTime
          yield* heard(connection, 5)
          expect(said(connection)).toEqual(["UPDATE#4 0", "ACK#901 0", "ACK#902 0", "ACK#903 0", "ACK#904 0"])
          connection.handle = (message) => {
            if (message.op !== 0) connection.say([77, 905, 5n], connection.ack(message))
          }
          yield* clock.propagateTime
          expect(warnings).toEqual([{ _tag: "UnexpectedMessage", op: 77, seq: 901, time: 5n }])
        })
      ).pipe(Effect.provideService(OnWarning, (warning) => Effect.sync(() => warnings.push(warning))))
    })
  }

  it.live("takes thousands of messages in one go", () =>
    withCalendar((clock, connection) =>
      Effect.gen(function* () {
        const fiber = yield* fork(clock.ndelay(50n))
        yield* heard(connection, 2)
        const many = Array.from({ length: 5000 }, (_, i) => [7, i, BigInt(i % 40)] as const)
        connection.say(...many, [6, 5000, 50n])
        yield* Fiber.join(fiber)
        yield* heard(connection, 5003)
        expect(connection.got.slice(2).map(({ op, seq }) => op === 0 ? seq : -1)).toEqual(
          Array.from({ length: 5001 }, (_, i) => i),
        )
      })
    ))

  if (isOfFirst()) {
    it.live("takes nothing more as long as what was written isn't on its way: its memory is bounded", () =>
      Effect.gen(function* () {
        const folder = yield* directory
        const at = path.join(folder, "slow")
        const arrived = yield* Deferred.make<net.Socket>()
        const server = net.createServer((socket) => {
          socket.on("error", () => {})
          socket.write(new Uint8Array(16))
          Deferred.doneUnsafe(arrived, Effect.succeed(socket))
        })
        yield* Effect.acquireRelease(
          Effect.callback<void>((resume) => {
            server.listen(at, () => resume(Effect.void))
          }),
          () => Effect.sync(() => server.close()),
        )
        const link = yield* SocketLink.connect(at, { sharedMemory: false })
        const direct = link.direct!
        yield* link.readable
        for (let seq = 0; seq < 100_000; seq++) expect(direct.post({ op: 1, seq, time: 0n })).toBeUndefined()
        expect(direct.take()).toBeUndefined()
        const socket = yield* Deferred.await(arrived)
        socket.resume()
        yield* link.readable
        expect(direct.take()).toHaveLength(16)
      }).pipe(Effect.scoped))
  }

  it.live("handles what its calendar says while it waits for something else", () =>
    withCalendar((clock, connection) =>
      Effect.gen(function* () {
        const other = yield* Deferred.make<void>()
        const fiber = yield* fork(clock.waitReadable(Deferred.await(other)))
        connection.say([7, 900, 30n])
        yield* heard(connection, 1)
        connection.say([7, 901, 40n], [7, 902, 50n])
        yield* heard(connection, 3)
        yield* until(() => fiber.pollUnsafe() === undefined)
        yield* Deferred.succeed(other, undefined)
        yield* Fiber.join(fiber)
        expect(said(connection)).toEqual(["ACK#900 0", "ACK#901 0", "ACK#902 0"])
        expect((yield* clock.snapshot).external?.freeUntil).toBe(50n)
      })
    ))

  if (isOfFirst()) {
    it.live("is interruptible while it waits: another fiber's interrupt enters at the calendar's now", () =>
      withCalendar((clock, connection) =>
        Effect.gen(function* () {
          const seen: Array<string> = []
          const fiber = yield* fork(clock.ndelay(50n))
          yield* heard(connection, 2)
          connection.time = 30n
          yield* clock.irqEvent(
            GuestClock.event("irq", ({ now }) => {
              seen.push(`irq at ${now}`)
            }),
          )
          expect(said(connection).slice(2)).toEqual(["GET#6 NONE", "REQUEST#7 30"])
          connection.handle = (message) => {
            if (message.op === 0) return
            connection.say(connection.ack(message))
            if (message.op === 2) connection.time = message.time
            if (message.op === 3) connection.say([6, 901, connection.time])
          }
          connection.say([6, 900, 30n])
          yield* Fiber.join(fiber)
          expect(seen).toEqual(["irq at 30"])
          expect(yield* clock.now).toBe(50n)
        })
      ))
  }
})

describe("a link that goes wrong", () => {
  /** What the next call and the one after it fail with. */
  const failing = (
    provoke: (connection: Connection, message: Msg) => void,
    call: (clock: GuestClock.GuestClock) => Effect.Effect<unknown, GuestClock.ClockError> = (clock) =>
      clock.addEvent(GuestClock.event("told", () => {}), 9n),
  ) =>
    Effect.scoped(Effect.gen(function* () {
      const calendar = yield* listen()
      const error = yield* asGuest(calendar, (clock, connection) =>
        Effect.gen(function* () {
          connection.handle = (message) => {
            if (message.op !== 0) provoke(connection, message)
          }
          const error = yield* Effect.flip(call(clock))
          expect(yield* Effect.flip(clock.now)).toBe(error)
          expect(yield* Effect.flip(clock.ndelay(1n))).toBe(error)
          return error
        }))
      const [connection] = calendar.connections
      yield* until(() => connection!.ended || connection!.closed)
      return error
    }))

  it.live("with an ACK of another message is AckSequenceMismatch", () =>
    Effect.gen(function* () {
      expect(yield* failing((connection, { seq }) => connection.say([0, seq + 1, 0n]))).toMatchObject({
        _tag: "AckSequenceMismatch",
        expected: 4,
        got: 5,
      })
    }))

  it.live("that ends between two messages is LinkBroken, in an exchange as in a wait", () =>
    Effect.gen(function* () {
      expect(yield* failing((connection) => connection.socket.end())).toMatchObject({ _tag: "LinkBroken" })
      const inWait = yield* failing((connection, message) => {
        connection.say(connection.ack(message))
        if (message.op === 3) connection.socket.end()
      }, (clock) => clock.ndelay(5n))
      expect(inWait).toMatchObject({ _tag: "LinkBroken" })
    }))

  it.live("that ends inside a message is InvalidMessage with the bytes there were", () =>
    Effect.gen(function* () {
      for (const bytes of [1, 7, 15]) {
        const error = yield* failing((connection, message) => {
          connection.socket.end(connection.bytes([7, 900, 5n], connection.ack(message)).subarray(0, 16 + bytes))
        })
        expect(error).toMatchObject({ _tag: "InvalidMessage", bytes })
      }
    }))

  it.live("whose calendar dies in the middle of an exchange is LinkBroken", () =>
    Effect.gen(function* () {
      expect(yield* failing((connection) => connection.socket.destroy())).toMatchObject({ _tag: "LinkBroken" })
    }))

  it.live("whose calendar has died long before a message is written is LinkBroken, and no defect", () =>
    Effect.gen(function* () {
      for (let round = 0; round < 5; round++) {
        const error = yield* withCalendar((clock, connection) =>
          Effect.gen(function* () {
            connection.socket.destroy()
            yield* until(() => connection.closed)
            yield* Effect.sleep("5 millis")
            return yield* Effect.flip(clock.addEvent(GuestClock.event("told", () => {}), 9n))
          })
        )
        expect(error).toMatchObject({ _tag: "LinkBroken" })
      }
    }))

  it.live("hears what was said before the end, before it fails", () =>
    withCalendar((clock, connection) =>
      Effect.gen(function* () {
        connection.handle = (message) => {
          if (message.op === 2) {
            connection.say(connection.ack(message))
          } else if (message.op === 3) {
            connection.socket.end(connection.bytes(connection.ack(message), [6, 900, 5n]))
          }
        }
        yield* clock.ndelay(5n)
        expect(yield* clock.now).toBe(5n)
        expect(yield* Effect.flip(clock.ndelay(5n))).toMatchObject({ _tag: "LinkBroken" })
      })
    ))

  it.live("at boot is the failure of the layer, and closes the socket", () =>
    Effect.scoped(Effect.gen(function* () {
      const cases: ReadonlyArray<readonly [string, (message: Msg, connection: Connection) => void]> = [
        ["LinkBroken", (_, connection) => connection.socket.end()],
        ["InvalidMessage", (_, connection) => connection.socket.end(new Uint8Array(5))],
        ["AckSequenceMismatch", (_, connection) => connection.say([0, 99, 0n])],
        ["LinkBroken", (message, connection) =>
          message.op === 4 ? connection.socket.end() : connection.acknowledge(message)],
        ["SleepForever", (message, connection) =>
          connection.say([0, message.seq, message.op === 4 ? 2n ** 63n : 0n])],
      ]
      for (const [n, [tag, onMessage]] of cases.entries()) {
        const calendar = yield* listen(String(n))
        calendar.onMessage = onMessage
        const exit = yield* Effect.exit(asGuest(calendar, () => Effect.void))
        expect(Exit.isFailure(exit) && exit.cause.reasons, tag).toMatchObject([{ _tag: "Fail", error: { _tag: tag } }])
        yield* until(() => calendar.connections[0]!.ended || calendar.connections[0]!.closed)
      }
    })))
})

describe("a socket that can't be connected to", () => {
  const connectTo = (socket: string) => Effect.flip(Effect.provide(Effect.void, Mode.external({ socket, id: 7n })))

  it.live("is a ConnectError that quotes the path and says why", () =>
    Effect.scoped(Effect.gen(function* () {
      const at = yield* directory
      const missing = path.join(at, "missing")
      const file = path.join(at, 'a "file"')
      fs.writeFileSync(file, "no socket")
      // A socket that outlived its listener: what a crash leaves behind.
      const deserted = path.join(at, "deserted")
      yield* Effect.callback<void>((resume) => {
        const server = net.createServer()
        server.listen(path.join(at, "listening"), () => {
          fs.renameSync(path.join(at, "listening"), deserted)
          server.close(() => resume(Effect.void))
        })
      })
      const cases: ReadonlyArray<readonly [string, RegExp]> = [
        [missing, /no such file/],
        [path.join(at, "no", "directory"), /no such file/],
        [file, /./],
        [deserted, /nobody listens/],
        [at, /./],
        [path.join(at, "x".repeat(108)), /107/],
        ["", /missing/],
        ["/run/\0x", /zero/],
      ]
      for (const [socket, why] of cases) {
        const error = yield* connectTo(socket)
        expect(error, socket).toMatchObject({ _tag: "ConnectError", path: socket })
        expect(error.message).toContain(JSON.stringify(socket))
        expect(error.message).toMatch(why)
      }
    })))

  it.live("is one with a boot option, too, and can be caught by its name", () =>
    Effect.scoped(Effect.gen(function* () {
      const missing = path.join(yield* directory, "missing")
      const caught = yield* Effect.provide(Effect.succeed(""), Mode.fromBootOptions([`time-travel=ext:7:${missing}`]))
        .pipe(Effect.catchTag("ConnectError", (error) => Effect.succeed(error.path)))
      expect(caught).toBe(missing)
    })))

  it.live("is not one whose path has just as many bytes as there may be, in whatever characters", () =>
    Effect.scoped(Effect.gen(function* () {
      const prefix = `${yield* directory}/gc-123456/`
      for (const character of ["a", "é", "語"]) {
        const size = new TextEncoder().encode(character).length
        const room = 107 - prefix.length
        const name = character.repeat(Math.floor(room / size)) + "x".repeat(room % size)
        const at = path.join(yield* directory, "s")
        // The directory's name is as long as mkdtemp makes it: fill up to 107 bytes from there.
        const bytes = new TextEncoder().encode(path.dirname(at)).length + 1
        const fitted = character.repeat(Math.floor((107 - bytes) / size)) + "x".repeat((107 - bytes) % size)
        expect(name.length).toBeGreaterThan(0)
        const calendar = yield* listen(fitted)
        expect(new TextEncoder().encode(calendar.path).length).toBe(107)
        yield* asGuest(calendar, (clock) => clock.propagateTime)
      }
    })))
})

describe("a guest's socket", () => {
  const gone = (connection: Connection) => until(() => connection.ended || connection.closed)

  it.live("is closed when the program has ended, well or badly", () =>
    Effect.scoped(Effect.gen(function* () {
      const calendar = yield* listen()
      const ends: ReadonlyArray<Effect.Effect<void, string>> = [Effect.void, Effect.fail("no"), Effect.die("bug")]
      for (const [n, end] of ends.entries()) {
        yield* Effect.exit(asGuest(calendar, () => end))
        yield* gone(calendar.connections[n]!)
      }
      expect(calendar.connections).toHaveLength(3)
    })))

  it.live("is closed on interruption: at work, while it waits to be let in, while it waits for RUN or for an ACK", () =>
    Effect.scoped(Effect.gen(function* () {
      const calendar = yield* listen()
      const programs: ReadonlyArray<Program<void, GuestClock.ClockError>> = [
        () => Effect.never,
        (clock) => clock.ndelay(50n),
        (clock) => clock.sleep,
        (clock) => clock.waitReadable(Effect.never),
        (clock, connection) => {
          connection.handle = () => {}
          return clock.propagateTime
        },
      ]
      for (const [n, program] of programs.entries()) {
        let running = false
        const fiber = yield* fork(asGuest(calendar, (clock, connection) => {
          running = true
          return program(clock, connection)
        }))
        yield* until(() => running)
        yield* settled
        yield* Fiber.interrupt(fiber)
        yield* gone(calendar.connections[n]!)
      }
      calendar.onMessage = () => {}
      const heldBack = yield* fork(asGuest(calendar, () => Effect.void))
      const connection = yield* calendar.connection(programs.length)
      yield* heard(connection, 1)
      yield* Fiber.interrupt(heldBack)
      yield* gone(connection)
    })))

  it.live(
    "keeps no process alive: one that has done its work ends, and so does one whose calendar hung up",
    () =>
      Effect.scoped(Effect.gen(function* () {
        if (!("Deno" in globalThis)) return
        const calendar = yield* listen()
        const run = (socket: string) =>
          Effect.callback<string>((resume) => {
            const file = built("test/support/guestProcess.ts")
            const child = spawn(process.execPath, ["run", "-q", "-A", file, `time-travel=ext:${socket}`])
            let output = ""
            child.stdout.on("data", (data) => output += data)
            child.stderr.on("data", (data) => output += data)
            child.on("close", (code) => resume(Effect.succeed(`${output.trim()} (${code})`)))
          })
        calendar.onMessage = (message, connection) => {
          connection.acknowledge(message)
          if (message.op === 3) connection.say([6, 900, 10n])
        }
        expect(yield* run(calendar.path)).toBe("external 10 (0)")
        calendar.onMessage = (message, connection) => {
          if (message.op === 3) connection.socket.end()
          else connection.acknowledge(message)
        }
        expect(yield* run(calendar.path)).toBe("LinkBroken (0)")
        expect(yield* run(`${calendar.path}.missing`)).toBe("ConnectError (0)")
      })),
    60_000,
  )
})

describe("a fiber of a guest that is interrupted", () => {
  it.live("while it waits for RUN leaves at once; the clock goes on, and takes in the late RUN", () =>
    withCalendar((clock, connection) =>
      Effect.gen(function* () {
        const fiber = yield* fork(clock.ndelay(50n))
        yield* heard(connection, 2)
        yield* Fiber.interrupt(fiber)
        yield* clock.addEvent(GuestClock.event("later", () => {}), 80n)
        expect(said(connection).slice(2)).toEqual(["REQUEST#6 80"])
        connection.handle = (message) => {
          if (message.op === 0) return
          connection.say([6, 900, 50n], connection.ack(message))
          connection.handle = (next) => connection.acknowledge(next)
        }
        yield* clock.addEvent(GuestClock.event("earlier", () => {}), 70n)
        expect(yield* clock.now).toBe(50n)
        yield* heard(connection, 5)
        expect(said(connection).slice(3)).toEqual(["REQUEST#7 70", "ACK#900 0"])
      })
    ))

  if (isOfFirst()) {
    it.live("between a message and its ACK: the next exchange takes the late ACK in and goes on", () =>
      withCalendar((clock, connection) =>
        Effect.gen(function* () {
          connection.handle = () => {}
          const fiber = yield* fork(clock.propagateTime)
          yield* heard(connection, 1)
          yield* Fiber.interrupt(fiber)
          const next = yield* fork(clock.irqEvent(GuestClock.event("irq", () => {})))
          yield* settled
          expect(connection.got).toHaveLength(1)
          // In two pieces, the ACK to come in one of them.
          const bytes = connection.bytes([0, 4, 0n], [7, 900, 5n])
          connection.socket.write(bytes.subarray(0, 9))
          yield* Effect.sleep("2 millis")
          connection.time = 33n
          connection.handle = (message) => connection.acknowledge(message)
          connection.socket.write(bytes.subarray(9))
          yield* Fiber.join(next)
          expect(yield* clock.now).toBe(33n)
          expect(said(connection).filter((message) => !message.startsWith("ACK"))).toEqual([
            "UPDATE#4 0",
            "GET#5 NONE",
            "REQUEST#6 33",
          ])
        })
      ))
  }

  it.live("over and over, at whatever moment, loses no byte of the stream", () =>
    withCalendar((clock, connection) =>
      Effect.gen(function* () {
        for (let round = 0; round < 60; round++) {
          const fiber = yield* fork(clock.propagateTime)
          yield* Effect.repeat(Effect.yieldNow, { times: round % 7 })
          if (round % 3 === 0) yield* Effect.sleep("1 millis")
          yield* Fiber.interrupt(fiber)
        }
        yield* clock.propagateTime
        const seqs = connection.got.map(({ seq }) => seq)
        expect(seqs).toEqual(seqs.map((_, i) => 4 + i))
      })
    ))
})

if (isOfFirst()) {
  describe("masks on a real link", () => {
    if (isOfFirst()) {
      it.live("are off while it waits for RUN, on in an exchange, and off afterwards", () =>
        withCalendar((clock, connection) =>
          Effect.gen(function* () {
            const interrupts = yield* Interrupts.Interrupts
            const ON = { masked: false, inInterrupt: false }
            connection.handle = () => {}
            const exchange = yield* fork(clock.propagateTime)
            yield* heard(connection, 1)
            expect(interrupts.context()).toEqual({ ...ON, masked: true })
            connection.handle = (message) => connection.acknowledge(message)
            connection.say([0, 4, 0n])
            yield* Fiber.join(exchange)
            expect(interrupts.context()).toEqual(ON)
            const sleeping = yield* fork(clock.sleep)
            yield* heard(connection, 3)
            yield* until(() => !interrupts.context().masked)
            connection.socket.destroy()
            expect(yield* Effect.flip(Fiber.join(sleeping))).toMatchObject({ _tag: "LinkBroken" })
            expect(interrupts.context()).toEqual(ON)
          })
        ))
    }
  })
}
