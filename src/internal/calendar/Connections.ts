/**
 * The ways to connect to a calendar: by a socket of this runtime's, by one of any
 * kind, or within this process.
 *
 * @module
 */
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import type * as Scope from "effect/Scope"
import * as Socket from "effect/socket/Socket"
import type * as Net from "node:net"
import { LinkBroken } from "../../core/Fault.ts"
import { Fifo } from "../core/Fifo.ts"
import * as Message from "../../core/Message.ts"
import * as Acceptor from "../platform/Acceptor.ts"
import * as ByteStream from "../platform/ByteStream.ts"
import { inRealTime } from "../platform/RealTime.ts"
import { type CalendarListener, type Link, readers, waitsFor } from "../../services/Link.ts"
import { Outbox } from "./Outbox.ts"
import type { Peer, Wire } from "./Peer.ts"
import type { Interpreter } from "./Interpreter.ts"

/** How many bytes may wait in a connection itself before no more are written to it: each write costs far more than its bytes. */
const MOST_UNFLUSHED = 64

/** What is known of a connection, or can be done with it, natively: see `Wire`. */
export type Extras = Pick<Wire, "process" | "isDead" | "offer">

/** Serves one of this runtime's own connections, until it is closed. */
export const attend = (
  board: Interpreter,
  connection: Net.Socket,
  from: string,
  { offer, isDead, process: client }: Extras = {},
): Effect.Effect<void> =>
  Effect.callback<void>((resume) => {
    const unsent = new Outbox()
    let hasLeft = false
    let hasEnded = false
    let closed: (() => void) | undefined
    // Streams take in 16 to 64 KiB before they say that they are full, each.
    const send = () => {
      if (unsent.size > 0 && connection.writableLength <= MOST_UNFLUSHED && connection.writable) {
        connection.write(board.takeUnsent(peer, unsent), flushed)
      }
      if (peer.isClosing && unsent.size === 0 || hasEnded && peer.pending.size === 0) finish()
    }
    const flushed = () => {
      unsent.written()
      if (unsent.size > 0 && !hasLeft) send()
    }
    const leave = () => {
      hasLeft = true
      stop()
      board.disconnect(peer)
    }
    /** From now on it is being ended, and in so much time it is closed, whether the client reads or not. */
    const end = (graceMs: number) => {
      closed ??= board.ending(peer)
      ByteStream.closeWithin(connection, graceMs)
    }
    const finish = () => {
      end(ByteStream.GRACE_MS)
      // What it was answered before it closed its half.
      if (unsent.size > 0 && connection.writable) connection.write(board.takeUnsent(peer, unsent))
      leave()
      if (connection.closed) gone()
      else ByteStream.hangUp(connection)
    }
    /** What it said before it closed its half is still to be taken up, if that can be in time. */
    const onEnd = (why: Error | undefined) => {
      if (why !== undefined || peer.pending.size === 0 || connection.destroyed) return finish()
      hasEnded = true
      ByteStream.closeWithin(connection, ByteStream.GRACE_MS)
    }
    const gone = () => {
      leave()
      closed?.()
      resume(Effect.void)
    }
    const wire = {
      from,
      wake: send,
      close: (grace: Duration.Input) => end(Duration.toMillis(grace)),
      process: client,
      ...offer !== undefined && {
        offer: (message: Uint8Array, isShared: boolean) => !hasLeft && offer(message, isShared),
      },
      ...isDead !== undefined && { isDead: () => !hasLeft && isDead() },
      hold: () => {
        connection.pause()
      },
      goOn: () => {
        if (!hasLeft) connection.resume()
      },
    }
    const peer = board.connect(wire, unsent)
    const onBytes = (bytes: Uint8Array) => board.receive(peer, bytes)
    const stop = ByteStream.listen(connection, { onBytes, onEnd })
    // After what listens above has heard that it is closed.
    connection.once("close", gone)
    return Effect.sync(() => {
      leave()
      closed?.()
      // What it hasn't read by now it never will.
      connection.destroy()
    })
  })

