/**
 * A connection whose bytes are there at once: neither a fiber nor a turn of the
 * event loop stands between them and who they are for, which is most of what an
 * exchange over a socket would cost otherwise.
 *
 * @module
 */
import type * as Net from "node:net"

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
