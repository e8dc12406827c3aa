/**
 * Where a calendar listens, and connections to it.
 *
 * @module
 */
import * as Net from "node:net"

/** Where a calendar listens: on a unix socket, or on a TCP port of this machine. */
export type Door = { readonly path: string } | { readonly host: string; readonly port: number }

/** Codes of errors that say to try again: the backlog is full. */
const BUSY = ["EAGAIN", "ECONNREFUSED"]

/** A connection to this door; tries again for a while where the backlog is full. */
export const connected = (door: Door, options: Partial<Net.SocketConstructorOpts> = {}): Promise<Net.Socket> =>
  new Promise((resolve, reject) => {
    const attempt = (left: number) => {
      const socket = Net.connect({ ...options, ...door })
      const failed = (error: NodeJS.ErrnoException) => {
        socket.destroy()
        if (left > 0 && BUSY.includes(error.code ?? "")) setTimeout(attempt, 10, left - 1)
        else reject(error)
      }
      socket.once("error", failed)
      socket.once("connect", () => {
        socket.off("error", failed)
        socket.on("error", () => {})
        resolve(socket)
      })
    }
    attempt(500)
  })
