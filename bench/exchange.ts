/**
 * The far ends of an exchange over a unix socket, in a process of their own:
 * `exchange.ts echo SOCKET`, or `exchange.ts calendar SOCKET CLIENTS`, prints `ready`, and goes on until it is killed.
 *
 * @module
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Net from "node:net"
import process from "node:process"
import { fileURLToPath } from "node:url"
import * as CalendarServer from "../src/calendar/CalendarServer.ts"

/** Sends whatever comes back as it came. */
export const echo = (path: string): Effect.Effect<void, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.callback<Net.Server>((resume) => {
      const server = Net.createServer((socket) => socket.on("error", () => {}).on("data", (data) => socket.write(data)))
      server.listen(path, () => resume(Effect.succeed(server)))
    }),
    (server) => Effect.sync(() => server.close()),
  )

/** A calendar for so many clients. */
export const calendar = (path: string, clients: number): Effect.Effect<unknown, unknown, Scope.Scope> =>
  Effect.provide(CalendarServer.make({ path, clients }), NodeServices.layer)

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [what, path = "", clients] = process.argv.slice(2)
  const ready = Effect.sync(() => console.log("ready"))
  await Effect.runPromise(
    Effect.scoped(
      Effect.andThen(
        Effect.andThen(what === "echo" ? echo(path) : calendar(path, Number(clients)), ready),
        Effect.never,
      ),
    ),
  )
}
