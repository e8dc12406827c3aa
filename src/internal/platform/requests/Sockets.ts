/**
 * Connections of `node:net`: whether one is being made, and whether an answer is owed on one. They are heard of by
 * `node:diagnostics_channel`, on Node and Deno.
 *
 * @module
 */
import * as Channels from "node:diagnostics_channel"
import process from "node:process"
import { denoCore } from "../DenoCore.ts"
import { type Look, type Request, RequestSet, type Source, type State } from "./Request.ts"

/** As much of a `net.Socket` as is looked at. */
interface Socket {
  readonly connecting: boolean
  readonly destroyed: boolean
  readonly bytesRead: number
  readonly bytesWritten: number
  readonly localPort?: number
  readonly remotePort?: number
  readonly remoteAddress?: string
  /** The server that accepted it. */
  readonly server?: unknown
  readonly _host?: string | null
  /** The request of `node:http` that it is used for; null between two. */
  readonly _httpMessage?: object | null
  readonly _handle?: { readonly getAsyncId?: () => number; readonly hasRef?: () => boolean } | null
}

/** Which end a socket is, seen from the client: its port, and the server's. */
const pair = (client: number | undefined, server: number | undefined): string => `${client}-${server}`

/**
 * A socket that this process connected. An answer is owed on it from when something was written until something is
 * read: a server's client waits then. All else that may arrive is what nobody asked for, or the rest of an answer.
 */
class Connection implements Request {
  readonly #socket: Socket
  readonly #all: Connections
  #asyncId = 0
  #read: number
  #written: number
  #owed = false

  constructor(socket: Socket, all: Connections) {
    this.#socket = socket
    this.#all = all
    this.#read = socket.bytesRead
    this.#written = socket.bytesWritten
    this.identify()
  }

  /** Finds the number by which callbacks of the socket are told; false, if it may get another one. */
  identify(): boolean {
    const { connecting, destroyed, _handle } = this.#socket
    // Deno doesn't tell of a socket's callbacks.
    const asyncId = denoCore === undefined ? _handle?.getAsyncId?.() ?? 0 : 0
    if (asyncId !== this.#asyncId) {
      this.#all.byAsyncId.delete(this.#asyncId)
      this.#asyncId = asyncId
      if (asyncId !== 0) this.#all.byAsyncId.set(asyncId, this)
    }
    return !connecting && _handle !== null || destroyed
  }

  /** A callback of the socket is about to run: if something was read, what was written before is answered. */
  look(): void {
    const { bytesRead, bytesWritten } = this.#socket
    if (bytesRead === this.#read) return
    this.#read = bytesRead
    this.#written = bytesWritten
    this.#owed = false
  }

  name(): string {
    const { connecting, remoteAddress, remotePort, _host } = this.#socket
    const to = remotePort === undefined ? _host ?? "a socket" : `${remoteAddress}:${remotePort}`
    return connecting ? `a connection to ${to}` : `an answer from ${to}`
  }

  state(): State {
    const socket = this.#socket
    if (socket.destroyed) {
      this.#all.byAsyncId.delete(this.#asyncId)
      return "over"
    }
    if (socket.connecting) return socket._handle?.hasRef?.() === false ? "idle" : "busy"
    // Of these Http.ts knows more.
    if (socket._httpMessage !== undefined) return "idle"
    const { bytesRead, bytesWritten } = socket
    if (bytesWritten !== this.#written) this.#owed = true
    else if (bytesRead !== this.#read) this.#owed = false
    // Where callbacks are told, what is written stays owed for until one of them.
    if (this.#asyncId === 0) this.#written = bytesWritten
    this.#read = bytesRead
    return this.#owed && !this.#all.isOwn(socket) && socket._handle?.hasRef?.() !== false ? "busy" : "idle"
  }
}

/** Sockets of this process. */
export class Connections implements Source {
  readonly #clients = new RequestSet()
  /** Those whose number isn't certain yet. */
  readonly #connecting = new Set<Connection>()
  /** Sockets that a server of this process accepted. */
  readonly #accepted = new Map<string, Socket>()
  #acceptedLocally = false
  #pruneAt = 64
  readonly byAsyncId = new Map<number, Connection>()

  readonly #onClient = (message: unknown) => {
    const { socket } = message as { readonly socket: Socket }
    const connection = new Connection(socket, this)
    this.#clients.add(connection)
    this.#connecting.add(connection)
  }

  readonly #onAccepted = (message: unknown) => {
    const { socket } = message as { readonly socket: Socket }
    if (socket.remotePort === undefined) this.#acceptedLocally = true
    else this.#accepted.set(pair(socket.remotePort, socket.localPort), socket)
    if (this.#accepted.size < this.#pruneAt) return
    for (const [key, { destroyed }] of this.#accepted) if (destroyed) this.#accepted.delete(key)
    this.#pruneAt = Math.max(64, this.#accepted.size * 2)
  }

  constructor() {
    Channels.subscribe("net.client.socket", this.#onClient)
    Channels.subscribe("net.server.socket", this.#onAccepted)
    const { _getActiveHandles } = process as { readonly _getActiveHandles?: () => ReadonlyArray<Partial<Socket>> }
    // Those that were there before: on Node, which alone lists them.
    for (const handle of _getActiveHandles?.call(process) ?? []) {
      const { bytesRead, connecting, server, remotePort } = handle
      if (bytesRead === undefined || connecting !== false) continue
      if (server === undefined || server === null) {
        if (remotePort !== undefined) this.#clients.add(new Connection(handle as Socket, this))
      } else this.#onAccepted({ socket: handle })
    }
  }

  /** A callback is about to run. */
  before(asyncId: number): void {
    if (this.#connecting.size > 0) {
      for (const each of this.#connecting) if (each.identify()) this.#connecting.delete(each)
    }
    if (this.byAsyncId.size > 0) this.byAsyncId.get(asyncId)?.look()
  }

  /** Whether the other end is a socket of this process. By unix sockets it may be, if this process accepted any. */
  isOwn({ localPort, remotePort }: Socket): boolean {
    return remotePort === undefined ? this.#acceptedLocally : this.#accepted.has(pair(localPort, remotePort))
  }

  some(look: Look): boolean {
    return this.#clients.size > 0 && this.#clients.some(look)
  }

  isListening(): boolean {
    return this.#clients.size > 0 || this.#accepted.size > 0 || this.#acceptedLocally
  }

  stop(): void {
    Channels.unsubscribe("net.client.socket", this.#onClient)
    Channels.unsubscribe("net.server.socket", this.#onAccepted)
  }
}
