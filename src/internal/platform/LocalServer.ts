/**
 * A server of HTTP for this machine alone.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { IncomingMessage, ServerResponse } from "node:http"
import { OptionError } from "../../core/Fault.ts"

/** What is answered. */
export interface Answer {
  readonly status: number
  readonly type: string
  readonly body: string | Iterable<string>
}

/** Answers a request: its method, its path from `/` on, and what it asks. */
export type Answering = (method: string, path: string, query: URLSearchParams) => Answer | undefined

const ADDRESS = "127.0.0.1"

/** Whether it is asked by a page of its own, and not by one of somebody else's that a browser has open, too. */
const isOwn = ({ headers, method }: IncomingMessage, port: number): boolean => {
  const names = [`${ADDRESS}:${port}`, `localhost:${port}`]
  const { host, origin } = headers
  return names.includes(host ?? "") &&
    (origin === undefined ? method === "GET" || method === "POST" : names.some((name) => origin === `http://${name}`))
}

const respond = (response: ServerResponse, { status, type, body }: Answer): void => {
  response.writeHead(status, { "content-type": `${type}; charset=utf-8`, "cache-control": "no-store" })
  if (typeof body === "string") response.end(body)
  else {
    for (const piece of body) response.write(piece)
    response.end()
  }
}

const NOTHING: Answer = { status: 404, type: "text/plain", body: "there is nothing here\n" }
const REFUSED: Answer = { status: 403, type: "text/plain", body: "this is for pages from here only\n" }

/**
 * Serves on 127.0.0.1 while the scope is open, at a port of its own or the one that is given: which it is. One that can't
 * be had is an `OptionError`.
 */
export const serve = (answer: Answering, port = 0): Effect.Effect<number, OptionError, Scope.Scope> =>
  Effect.gen(function* () {
    const { createServer } = yield* Effect.promise(() => import("node:http"))
    let own = 0
    const server = createServer((request, response) => {
      if (!isOwn(request, own)) return respond(response, REFUSED)
      const { pathname, searchParams } = new URL(request.url ?? "/", `http://${ADDRESS}`)
      respond(response, answer(request.method ?? "GET", pathname, searchParams) ?? NOTHING)
    })
    const listening = Effect.callback<void, OptionError>((resume) => {
      server.once("error", (error) => resume(Effect.fail(new OptionError("watch.port", port, error.message))))
      server.listen(port, ADDRESS, () => resume(Effect.void))
    })
    yield* Effect.acquireRelease(listening, () =>
      Effect.sync(() => {
        server.close()
        server.closeAllConnections()
      }))
    const address = server.address()
    own = typeof address === "object" && address !== null ? address.port : port
    return own
  })
