/**
 * The calendar as a server: it runs the commands of a {@link Calendar} on
 * connections, and is the only one to do so.
 *
 * {@link serve} takes connections of any kind. {@link make} listens on a unix
 * socket for them.
 *
 * ## Theory of operation
 *
 * *Everything that matters happens at once:* what a client sent is read, taken to
 * the calendar message by message, and answered into the outgoing queues of all
 * concerned, without giving way to anything else. So transitions never interleave.
 *
 * *Each client has two fibers,* one that reads, and one that writes what is in its
 * queue, all of it in one write. A client that doesn't read delays nobody but itself,
 * and is dropped when its queue is longer than {@link MAX_QUEUED}.
 *
 * @module
 */
import * as Deferred from "effect/Deferred"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import type * as Scope from "effect/Scope"
import * as Socket from "effect/socket/Socket"
import * as Calendar from "../core/Calendar.ts"
import { OptionError } from "../core/Fault.ts"
import * as Message from "../core/Message.ts"
import * as Nanos from "../core/Nanos.ts"
import * as Violation from "../core/Violation.ts"
import { listen, ListenError } from "../platform/SocketFile.ts"

export { ListenError }

/** The most messages that may wait to be written to a client before it is dropped: 2 MiB. */
export const MAX_QUEUED = 2 * Calendar.MAX_UNACKNOWLEDGED

/** How long a client that broke a rule has to read what it was sent before. */
const GRACE: Duration.Input = "1 second"

/** What a server has done, and where it is. */
export interface Stats {
  /** Messages from clients and to them, ACKs included. */
  readonly messages: number
  /** How often a client was told to run. */
  readonly grants: number
  /** The calendar's time, in ns. */
  readonly time: bigint
  /** Those connected now. */
  readonly clients: number
}

/** A running server. */
export interface CalendarServer {
  /** Ends when the last client has left. The server goes on until its scope closes. */
  readonly ended: Effect.Effect<void>
  readonly stats: Effect.Effect<Stats>
}

/** A server without a place to listen: what connects is handed to it. */
export interface Unlistening extends CalendarServer {
  /** Serves one client, until it leaves or is disconnected. */
  readonly accept: (socket: Socket.Socket) => Effect.Effect<void>
}

/** One connection. */
interface Peer {
  readonly key: Calendar.ClientKey
  parser: Message.Parser
  queue: Array<Message.Message>
  /** Open when there is something to write, or nothing to be written any more. */
  readonly wake: Latch.Latch
  /** Done when it is to be disconnected, with the time it is given. */
  readonly closing: Deferred.Deferred<Duration.Input>
  isClosing: boolean
}

/** Runs a calendar's commands. Nothing in here waits. */
class Switchboard {
  calendar: Calendar.Calendar
  messages = 0
  grants = 0
  readonly ended: Deferred.Deferred<void> = Deferred.makeUnsafe()
  readonly #peers = new Map<Calendar.ClientKey, Peer>()
  readonly #freeKeys: Array<Calendar.ClientKey> = []
  #warnings: Array<string> = []

  constructor(options: Calendar.Options) {
    this.calendar = Calendar.make(options)
  }

  get clients(): number {
    return this.#peers.size
  }

  /** What there is to be logged since the last call. */
  takeWarnings(): ReadonlyArray<string> {
    const warnings = this.#warnings
    if (warnings.length > 0) this.#warnings = []
    return warnings
  }

  connect(): Peer {
    const peer: Peer = {
      key: this.#freeKeys.pop() ?? this.#peers.size,
      parser: Message.parser,
      queue: [],
      wake: Latch.makeUnsafe(),
      closing: Deferred.makeUnsafe(),
      isClosing: false,
    }
    this.#peers.set(peer.key, peer)
    this.#run(Calendar.connected(this.calendar, peer.key))
    return peer
  }

  receive(peer: Peer, chunk: Uint8Array): void {
    const { parser, messages } = Message.parse(peer.parser, chunk)
    peer.parser = parser
    for (const message of messages) {
      if (peer.isClosing) return
      this.messages++
      this.#run(Calendar.clientMessage(this.calendar, peer.key, message))
    }
  }

  disconnect(peer: Peer): void {
    this.#run(Calendar.disconnected(this.calendar, peer.key, peer.parser.length))
    peer.isClosing = true
    this.#peers.delete(peer.key)
    this.#freeKeys.push(peer.key)
  }

