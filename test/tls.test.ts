import * as NodeServices from "@effect/platform-node/NodeServices"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as ChildProcess from "node:child_process"
import * as Fs from "node:fs"
import * as Path from "node:path"
import * as Tls from "node:tls"
import * as LeftOut from "../scripts/leftOut.ts"
import * as Runtimes from "../scripts/runtimes.ts"
import * as CalendarServer from "../src/calendar/CalendarServer.ts"
import { ACK, REQUEST, RUN, START, WAIT } from "./support/protocol.ts"
import { RawClient } from "./support/rawClient.ts"
import { directory } from "./support/socketCalendar.ts"

const TUNNEL = Path.resolve("examples/tls/tunnel.ts")

/** The command in the head of the example, as it stands there. */
const OPENSSL = /openssl req [^]*?cert\.pem/.exec(Fs.readFileSync(TUNNEL, "utf8"))![0].replace(/\\\n \*/g, " ")

/** Makes a key and a certificate in a new folder; undefined where there is no openssl. */
const makeKey = (folder: string): string | undefined => {
  Fs.mkdirSync(folder)
  const { status } = ChildProcess.spawnSync("sh", ["-c", OPENSSL], { cwd: folder, stdio: "ignore" })
  return status === 0 ? folder : undefined
}

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = Tls.createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { readonly port: number }
      server.close(() => resolve(port))
    })
  })

/** One end of a tunnel, as soon as it listens. */
const end = (runtime: Runtimes.Name, cwd: string, ...args: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const [command = "", ...words] = yield* Runtimes.locate(runtime).pipe(Effect.provide(NodeServices.layer))
    const child = yield* Effect.acquireRelease(
      Effect.sync(() => ChildProcess.spawn(command, [...words, TUNNEL, ...args], { cwd })),
      (child) => Effect.sync(() => child.kill("SIGKILL")),
    )
    let output = ""
    child.stderr.on("data", (text) => output += text)
    yield* Effect.callback<void>((resume) => {
      child.stdout.on("data", (text) => {
        output += text
        if (output.includes("listening")) resume(Effect.void)
      })
      child.on("close", () => resume(Effect.die(new Error(`it has ended: ${output}`))))
    })
    return { child, output: () => output }
  })

/** Whether anything is answered to a client that says START by TLS. */
const isAnswered = (port: number, options: Tls.ConnectionOptions): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = Tls.connect({
      host: "127.0.0.1",
      port,
      servername: "calendar",
      rejectUnauthorized: false,
      ...options,
    })
    socket.on("error", () => {}).on("close", () => resolve(false)).on("data", () => resolve(true))
    socket.write(new Uint8Array(16).fill(1, 0, 1))
  })

describe("a calendar behind the tunnel of the example", () => {
  it.live.each([["Deno", "Bun"], ["Bun", "Node"], ["Node", "Deno"]] as const)(
    "on %s and %s serves who has the key of the world, and nobody else comes as far as the calendar",
    ([there, here], context) =>
      Effect.gen(function* () {
        const place = yield* directory
        const world = makeKey(Path.join(place, "world"))
        const other = makeKey(Path.join(place, "other"))
        if (world === undefined || other === undefined) {
          return yield* Effect.promise(() => LeftOut.note(context, "TLS in front of a calendar", "openssl"))
        }
        const path = Path.join(place, "calendar"), local = Path.join(place, "local"), wrong = Path.join(place, "wrong")
        const server = yield* CalendarServer.make({ path })
        const port = yield* Effect.promise(freePort)
        const serving = yield* end(there, world, "serve", "127.0.0.1", String(port), path)
        const tunnel = yield* end(here, world, "connect", "127.0.0.1", String(port), local)
        expect(Fs.statSync(local).mode & 0o777).toBe(0o600)
        const intruders = yield* end(here, other, "connect", "127.0.0.1", String(port), wrong)
        yield* Effect.promise(async () => {
          const files = (folder: string) => ({
            key: Fs.readFileSync(Path.join(folder, "key.pem")),
            cert: Fs.readFileSync(Path.join(folder, "cert.pem")),
          })
          expect(await isAnswered(port, {})).toBe(false)
          expect(await isAnswered(port, files(other))).toBe(false)
          const intruder = new RawClient(wrong)
          await expect(intruder.say(START, 1n).take(ACK)).rejects.toThrow("closed")
          expect(serving.output()).toContain("refused: ")
          const guest = new RawClient(local)
          expect((await guest.say(START, 7n).take(ACK)).slice(0, 2)).toEqual([ACK, 1])
          expect((await guest.say(REQUEST, 50n).say(WAIT).take(RUN))[2]).toBe(50n)
          guest.hangUp()
        })
        // The calendar ends with its last guest: the only one that it ever saw.
        yield* server.ended
        let { left } = yield* server.status
        while (left.length === 0) {
          yield* Effect.sleep(5)
          left = (yield* server.status).left
        }
        expect(left.map(({ id }) => id)).toEqual([7n])
        for (const { child } of [tunnel, intruders]) child.kill("SIGTERM")
        yield* Effect.promise(async () => {
          while (Fs.existsSync(local)) await new Promise((resolve) => setTimeout(resolve, 20))
        })
      }).pipe(Effect.provide(Logger.layer([]))),
    30_000,
  )
})
