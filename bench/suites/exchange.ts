import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as ChildProcess from "node:child_process"
import * as Fs from "node:fs"
import * as Net from "node:net"
import * as Os from "node:os"
import * as Path from "node:path"
import process from "node:process"
import { fileURLToPath } from "node:url"
import * as Message from "../../src/core/Message.ts"
import * as SocketLink from "../../src/platform/SocketLink.ts"
import * as Exchange from "../exchange.ts"
import { sized } from "../numbers.ts"
import type { Case, Suite } from "../suite.ts"
import * as WakeUps from "../wakeUps.ts"

const EXCHANGES = sized(10_000)
const GUESTS = 2
const WAKE_UPS = sized(1000)

const program = fileURLToPath(new URL("../exchange.ts", import.meta.url))
const runtime = [process.execPath, ..."Deno" in globalThis ? ["run", "-q", "-A"] : []] as [string, ...Array<string>]

/** A process with the far end, until the scope closes. */
const elsewhere = (what: "echo" | "calendar", path: string, clients: number): Effect.Effect<void, Error, Scope.Scope> =>
  Effect.flatMap(
    Effect.acquireRelease(
      Effect.sync(() => {
        const [command, ...args] = runtime
        return ChildProcess.spawn(command, [...args, program, what, path, String(clients)], {
          stdio: ["ignore", "pipe", "inherit"],
        })
      }),
      (child) => Effect.sync(() => child.kill()),
    ),
    (child) =>
      Effect.callback<void, Error>((resume) => {
        child.stdout.once("data", () => resume(Effect.void))
        child.once("exit", (code) => resume(Effect.fail(new Error(`${what} ended with ${code}`))))
      }),
  )

const here = (what: "echo" | "calendar", path: string, clients: number) =>
  what === "echo" ? Exchange.echo(path) : Exchange.calendar(path, clients)

/** 16 bytes to and fro over a bare socket, made by `message`; µs each. */
const exchanging = (path: string, message: (at: number) => Uint8Array, begin: Uint8Array) =>
  Effect.callback<number>((resume) => {
    const socket = Net.connect({ path })
    let arrived = 0
    let left = EXCHANGES
    let before = 0
    socket.on("data", (data) => {
      arrived += data.length
      if (arrived < Message.SIZE) return
      arrived -= Message.SIZE
      if (before === 0) before = performance.now()
      else left--
      if (left > 0) return socket.write(message(EXCHANGES - left))
      socket.destroy()
      resume(Effect.succeed((performance.now() - before) / EXCHANGES * 1000))
    })
    socket.write(begin)
  })

const request = (at: number) => Message.encode({ op: Message.Op.Request, seq: 1 + at, time: BigInt(1000 + at) })
const start = Message.encode({ op: Message.Op.Start, seq: 0, time: 1n })

/** Guests that wake up at the same times, so that each wake-up is granted; µs for a message and its ACK. */
const waking = (path: string) =>
  Effect.gen(function* () {
    const count = new WakeUps.Count()
    const links = Array.from(
      { length: GUESTS },
      () => Effect.map(SocketLink.connect(path), WakeUps.counted(count)),
    )
    const before = performance.now()
    yield* WakeUps.guests(links, WakeUps.handler(WAKE_UPS))
    return (performance.now() - before) / (count.messages / 2) * 1000
  })

type Where = typeof here | typeof elsewhere

const measured = (
  name: string,
  where: Where,
  what: "echo" | "calendar",
  clients: number,
  run: (path: string) => Effect.Effect<number, unknown>,
  against?: string,
): Case => ({
  name,
  ...against !== undefined && { against: [against] },
  measure: () =>
    Effect.runPromise(
      Effect.gen(function* () {
        const folder = Fs.mkdtempSync(Path.join(Os.tmpdir(), "bench-"))
        yield* Effect.addFinalizer(() => Effect.sync(() => Fs.rmSync(folder, { recursive: true })))
        const path = Path.join(folder, "socket")
        yield* where(what, path, clients) as Effect.Effect<unknown, unknown, Scope.Scope>
        return yield* run(path)
      }).pipe(Effect.scoped),
    ),
})

const cases = (where: Where, place: string): ReadonlyArray<Case> => {
  const echo = `echo, ${place}`
  return [
    measured(echo, where, "echo", 1, (path) => exchanging(path, request, start)),
    measured(`REQUEST and ACK, ${place}`, where, "calendar", 1, (path) => exchanging(path, request, start), echo),
    measured(`wake-ups of two guests, ${place}`, where, "calendar", GUESTS, waking, echo),
  ]
}

const suite: Suite = {
  about: "16 bytes and their answer over a unix socket",
  unit: "µs",
  // Compilers look again at what has run for long.
  warmUps: 5,
  more: false,
  cases: [...cases(elsewhere, "two processes"), ...cases(here, "one process")],
}

export default suite
