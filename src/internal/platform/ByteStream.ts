/**
 * A connection that calls its listener as soon as bytes arrive: with no fiber and no turn of the event loop in between,
 * which would be most of the cost of an exchange.
 *
 * @module
 */
import type * as Net from "node:net"
import { later } from "./EventLoop.ts"

/** How long the other end has to read what was written last before a connection is closed, in ms. */
export const GRACE_MS = 1000

/** Closes a connection in so many ms, unless it is closed by then. */
export const closeWithin = (connection: Net.Socket, ms: number): void => {
  if (connection.closed) return
  if (ms <= 0) {
    connection.destroy()
    return
  }
  const cancel = later(ms, () => connection.destroy())
  connection.once("close", cancel)
}

/**
 * Closes a connection when what was written was sent, and in so many ms at the latest: the other end may never read
 * it. Nothing waits for that.
 */
export const hangUp = (connection: Net.Socket, graceMs = GRACE_MS): void => {
  closeWithin(connection, graceMs)
  if (!connection.destroyed) connection.destroySoon()
}

/** What is told of a connection. */
export interface Listener {
  /** Bytes have arrived. */
  readonly onBytes: (bytes: Uint8Array) => void
  /** There is room again for what is to be written. */
  readonly onRoom?: () => void
  /** Nothing more will arrive: the other end has closed it, or it broke. Said once. */
  readonly onEnd: (why: Error | undefined) => void
}

/** Tells `listener` what happens on a connection from now on, until what it returns is called. */
export const listen = (connection: Net.Socket, { onBytes, onRoom = () => {}, onEnd }: Listener): () => void => {
  let broke: Error | undefined
  const ended = () => {
    stop()
    onEnd(broke)
  }
  const failed = (why: Error) => {
    broke = why
    ended()
  }
  const stop = () => {
    connection.off("data", onBytes).off("drain", onRoom).off("end", ended).off("close", ended).off("error", failed)
  }
  connection.on("data", onBytes).on("drain", onRoom).on("end", ended).on("close", ended).on("error", failed)
  // A server's connection is paused until somebody listens.
  if (connection.destroyed) queueMicrotask(ended)
  else connection.resume()
  return stop
}
