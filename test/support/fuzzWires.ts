/**
 * A calendar to be fuzzed, and connections to it of three kinds, all alike to
 * those who use them.
 *
 * @module
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import * as Socket from "effect/socket/Socket"
import * as Net from "node:net"
import * as CalendarServer from "../../src/calendar/CalendarServer.ts"
import { room } from "./rawClient.ts"

/** In this process; through fibers, but without the system; through the system. */
export type Kind = "link" | "memory" | "unix"

/** A client's end of a connection. */
export interface Wire {
  readonly send: (bytes: Uint8Array) => void
  /** All that has come since the last time. */
  readonly take: () => Uint8Array
  /** Whether the server has hung up. */
  readonly isClosed: () => boolean
  readonly close: () => void
  /** Reads nothing any more. */
  readonly stop: () => void
}

/** A server to be connected to. */
export interface Arena {
  readonly server: CalendarServer.CalendarServer
  readonly connect: Effect.Effect<Wire, never, Scope.Scope>
  /** Gives the server its time to do something. */
  readonly turn: Effect.Effect<void>
}

const joined = (chunks: Array<Uint8Array>): Uint8Array => {
  const all = new Uint8Array(chunks.reduce((length, chunk) => length + chunk.length, 0))
  let at = 0
  for (const chunk of chunks.splice(0)) {
    all.set(chunk, at)
    at += chunk.length
  }
  return all
}

const linkWire = (server: CalendarServer.CalendarServer) =>
  Effect.map(server.link("fuzz"), (link): Wire => {
    let isClosed = false
    let reads = true
    return {
      send: (bytes) => {
        if (Exit.isFailure(Effect.runSyncExit(link.write(bytes)))) isClosed = true
      },
      take: () => reads ? Effect.runSync(link.read) : new Uint8Array(0),
      isClosed: () => isClosed,
      close: () => Effect.runSync(link.close),
      stop: () => reads = false,
    }
  })

const memoryWire = (server: CalendarServer.CalendarServer) =>
  Effect.gen(function* () {
    const input = yield* Queue.unbounded<Uint8Array | undefined>()
    const chunks: Array<Uint8Array> = []
    const reading = Deferred.makeUnsafe<void>()
    let reads = true
    let isClosed = false
    const write = (chunk: unknown) =>
      Effect.suspend(() => {
        chunks.push(chunk as Uint8Array)
        return reads ? Effect.void : Deferred.await(reading)
      })
    const end = new Socket.SocketError({ reason: new Socket.SocketCloseError({ code: 1000 }) })
    const pull = Effect.flatMap(
      Queue.take(input),
      (chunk) => chunk === undefined ? Effect.fail(end) : Effect.succeed([chunk] as const),
    )
    const socket = Socket.make({
      reader: Effect.succeed({ pull, upgrade: () => Effect.void }),
      writer: Effect.succeed({ write, writeAll: (all) => Effect.forEach(all, write, { discard: true }) }),
    })
    const serving = yield* Effect.forkScoped(server.accept(socket, "fuzz"))
    serving.addObserver(() => isClosed = true)
    // However a client behaves, serving it ends well.
    yield* Effect.addFinalizer(() =>
      Effect.andThen(Queue.offer(input, undefined), Effect.flatMap(Fiber.await(serving), (exit) => Effect.orDie(exit)))
    )
    return {
      send: (bytes) => {
        if (bytes.length > 0) Queue.offerUnsafe(input, bytes)
      },
      take: () => reads ? joined(chunks) : new Uint8Array(0),
      isClosed: () => isClosed,
      close: () => {
        Queue.offerUnsafe(input, undefined)
      },
      stop: () => reads = false,
    } satisfies Wire
  })

const unixWire = (path: string) =>
  Effect.gen(function* () {
    const chunks: Array<Uint8Array> = []
    let isClosed = false
    const socket = yield* Effect.acquireRelease(
      Effect.sync(() => Net.connect({ path })),
      (socket) => Effect.sync(() => socket.destroy()),
    )
    socket.on("data", (chunk: Uint8Array) => chunks.push(chunk))
    socket.on("error", () => {})
    socket.on("close", () => isClosed = true)
    return {
      send: (bytes) => {
        if (!socket.destroyed) socket.write(bytes)
      },
      take: () => joined(chunks),
      isClosed: () => isClosed,
      close: () => {
        socket.destroy()
      },
      stop: () => {
        socket.pause()
      },
    } satisfies Wire
  })

const eventLoop = Effect.callback<void>((resume) => {
  setImmediate(() => resume(Effect.void))
})

/** Sockets may starve in a loop of nothing but immediates, on Deno: now and then it is a timer. */
const systemTurn = () => {
  let turns = 0
  return Effect.suspend(() => ++turns % 8 === 0 ? Effect.sleep(1) : eventLoop)
}

/** A server, until the scope closes. */
export const arena = (kind: Kind, options: CalendarServer.ServeOptions) =>
  Effect.gen(function* () {
    if (kind === "unix") {
      const { path } = yield* room
      const server = yield* CalendarServer.make({ path, ...options })
      return { server, connect: unixWire(path), turn: systemTurn() } satisfies Arena
    }
    const server = yield* CalendarServer.serve(options)
    const connect = kind === "link" ? linkWire(server) : memoryWire(server)
    return { server, connect, turn: kind === "link" ? Effect.void : eventLoop } satisfies Arena
  })
