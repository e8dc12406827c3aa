/**
 * The real link: a socket that a calendar listens on, a unix one or TCP.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import { lstatSync } from "node:fs"
import * as Net from "node:net"
import { pathFault } from "../core/BootOptions.ts"
import { ConnectError, LinkBroken } from "../core/Fault.ts"
import * as Message from "../core/Message.ts"
import type { OnReady } from "../services/Interrupts.ts"
import { Link, readers, waitsFor } from "../services/Link.ts"
import * as ByteStream from "../internal/platform/ByteStream.ts"
import * as FirstMessage from "../internal/platform/FirstMessage.ts"
import * as MemoryLink from "../internal/platform/MemoryLink.ts"
import * as Libc from "../internal/platform/native/Libc.ts"
import { inRealTime } from "../internal/platform/RealTime.ts"
import * as Tcp from "../internal/platform/Tcp.ts"

const END = new Uint8Array(0)

/** How many bytes may wait to be read before no more are taken from the socket. */
const MOST_UNREAD = 65_536

/** What to try, for the ways a connection usually fails. */
const hints: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file; is the calendar running?",
  ECONNREFUSED: "nobody listens there; is the calendar running?",
  EACCES: "permission denied",
}

/** Why it can't be connected to. Systems say of any file that nobody listens there. */
const why = (at: Place, { code = "", message }: NodeJS.ErrnoException): string =>
  code === "ECONNREFUSED" && typeof at === "string" && !lstatSync(at, { throwIfNoEntry: false })?.isSocket()
    ? "it is not a socket"
    : hints[code] ?? message

/** A unix socket's path, or an address on TCP. */
type Place = string | Tcp.Address

const nameOf = (at: Place): string => typeof at === "string" ? at : Tcp.format(at)

/**
 * Opens the connection; it closes with the scope, with what was written before if the calendar reads that in time. Nothing
 * is read before somebody listens.
 */
const open = (at: Place): Effect.Effect<Net.Socket, ConnectError, Scope.Scope> =>
  Effect.gen(function* () {
    const connection = yield* Effect.acquireRelease(
      Effect.sync(() => {
        const connection = Net.createConnection(
          typeof at === "string" ? { path: at } : { host: "127.0.0.1", ...at },
        )
        if (typeof at !== "string") Tcp.settle(connection)
        // Reads and writes fail by errors themselves. Node throws an error that has no listener.
        return connection.on("error", () => {}).pause()
      }),
      (connection) => Effect.sync(() => connection.connecting ? connection.destroy() : ByteStream.hangUp(connection)),
    )
    yield* Effect.callback<void, ConnectError>((resume) => {
      connection.once("connect", () => resume(Effect.void))
      connection.once("error", (cause: NodeJS.ErrnoException) =>
        resume(Effect.fail(new ConnectError(nameOf(at), why(at, cause), { cause }))))
    })
    return connection
  })

/** The calendar has more newcomers than it can look at just now. */
const isBusy = ({ cause }: ConnectError): boolean => (cause as NodeJS.ErrnoException | undefined)?.code === "EAGAIN"

const patience = Schedule.spaced("10 millis").pipe(Schedule.upTo({ times: 1000 }))

const placeFault = (at: Place): string | undefined => {
  if (typeof at === "string") return pathFault(at)
  return Number.isInteger(at.port) && at.port > 0 && at.port <= 65_535
    ? undefined
    : "a port is a whole number from 1 to 65535"
}

/**
 * The options of a link.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /**
   * Whether the memory is shared that a calendar on a unix socket offers, so that a turn takes two messages; only where
   * libc can be called. Default: yes.
   */
  readonly sharedMemory?: boolean
}

/**
 * Connects to the calendar at a path or an address; the connection closes with the scope.
 *
 * One that can't be connected to is a `ConnectError` that quotes it.
 *
 * @since 0.1.0
 * @category constructors
 */
export const connect = (at: Place, options: Options = {}): Effect.Effect<Link, ConnectError, Scope.Scope> =>
  inRealTime(Effect.gen(function* () {
    const fault = placeFault(at)
    if (fault !== undefined) return yield* Effect.fail(new ConnectError(nameOf(at), fault))
    const connection = yield* Effect.retry(open(at), { while: isBusy, schedule: patience })
    const arrived: Array<Uint8Array> = []
    let bytes = 0
    /** How the stream ended, once it has. */
    let ended: LinkBroken | "end" | undefined
    const { onReadable: onArrival, wake } = readers(() => arrived.length > 0 || ended !== undefined)
    const onBytes = (chunk: Uint8Array) => {
      arrived.push(chunk)
      bytes += chunk.length
      if (bytes > MOST_UNREAD) connection.pause()
      wake()
    }
    // Bytes are taken in at once, so that none is lost when the fiber that waits for them is interrupted.
    const listen = () =>
      ByteStream.listen(connection, {
        onBytes,
        onEnd: (why) => {
          ended = why === undefined ? "end" : new LinkBroken(String(why), { cause: why })
          wake()
        },
      })
    const { sharedMemory = true } = options
    const native = typeof at === "string" && sharedMemory
      ? yield* Libc.orPortable("guests share no memory", Libc.Libc, () => Effect.succeed(undefined), Libc.shared)
      : undefined
    const first = FirstMessage.expect(connection, native, onBytes, listen)
    yield* Effect.addFinalizer(() => Effect.sync(first.stop))

    // Nothing is lost and nobody waits as they write: it is reading that waits until what was written is on its way.
    const isFull = () => connection.writableNeedDrain && !connection.destroyed
    const onReadable: OnReady = (wake) => {
      if (!isFull()) return onArrival(wake)
      let takeBack = () => {
        connection.off("drain", go).off("close", go)
      }
      const go = () => {
        takeBack()
        takeBack = onArrival(wake)
      }
      connection.on("drain", go).on("close", go)
      return () => takeBack()
    }
    const write = (bytes: Uint8Array): LinkBroken | undefined => {
      if (!connection.writable) return new LinkBroken("the calendar closed it")
      connection.write(bytes)
      return undefined
    }
    const take = (): Uint8Array | undefined => {
      const chunk = arrived.shift()
      if (chunk === undefined) return undefined
      bytes -= chunk.length
      if (bytes <= MOST_UNREAD && connection.isPaused()) connection.resume()
      return chunk
    }
    const plain = {
      ...waitsFor(onReadable),
      write: (bytes) =>
        Effect.suspend(() => {
          const broken = write(bytes)
          return broken === undefined ? Effect.void : Effect.fail(broken)
        }),
      read: Effect.suspend(() => {
        const chunk = take()
        return chunk === undefined && ended instanceof LinkBroken ? Effect.fail(ended) : Effect.succeed(chunk ?? END)
      }),
      close: Effect.sync(() => ByteStream.hangUp(connection)),
      direct: {
        post: (message) => write(Message.encode(message)),
        take: () => isFull() ? undefined : take(),
        onReadable,
      },
    } satisfies Link
    return native === undefined
      ? plain
      : yield* Effect.provideService(MemoryLink.make(plain, first.takeDescriptors), Libc.Libc, native)
  }))

/**
 * The link to the calendar at a path or an address.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (at: Place): Layer.Layer<Link, ConnectError> => Layer.effect(Link, connect(at))
