/**
 * Requests of HTTP clients, from their start to the last byte of the answer, and those that servers of this process
 * have to answer. They are heard of by `node:diagnostics_channel`: of `node:http` everywhere, of `fetch` on Node.
 *
 * @module
 */
import * as Channels from "node:diagnostics_channel"
import { type Look, type Request, RequestSet, type Source, type State } from "./Request.ts"

interface Socket {
  readonly localPort?: number
  readonly remotePort?: number
}

/** An answer, as `http.IncomingMessage` has it. */
interface Answer {
  readonly complete: boolean
  readonly destroyed: boolean
  readonly headers: { readonly [name: string]: unknown }
  readonly statusCode?: number
  readonly readableFlowing: boolean | null
  readonly listenerCount: (event: string) => number
}

/** A request, as `http.ClientRequest` has it. */
interface ClientRequest {
  readonly destroyed: boolean
  readonly method?: string
  readonly protocol?: string
  readonly host?: string
  readonly path?: string
  readonly socket?: Socket | null
}

/** A request of `fetch` on Node. */
interface FetchRequest {
  readonly method?: string
  readonly origin?: unknown
  readonly path?: string
  readonly upgrade?: unknown
}

/** A stream of events ends when its server likes. */
const isEndless = (contentType: unknown): boolean => /^\s*text\/event-stream/i.test(String(contentType))

/** What a server of this process has to answer. */
interface Served {
  readonly port: number | undefined
  readonly response: { readonly destroyed: boolean; readonly writableFinished: boolean }
}

class HttpRequest implements Request {
  readonly #request: ClientRequest
  readonly #http: Http
  answer: Answer | undefined

  constructor(request: ClientRequest, http: Http) {
    this.#request = request
    this.#http = http
  }

  name(): string {
    const { method, protocol, host, path } = this.#request
    return `${method} ${protocol}//${host}${path}`
  }

  state(): State {
    const { destroyed, socket } = this.#request
    const { answer } = this
    if (answer === undefined) return destroyed ? "over" : this.#http.isOwn(this, socket) ? "idle" : "busy"
    if (answer.complete || answer.destroyed || answer.statusCode === 101) return "over"
    if (isEndless(answer.headers["content-type"]) || this.#http.isOwn(this, socket)) return "idle"
    // What nobody reads doesn't arrive.
    return answer.readableFlowing === true || answer.listenerCount("readable") > 0 ? "busy" : "idle"
  }
}

class Fetch implements Request {
  readonly #request: FetchRequest
  readonly #http: Http
  socket: Socket | undefined
  isEndless = false

  constructor(request: FetchRequest, http: Http) {
    this.#request = request
    this.#http = http
  }

  name(): string {
    const { method, origin, path } = this.#request
    return `${method} ${origin}${path}`
  }

  state(): State {
    return this.isEndless || this.#http.isOwn(this, this.socket) ? "idle" : "busy"
  }
}

type Listener = (message: unknown) => void

/** Requests over HTTP. */
export class Http implements Source {
  readonly #requests = new RequestSet()
  readonly #clients = new WeakMap<object, HttpRequest>()
  readonly #fetches = new WeakMap<object, Fetch>()
  readonly #served = new Map<object, Served>()
  readonly #elsewhere: () => number

  readonly #channels: { readonly [name: string]: Listener } = {
    "http.client.request.start": (message) => {
      const { request } = message as { readonly request: ClientRequest }
      const made = new HttpRequest(request, this)
      this.#clients.set(request, made)
      this.#requests.add(made)
    },
    "http.client.response.finish": (message) => {
      const { request, response } = message as { readonly request: object; readonly response: Answer }
      const made = this.#clients.get(request)
      if (made !== undefined) made.answer = response
    },
    "http.server.request.start": (message) => {
      const { request, response, socket } = message as Served & { readonly request: object; readonly socket?: Socket }
      this.#served.set(request, { port: socket?.remotePort, response })
    },
    "http.server.response.finish": (message) => {
      this.#served.delete((message as { readonly request: object }).request)
    },
    "undici:request:create": (message) => {
      const { request } = message as { readonly request: FetchRequest }
      // What becomes a web socket is a connection.
      if (request.upgrade) return
      const made = new Fetch(request, this)
      this.#fetches.set(request, made)
      this.#requests.add(made)
    },
    "undici:client:sendHeaders": (message) => {
      const { request, socket } = message as { readonly request: object; readonly socket: Socket }
      const made = this.#fetches.get(request)
      if (made !== undefined) made.socket = socket
    },
    "undici:request:headers": (message) => {
      const { request, response } = message as {
        readonly request: object
        readonly response: { readonly headers?: ReadonlyArray<unknown> }
      }
      const made = this.#fetches.get(request)
      if (made === undefined) return
      // Names and values by turns, as bytes.
      const headers = (response.headers ?? []).map(String)
      const at = headers.findIndex((name, index) => index % 2 === 0 && name.toLowerCase() === "content-type")
      made.isEndless = at >= 0 && isEndless(headers[at + 1])
    },
    "undici:request:trailers": (message) => this.#ended(message),
    "undici:request:error": (message) => this.#ended(message),
  }

  /** `elsewhere` tells how many requests servers have to answer that no channel tells of. */
  constructor(elsewhere: () => number) {
    this.#elsewhere = elsewhere
    for (const [name, listener] of Object.entries(this.#channels)) Channels.subscribe(name, listener)
  }

  #ended(message: unknown): void {
    const made = this.#fetches.get((message as { readonly request: object }).request)
    if (made !== undefined) this.#requests.delete(made)
  }

  /** How many requests servers of this process have taken and not answered yet. */
  serving(): number {
    for (const [request, { response }] of this.#served) {
      if (response.destroyed || response.writableFinished) this.#served.delete(request)
    }
    return this.#served.size + this.#elsewhere()
  }

  /** Whether it is for this process itself to answer a request, so that nothing is under way. */
  isOwn(request: Request, socket: Socket | null | undefined): boolean {
    const serving = this.serving()
    if (serving === 0) return false
    const port = socket?.localPort
    if (port !== undefined && this.#elsewhere() === 0) {
      for (const served of this.#served.values()) if (served.port === port) return true
      return false
    }
    // Which is whose can't be seen: the first ones are.
    return this.#requests.placeOf(request) < serving
  }

  some(look: Look): boolean {
    return this.#requests.size > 0 && this.#requests.some(look)
  }

  isListening(): boolean {
    return this.#requests.size > 0 || this.serving() > 0
  }

  stop(): void {
    for (const [name, listener] of Object.entries(this.#channels)) Channels.unsubscribe(name, listener)
  }
}