  #run({ state, commands }: Calendar.Transition): void {
    this.calendar = state
    const tooSlow: Array<Peer> = []
    for (const command of commands) {
      if (command._tag === "Ended") {
        Deferred.doneUnsafe(this.ended, Effect.void)
        continue
      }
      const peer = this.#peers.get(command.client)!
      if (command._tag === "Disconnect") {
        this.#warnings.push(Violation.format(command.violation))
        this.#close(peer, GRACE)
      } else {
        this.messages++
        if (command.message.op === Message.Op.Run) this.grants++
        if (peer.queue.push(command.message) === MAX_QUEUED) tooSlow.push(peer)
        peer.wake.openUnsafe()
      }
    }
    for (const peer of tooSlow) {
      this.#warnings.push(`client on connection ${peer.key} was dropped: ${MAX_QUEUED} messages wait for it to read`)
      this.#close(peer, 0)
      this.#run(Calendar.disconnected(this.calendar, peer.key))
    }
  }

  #close(peer: Peer, grace: Duration.Input): void {
    peer.isClosing = true
    peer.wake.openUnsafe()
    Deferred.doneUnsafe(peer.closing, Effect.succeed(grace))
  }
}

const bytesOf = (messages: ReadonlyArray<Message.Message>): Uint8Array => {
  if (messages.length === 1) return Message.encode(messages[0]!)
  const bytes = new Uint8Array(messages.length * Message.SIZE)
  messages.forEach((message, index) => bytes.set(Message.encode(message), index * Message.SIZE))
  return bytes
}

/** Writes what is queued for a client, until it is to be disconnected and all is written. */
const writing = (peer: Peer, writer: Socket.Writer): Effect.Effect<void, Socket.SocketError> =>
  Effect.gen(function* () {
    while (!peer.isClosing || peer.queue.length > 0) {
      yield* peer.wake.await
      peer.wake.closeUnsafe()
      if (peer.queue.length === 0) continue
      const messages = peer.queue
      peer.queue = []
      yield* writer.write(bytesOf(messages))
    }
  })

/**
 * A calendar for whatever connections it is handed: TCP, a unix socket, or one in
 * memory.
 */
export const serve = (options: Calendar.Options = {}): Effect.Effect<Unlistening> =>
  Effect.sync(() => {
    const board = new Switchboard(options)
    const warn = Effect.suspend(() => Effect.forEach(board.takeWarnings(), (line) => Effect.logWarning(line)))

    const reading = (
      peer: Peer,
      pull: Effect.Effect<ReadonlyArray<Uint8Array>, Socket.SocketError>,
    ): Effect.Effect<never, Socket.SocketError> =>
      Effect.gen(function* () {
        while (true) {
          for (const chunk of yield* pull) board.receive(peer, chunk)
          yield* warn
        }
      })

    const accept = (socket: Socket.Socket): Effect.Effect<void> =>
      Effect.gen(function* () {
        const pull = yield* Socket.readerBytes(socket)
        const writer = yield* socket.writer
        const peer = yield* Effect.acquireRelease(
          Effect.sync(() => board.connect()),
          (peer) => Effect.andThen(Effect.sync(() => board.disconnect(peer)), warn),
        )
        const closing = Effect.flatMap(Deferred.await(peer.closing), (grace) => Effect.sleep(grace))
        yield* Effect.raceAllFirst([reading(peer, pull), writing(peer, writer), closing])
        // However a connection ends, its end is all there is to say.
      }).pipe(Effect.scoped, Effect.ignore)

    return {
      accept,
      ended: Deferred.await(board.ended),
      stats: Effect.sync(() => ({
        messages: board.messages,
        grants: board.grants,
        time: board.calendar.time,
        clients: board.clients,
      })),
    }
  })

/** What a server on a unix socket is made with. */
export interface Options extends Calendar.Options {
  /** Where to listen: at most 107 bytes. */
  readonly path: string
}

/**
 * A calendar that listens on a unix socket, until the scope closes; then it
 * hangs up and the socket's file is gone.
 *
 * Only the user who runs it can connect. A path that can't be listened on, because
 * another server does for example, is a `ListenError` that says why, and options
 * that can't be are an `OptionError`; a socket file
 * that was left behind is replaced. A client that breaks a rule is disconnected,
 * with a warning in the log.
 *
 * @example
 * ```ts no-run
 * import { Console, Effect } from "effect"
 * import * as CalendarServer from "guest-clock/controller/CalendarServer"
 *
 * const program = Effect.gen(function* () {
 *   const server = yield* CalendarServer.make({ path: "/run/calendar.sock", clients: 2 })
 *   yield* server.ended
 *   const { time, grants } = yield* server.stats
 *   yield* Console.log(`${grants} turns, to ${time} ns`)
 * })
 * Effect.runPromise(Effect.scoped(program))
 * ```
 */
export const make = (options: Options): Effect.Effect<CalendarServer, ListenError | OptionError, Scope.Scope> =>
  Effect.gen(function* () {
    const { clients = 0, start = 0n } = options
    if (!Number.isSafeInteger(clients) || clients < 0) {
      return yield* Effect.fail(new OptionError("clients", clients, "it is a whole number from 0 on"))
    }
    const time = Nanos.make(start)
    if (Nanos.isMisuse(time)) return yield* Effect.fail(new OptionError("start", start, time.message))
    const run = yield* listen(options.path)
    const { accept, ended, stats } = yield* serve(options)
    yield* Effect.forkScoped(run(accept))
    return { ended, stats }
  })
