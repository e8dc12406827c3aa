/**
 * A calendar's end of real unix sockets, on `node:net` and without any of the
 * library's own code: a test says by hand what it says.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as fs from "node:fs"
import * as net from "node:net"
import * as os from "node:os"
import * as path from "node:path"
import { fromBytes, type Msg, toBytes } from "./wire.ts"

/** Waits until `condition` holds, however long that takes. */
export const until = (condition: () => boolean): Effect.Effect<void> =>
  Effect.suspend(() => condition() ? Effect.void : Effect.andThen(Effect.sleep("1 millis"), until(condition)))

/** One guest's connection. */
export class Connection {
  /** What the guest wrote, in order. */
  readonly got: Array<Msg> = []
  /** Whether the guest has closed its end. */
  ended = false
  /** Whether the connection is gone. */
  closed = false
  /** Does what the calendar does with a message. */
  handle: (message: Msg) => void
  time = 0n
  timeOfDay = 0n
  readonly socket: net.Socket
  #unparsed = Buffer.alloc(0)

  constructor(socket: net.Socket, handle?: (message: Msg, connection: Connection) => void) {
    this.socket = socket
    this.handle = (message) => handle === undefined ? this.acknowledge(message) : handle(message, this)
    socket.on("data", (data: Uint8Array) => {
      this.#unparsed = Buffer.concat([this.#unparsed, Buffer.from(data)])
      while (this.#unparsed.length >= 16) {
        const message = fromBytes(new Uint8Array(this.#unparsed.subarray(0, 16)))
        this.#unparsed = this.#unparsed.subarray(16)
        this.got.push(message)
        this.handle(message)
      }
    })
    socket.on("end", () => this.ended = true)
    socket.on("close", () => this.closed = true)
    socket.on("error", () => {})
  }

  bytes(...messages: ReadonlyArray<readonly [op: number, seq: number, time: bigint]>): Uint8Array {
    return Buffer.concat(messages.map(([op, seq, time]) => toBytes({ op, seq, time })))
  }

  /** Says these messages in one chunk. */
  say(...messages: ReadonlyArray<readonly [op: number, seq: number, time: bigint]>): void {
    this.socket.write(this.bytes(...messages))
  }

  /** The ACK of a message, with the time it asks for. */
  ack({ op, seq }: Msg): readonly [number, number, bigint] {
    return [0, seq, op === 4 ? this.time : op === 8 ? this.timeOfDay : 0n]
  }

  acknowledge(message: Msg): void {
    if (message.op !== 0) this.say(this.ack(message))
  }
}

/** A listening calendar. */
export interface SocketCalendar {
  readonly path: string
  readonly connections: ReadonlyArray<Connection>
  /** What to do with each connection's messages from now on; otherwise each is acknowledged. */
  onMessage: ((message: Msg, connection: Connection) => void) | undefined
  /** Waits for the guest that connects as the `n`th, from 0. */
  readonly connection: (n?: number) => Effect.Effect<Connection>
}

/** A new directory, gone with the scope. */
export const directory: Effect.Effect<string, never, Scope.Scope> = Effect.acquireRelease(
  Effect.sync(() => fs.mkdtempSync(path.join(os.tmpdir(), "gc-"))),
  (directory) => Effect.sync(() => fs.rmSync(directory, { recursive: true, force: true })),
)

/** Listens on a socket of this name in a directory of its own. */
export const listen = (name = "s"): Effect.Effect<SocketCalendar, never, Scope.Scope> =>
  Effect.gen(function* () {
    const connections: Array<Connection> = []
    const at = path.join(yield* directory, name)
    const calendar: SocketCalendar = {
      path: at,
      connections,
      onMessage: undefined,
      connection: (n = 0) => Effect.map(until(() => connections.length > n), () => connections[n]!),
    }
    yield* Effect.acquireRelease(
      Effect.callback<net.Server>((resume) => {
        const server = net.createServer({ allowHalfOpen: true }, (socket) => {
          connections.push(
            new Connection(socket, (message, connection) =>
              calendar.onMessage === undefined
                ? connection.acknowledge(message)
                : calendar.onMessage(message, connection)),
          )
        })
        server.listen(at, () =>
          resume(Effect.succeed(server)))
      }),
      (server) =>
        Effect.callback<void>((resume) => {
          for (const { socket } of connections) {
            socket.destroy()
          }
          server.close(() =>
            resume(Effect.void)
          )
        }),
    )
    return calendar
  })