/** Serves a connection of any kind, until it ends or is to be closed. */
export const accept = (board: Interpreter, socket: Socket.Socket, from: string): Effect.Effect<void> =>
  Effect.gen(function* () {
    yield* Acceptor.hangUpWhenDone
    const pull = yield* Socket.readerBytes(socket)
    const writer = yield* socket.writer
    const unsent = new Outbox()
    const wake = Latch.makeUnsafe()
    const mayRead = Latch.makeUnsafe(true)
    const asked = yield* Deferred.make<Duration.Input>()
    let ended = () => {}
    const wire = {
      from,
      close: (grace: Duration.Input) => {
        ended = board.ending(peer)
        Deferred.doneUnsafe(asked, Effect.succeed(grace))
      },
      wake: () => wake.openUnsafe(),
      hold: () => mayRead.closeUnsafe(),
      goOn: () => mayRead.openUnsafe(),
    }
    const graceOver = Effect.flatMap(Deferred.await(asked), Effect.sleep)
    const peer = yield* Effect.acquireRelease(
      Effect.sync(() => board.connect(wire, unsent)),
      (peer) =>
        Effect.sync(() => {
          board.disconnect(peer)
          ended()
        }),
    )
    const reading = Effect.gen(function* () {
      while (true) {
        for (const chunk of yield* pull) board.receive(peer, chunk)
        yield* mayRead.await
      }
    })
    const writing = Effect.gen(function* () {
      while (!peer.isClosing || unsent.size > 0) {
        yield* wake.await
        wake.closeUnsafe()
        while (unsent.size > 0) yield* writer.write(board.takeUnsent(peer, unsent))
      }
    })
    yield* Effect.raceAllFirst([reading, writing, graceOver])
    // However a connection ends, its end is all there is to say.
  }).pipe(Effect.scoped, Effect.ignore, inRealTime)

/** A guest's end of a connection without a socket. */
export const link = (board: Interpreter, from: string): Effect.Effect<Link, never, Scope.Scope> =>
  Effect.gen(function* () {
    const queue = new Fifo<Message.Message>()
    let isOpen = true
    let listener: CalendarListener | undefined
    let heedLimit = (_: Message.Message): void => {}
    const { onReadable, wake: wakeReaders } = readers(() => queue.size > 0 || !isOpen)
    const wake = () => {
      // What it is woken for, the guest may have read already while the board was busy with others.
      if (!isOpen || queue.size > 0) wakeReaders()
    }
    const hangUp = (peer: Peer) =>
      Effect.sync(() => {
        isOpen = false
        board.disconnect(peer)
        wake()
      })
    const peer = yield* Effect.acquireRelease(
      Effect.sync(() =>
        board.connect({
          from,
          wake,
          onFreeUntil: (message) => heedLimit(message),
          listener: () => listener,
          close: () => {
            isOpen = false
          },
        }, queue)
      ),
      hangUp,
    )
    return {
      ...waitsFor(onReadable),
      write: (bytes) =>
        Effect.suspend(() => {
          if (!isOpen) return Effect.fail(new LinkBroken("the calendar closed it"))
          board.receive(peer, bytes)
          return Effect.void
        }),
      read: Effect.sync(() => Message.encodeAll(queue.drain())),
      close: hangUp(peer),
      direct: {
        post: (message) => {
          if (!isOpen) return new LinkBroken("the calendar closed it")
          board.post(peer, message)
          return undefined
        },
        take: () => queue.shift(),
        onReadable,
        calendar: {
          // A trace shows messages, so that it is the same as of guests in other processes.
          ...board.trace === undefined && {
            ask: (op, time) => {
              const answer = isOpen ? board.ask(peer, op, time) : "closed"
              return answer === "closed" ? new LinkBroken("the calendar closed it") : answer
            },
          },
          answersAtOnce: () => board.answersAtOnce,
          onFreeUntil: (heed) => {
            heedLimit = heed
          },
          onTold: (told) => {
            listener = told
          },
        },
      },
    }
  })
