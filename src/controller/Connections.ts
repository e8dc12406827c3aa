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
import { LinkBroken } from "../core/Fault.ts"
import * as Message from "../core/Message.ts"
import * as Accepting from "../platform/Accepting.ts"
import * as ByteStream from "../platform/ByteStream.ts"
import { inRealTime } from "../platform/RealTime.ts"
import { type Link, readers, waitsFor } from "../services/Link.ts"
import type { Peer, Switchboard } from "./Switchboard.ts"

/** Takes all that is to be sent to a client, as bytes. */
const queued = (peer: Peer): Uint8Array => {
  const messages = peer.queue.drain()
  if (messages.length === 1) return Message.encode(messages[0]!)
  const bytes = new Uint8Array(messages.length * Message.SIZE)
  messages.forEach((message, index) => bytes.set(Message.encode(message), index * Message.SIZE))
  return bytes
}

/** Serves one of this runtime's own connections, until it is closed. */
export const attend = (board: Switchboard, connection: Net.Socket, from: string): Effect.Effect<void> =>
  Effect.callback<void>((resume) => {
    let closed: (() => void) | undefined
    const send = () => {
      if (peer.queue.size > 0 && !connection.writableNeedDrain) connection.write(queued(peer))
      if (peer.isClosing && peer.queue.size === 0) finish()
    }
    const leave = () => {
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
      if (peer.queue.size > 0 && connection.writable) connection.write(queued(peer))
      leave()
      if (connection.closed) gone()
      else ByteStream.hangUp(connection)
    }
    const gone = () => {
      leave()
      closed?.()
      resume(Effect.void)
    }
    const close = (grace: Duration.Input) => end(Duration.toMillis(grace))
    const peer = board.connect({ from, wake: send, close })
    const onBytes = (bytes: Uint8Array) => board.receive(peer, bytes)
    const stop = ByteStream.listen(connection, { onBytes, onRoom: send, onEnd: finish })
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
export const accept = (board: Switchboard, socket: Socket.Socket, from: string): Effect.Effect<void> =>
  Effect.gen(function* () {
    yield* Accepting.hangUpWhenDone
    const pull = yield* Socket.readerBytes(socket)
    const writer = yield* socket.writer
    const wake = Latch.makeUnsafe()
    const asked = yield* Deferred.make<Duration.Input>()
    let ended = () => {}
    const close = (grace: Duration.Input) => {
      ended = board.ending(peer)
      Deferred.doneUnsafe(asked, Effect.succeed(grace))
    }
    const graceOver = Effect.flatMap(Deferred.await(asked), Effect.sleep)
    const peer = yield* Effect.acquireRelease(
      Effect.sync(() => board.connect({ from, wake: () => wake.openUnsafe(), close })),
      (peer) =>
        Effect.sync(() => {
          board.disconnect(peer)
          ended()
        }),
    )
    const reading = Effect.gen(function* () {
      while (true) {
        for (const chunk of yield* pull) board.receive(peer, chunk)
      }
    })
    const writing = Effect.gen(function* () {
      while (!peer.isClosing || peer.queue.size > 0) {
        yield* wake.await
        wake.closeUnsafe()
        if (peer.queue.size > 0) yield* writer.write(queued(peer))
      }
    })
    yield* Effect.raceAllFirst([reading, writing, graceOver])
    // However a connection ends, its end is all there is to say.
  }).pipe(Effect.scoped, Effect.ignore, inRealTime)

/** A guest's end of a connection without a socket. */
export const link = (board: Switchboard, from: string): Effect.Effect<Link, never, Scope.Scope> =>
  Effect.gen(function* () {
    let isOpen = true
    let heedLimit = (_: Message.Message): void => {}
    const { onReadable, wake: wakeReaders } = readers(() => peer.queue.size > 0 || !isOpen)
    const wake = () => {
      // What it is woken for, the guest may have read already while the board was busy with others.
      if (!isOpen || peer.queue.size > 0) wakeReaders()
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
          close: () => {
            isOpen = false
          },
        })
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
      read: Effect.sync(() => queued(peer)),
      close: hangUp(peer),
      direct: {
        post: (message) => {
          if (!isOpen) return new LinkBroken("the calendar closed it")
          board.post(peer, message)
          return undefined
        },
        take: () => peer.queue.shift(),
        onReadable,
        calendar: {
          // A trace shows messages, so that it is the same as of guests in other processes.
          ...board.trace === undefined && {
            ask: (op, time) =>
              (isOpen ? board.ask(peer, op, time) : undefined) ?? new LinkBroken("the calendar closed it"),
          },
          onFreeUntil: (heed) => {
            heedLimit = heed
          },
        },
      },
    }
  })
