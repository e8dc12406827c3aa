import * as NodeServices from "@effect/platform-node/NodeServices"
import * as NodeSocket from "@effect/platform-node/NodeSocket"
import * as NodeSocketServer from "@effect/platform-node/NodeSocketServer"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Logger from "effect/Logger"
import * as Scope from "effect/Scope"
import * as Socket from "effect/socket/Socket"
import * as ChildProcess from "node:child_process"
import * as Fs from "node:fs"
import * as Net from "node:net"
import * as Path from "node:path"
import process from "node:process"
import * as Runtimes from "../scripts/runtimes.ts"
import * as CalendarServer from "../src/calendar/CalendarServer.ts"
import * as Status from "../src/calendar/Status.ts"
import { OptionError } from "../src/core/Fault.ts"
import { built } from "./support/built.ts"
import { type CalendarProcess, type Start, starter, type Status as Shown } from "./support/calendarProcess.ts"
import { GET, RUN, START, WAIT } from "./support/protocol.ts"
import { bytes, NONE } from "./support/rawClient.ts"
import { directory } from "./support/socketCalendar.ts"

/** A client by hand: it says what it is told to, and reads only if it is told to. */
class Client {
  readonly socket: Net.Socket
  readonly closed: Promise<void>
  readonly connected: Promise<void>
  isClosed = false
  bytes = 0

  constructor(at: string | number, reads = true) {
    const to = typeof at === "string" ? { path: at } : { host: "127.0.0.1", port: at }
    this.socket = Net.createConnection({ ...to, allowHalfOpen: true }).on("error", () => {})
    this.connected = new Promise((resolve) => this.socket.once("connect", () => resolve()))
    this.closed = new Promise((resolve) =>
      this.socket.once("close", () => {
        this.isClosed = true
        resolve()
      })
    )
    // Nothing else closes it where it may be half open.
    this.socket.once("end", () => this.socket.destroy())
    if (reads) this.socket.on("data", (chunk: Uint8Array) => this.bytes += chunk.length)
  }

  say(...messages: ReadonlyArray<Uint8Array>): this {
    const all = new Uint8Array(16 * messages.length)
    messages.forEach((message, at) => all.set(message, 16 * at))
    this.socket.write(all)
    return this
  }
}

/** So many that what answers them doesn't fit into what systems and runtimes keep for somebody who doesn't read. */
const MANY = Array.from({ length: 100_000 }, (_, at) => bytes(GET, 3 + at, NONE))

const start = (id: number) => bytes(START, 1, BigInt(id))

const on = (
  runtime: Runtimes.Name,
  test: (start: Start, directory: string) => Promise<void>,
): Effect.Effect<void, never, Scope.Scope> =>
  Effect.gen(function* () {
    const start = yield* starter(runtime)
    const place = yield* directory
    yield* Effect.promise(() => test(start, place))
  })

const portOf = async (calendar: CalendarProcess): Promise<number> =>
  Number(String((await calendar.listening)["tcp"]).split(":").at(-1))

const quiet = Logger.layer([])

describe("a calendar that many connect to", () => {
  it.live.each(Runtimes.names.flatMap((runtime) => (["unix", "tcp"] as const).map((kind) => [runtime, kind] as const)))(
    "on %s (%s) refuses those who are too many for its descriptors, says so, and takes others when they have left",
    ([runtime, kind]) =>
      on(runtime, async (start, place) => {
        const path = Path.join(place, "s")
        const calendar = start(kind === "unix" ? ["--socket", path] : ["--tcp", "0"], { shell: "ulimit -n 150" })
        const at = kind === "unix" ? (await calendar.listening, path) : await portOf(calendar)
        const { maxClients } = await calendar.status()
        expect(maxClients).toBeGreaterThan(50)
        expect(maxClients).toBeLessThan(150)
        for (let round = 1; round <= 2; round++) {
          const clients = Array.from({ length: 300 }, () => new Client(at))
          // All others are hung up on at once.
          const closed = () => clients.filter(({ isClosed }) => isClosed).length
          const full = await calendar.until(() => closed() >= 300 - maxClients)
          expect(full.clients.length).toBe(maxClients)
          expect(full.refused).toBeGreaterThan(0)
          const busy = calendar.busyMs
          await new Promise((resolve) => setTimeout(resolve, 1000))
          expect(calendar.busyMs - busy).toBeLessThan(300)
          expect(closed()).toBe(300 - maxClients)
          for (const { socket } of clients) socket.destroy()
          await calendar.until((status) => status.clients.length === 0)
        }
        const refusal = await calendar.event(({ report }) => report === "Refused")
        expect(refusal["text"]).toMatch(
          new RegExp(`^connections are refused: there are ${maxClients} connections, and no more are taken; \\d+ were`),
        )
        const late = new Client(at).say(bytes(START, 1, 7n))
        await calendar.until(({ clients }) => clients.some(({ id }) => id === "7"))
        // Those that came before and after it was full are hung up on at the end.
        const last = Array.from({ length: 300 }, () => new Client(at))
        await calendar.until(({ clients }) => clients.length === maxClients)
        calendar.child.kill("SIGTERM")
        await Promise.all([calendar.ended, ...[late, ...last].map(({ closed }) => closed)])
      }),
    60_000,
  )

  it.live("takes as many as it is told to, on all its sockets together", () =>
    on("Deno", async (start, place) => {
      const path = Path.join(place, "s")
      const calendar = start(["--socket", path, "--tcp", "0", "--max-clients", "2"])
      const port = await portOf(calendar)
      const one = new Client(path), two = new Client(port)
      await calendar.until(({ clients }) => clients.length === 2)
      for (const at of [path, port]) await new Client(at).closed
      expect(await calendar.status()).toMatchObject({ refused: 2, maxClients: 2 })
      one.socket.destroy()
      await calendar.until(({ clients }) => clients.length === 1)
      const three = new Client(path).say(bytes(START, 1, 3n))
      await calendar.until(({ clients }) => clients.length === 2)
      for (const { socket } of [two, three]) socket.destroy()
    }))

  it.live("keeps to its descriptors also where the rest of its process takes them", () =>
    on("Deno", async (start, place) => {
      // More than there can be: the option doesn't lift the limit.
      const path = Path.join(place, "s")
      const calendar = start(["--socket", path, "--max-clients", "100000"], { shell: "ulimit -n 150" })
      await calendar.listening
      const clients = Array.from({ length: 300 }, () => new Client(path))
      const closed = () => clients.filter(({ isClosed }) => isClosed).length
      const full = await calendar.until((status) => status.clients.length + closed() === 300)
      expect(full.clients.length).toBeGreaterThan(50)
      expect(full.clients.length).toBeLessThan(150)
      const refusal = await calendar.event(({ report }) => report === "Refused")
      expect(refusal["text"]).toMatch(
        /: of the 150 descriptors that this process may have, no more than \d+ are left; /,
      )
      for (const { socket } of clients) socket.destroy()
      await calendar.until((status) => status.clients.length === 0)
      // What was counted then holds for a moment.
      await calendar.until(({ clients }) => {
        if (clients.length > 0) return true
        new Client(path)
        return false
      })
    }))

  it.live("says what is wrong with the number that it is told", () =>
    Effect.gen(function* () {
      for (const maxClients of [0, -1, 1.5, NaN, Infinity]) {
        const error = yield* Effect.flip(Effect.scoped(CalendarServer.make({ path: "/nowhere/at/all", maxClients })))
        expect(error).toBeInstanceOf(OptionError)
        expect(error.message).toContain(String(maxClients))
      }
    }))
})

const ways = {
  "half-closes": (client: Client) => client.socket.end(),
  "breaks a rule": (client: Client) => client.say(bytes(RUN, 9, 5n)),
}

describe("a client that doesn't read what it was answered", () => {
  it.live.each(
    Runtimes.names.flatMap((runtime) => Object.keys(ways).map((way) => [runtime, way as keyof typeof ways] as const)),
  )(
    "on %s, and %s, loses its connection in time, and is shown until it has",
    ([runtime, way]) =>
      on(runtime, async (begin, place) => {
        const path = Path.join(place, "s")
        const calendar = begin(["--socket", path])
        await calendar.listening
        const enter = (id: number) => [start(id), bytes(WAIT, 2, NONE)]
        const isIn = (status: Shown, count: number) =>
          status.clients.filter(({ state }) => state === "idle").length === count
        // As long as one is there the calendar doesn't end.
        const stays = new Client(path).say(...enter(999))
        await calendar.until((status) => isIn(status, 1))
        const before = calendar.descriptors
        const clients = Array.from({ length: 10 }, (_, id) => new Client(path, false).say(...enter(id)))
        await calendar.until((status) => isIn(status, 11))
        // All of it is there before it ends: 1.6 MB, which is more than goes at once.
        for (const client of clients) client.say(...MANY)
        for (const client of clients) ways[way](client)
        // None is there that isn't shown: one may close between the two looks, but none opens.
        await calendar.until(({ clients, ending }) => {
          expect(calendar.descriptors).toBeLessThanOrEqual(before + clients.length - 1 + ending.length + 1)
          return clients.length === 1 && ending.length === 0
        })
        for (const { socket } of [stays, ...clients]) socket.destroy()
      }),
    60_000,
  )

  it.live.each(Runtimes.names)("on %s gets it if it reads in time", (runtime) =>
    on(runtime, async (begin, place) => {
      const path = Path.join(place, "s")
      const calendar = begin(["--socket", path])
      await calendar.listening
      const stays = new Client(path)
      for (const count of [1000, 30_000]) {
        const client = new Client(path).say(start(count), ...MANY.slice(0, count))
        client.socket.end()
        await client.closed
        expect(client.bytes).toBe(16 * (1 + count))
        await calendar.until(({ clients }) => clients.length === 1)
      }
      stays.socket.destroy()
    }), 60_000)
})

it.live("a connection that a calendar was handed ends in time, too", () =>
  Effect.scoped(Effect.gen(function* () {
    const path = Path.join(yield* directory, "s")
    const calendar = yield* CalendarServer.serve()
    const server = yield* NodeSocketServer.make({ path })
    const connections: Array<Net.Socket> = []
    const accept = (socket: Socket.Socket) =>
      Effect.flatMap(Effect.serviceOption(NodeSocket.NetSocket), (connection) => {
        connections.push(Option.getOrThrow(connection))
        return calendar.accept(socket)
      })
    yield* Effect.forkScoped(server.run(accept))
    for (const way of Object.values(ways)) {
      const client = new Client(path, false).say(start(connections.length), bytes(WAIT, 2, NONE), ...MANY)
      yield* Effect.promise(() => client.connected)
      way(client)
      while (connections.at(-1)?.closed !== true) yield* Effect.sleep(10)
      while ((yield* calendar.status).ending.length > 0) yield* Effect.sleep(10)
      client.socket.destroy()
    }
    expect(connections.length).toBe(2)
  })).pipe(Effect.provide(quiet)), 60_000)

it.live("a connection that is being ended is shown until it is gone", () =>
  Effect.gen(function* () {
    const calendar = yield* CalendarServer.serve()
    const chunks = [start(7), bytes(WAIT, 2, NONE), bytes(RUN, 3, 5n)]
    const pull = Effect.suspend(() => {
      const chunk = chunks.shift()
      return chunk === undefined ? Effect.never : Effect.succeed([chunk] as const)
    })
    // It never reads what it was answered.
    const socket = Socket.make({
      reader: Effect.succeed({ pull, upgrade: () => Effect.void }),
      writer: Effect.succeed({ write: () => Effect.never, writeAll: () => Effect.never }),
    })
    const connection = yield* Effect.forkChild(calendar.accept(socket, "a test"))
    let status = yield* calendar.status
    while (status.ending.length === 0) {
      yield* Effect.sleep(1)
      status = yield* calendar.status
    }
    expect(status.clients).toEqual([])
    expect(status.ending).toMatchObject([{ id: 7n, state: "ending", from: "a test" }])
    expect(Status.format(status)).toContain("\n  client 7 (a test) is being hung up on; last message Run #3 5, ")
    yield* Fiber.join(connection)
    expect((yield* calendar.status).ending).toEqual([])
  }).pipe(Effect.provide(quiet)))

describe("the file of a socket", () => {
  const make = (path: string) => CalendarServer.make({ path }).pipe(Effect.provide(quiet))

  /** What `make` fails with. */
  const fault = (path: string) => Effect.orDie(Effect.flip(Effect.scoped(make(path))))

  /** A socket that a killed server left: nobody listens there. */
  const leave = async (path: string): Promise<void> => {
    const aside = Path.join(Path.dirname(path), "-")
    const server = await new Promise<Net.Server>((resolve) => {
      const server = Net.createServer().listen(aside, () => resolve(server))
    })
    // Servers remove their files when they close, wherever those were made.
    Fs.renameSync(aside, path)
    await new Promise((resolve) => server.close(resolve))
  }

  const answers = (path: string): Promise<boolean> =>
    new Promise((resolve) => {
      const socket = Net.createConnection({ path })
      socket.once("error", () => resolve(false))
      socket.once("data", (chunk) => {
        resolve(chunk.length === 16)
        socket.destroy()
      })
      socket.write(bytes(START, 1, NONE))
    })

  const modeOf = (path: string): number | undefined => {
    const found = Fs.lstatSync(path, { throwIfNoEntry: false })
    return found && found.mode & 0o777
  }

  it.live.each(Runtimes.names)(
    "on %s is private from the first moment, whatever the umask is",
    (runtime) =>
      on(runtime, async (begin, place) => {
        for (const umask of ["0", "0777"]) {
          const path = Path.join(place, `s${umask}`)
          const calendar = begin(["--socket", path], { shell: `umask ${umask}` })
          let isListening = false
          void calendar.listening.then(() => isListening = true)
          let looks = 0
          while (!isListening) {
            looks++
            const modes = [
              modeOf(path),
              ...Fs.readdirSync(place).filter((name) => name !== Path.basename(path)).map((name) =>
                modeOf(Path.join(place, name))
              ),
            ].filter((mode) => mode !== undefined)
            // Nobody else may do anything, not with what is there for a moment either.
            for (const mode of modes) expect(mode & 0o077).toBe(0)
            await new Promise((resolve) => setImmediate(resolve))
          }
          expect(looks).toBeGreaterThan(10)
          expect(modeOf(path)).toBe(0o600)
          calendar.child.kill("SIGTERM")
          await calendar.ended
        }
        expect(Fs.readdirSync(place)).toEqual([])
      }),
    60_000,
  )

  it.live("is one server's only, of many that start at once", () =>
    Effect.gen(function* () {
      const place = yield* directory
      for (let round = 0; round < 20; round++) {
        const path = Path.join(place, `s${round}`)
        if (round % 4 > 0) yield* Effect.promise(() => leave(path))
        const scope = yield* Scope.make()
        const results = yield* Effect.forEach(
          Array.from({ length: 8 }),
          () => Effect.exit(Scope.provide(make(path), scope)),
          { concurrency: "unbounded" },
        )
        expect(results.filter(Exit.isSuccess).length).toBe(1)
        for (const result of results.filter(Exit.isFailure)) {
          expect(String(result.cause)).toContain("another server is listening there")
        }
        expect(yield* Effect.promise(() => answers(path))).toBe(true)
        expect(Fs.readdirSync(place)).toEqual([Path.basename(path)])
        yield* Scope.close(scope, Exit.void)
        expect(Fs.readdirSync(place)).toEqual([])
      }
    }), 60_000)

  it.live(
    "is one server's only, of those of several runtimes that start at once where one was killed",
    () =>
      Effect.gen(function* () {
        const place = yield* directory
        const begins = yield* Effect.forEach(Runtimes.names, starter)
        yield* Effect.promise(async () => {
          for (let round = 0; round < 2; round++) {
            const path = Path.join(place, `s${round}`)
            await leave(path)
            const all = [...begins, ...begins].map((begin) => begin(["--socket", path]))
            const outcomes = await Promise.all(all.map((calendar) =>
              Promise.race([
                calendar.listening.then(() => "listens", () => "ended"),
                calendar.ended.then(() => "ended"),
              ])
            ))
            expect(outcomes.toSorted()).toEqual([...Array(5).fill("ended"), "listens"])
            for (const [index, { ended, stderr }] of all.entries()) {
              if (outcomes[index] === "listens") continue
              expect(await ended).not.toBe(0)
              expect(stderr).toContain("another server is listening there")
            }
            expect(await answers(path)).toBe(true)
            const one = all[outcomes.indexOf("listens")]!
            one.child.kill("SIGTERM")
            await one.ended
            expect(Fs.readdirSync(place)).toEqual([])
          }
        })
      }),
    60_000,
  )

  it.live.each(Runtimes.names)(
    "on %s isn't removed by a server that ends when it is a newer one's",
    (runtime) =>
      on(runtime, async (begin, place) => {
        const path = Path.join(place, "s")
        const older = begin(["--socket", path])
        await older.listening
        Fs.rmSync(path)
        const newer = begin(["--socket", path])
        await newer.listening
        older.child.kill("SIGTERM")
        await older.ended
        expect(await answers(path)).toBe(true)
        newer.child.kill("SIGTERM")
        await newer.ended
        expect(Fs.readdirSync(place)).toEqual([])
      }),
    60_000,
  )

  it.live(
    "is in a directory in which nothing is left, also if servers are killed at any moment as they start",
    () =>
      on("Bun", async (begin, place) => {
        const path = Path.join(place, "s")
        const killed = (calendar: CalendarProcess) => {
          calendar.child.kill("SIGKILL")
          return calendar.ended
        }
        for (let round = 0; round < 12; round++) {
          const calendar = begin(["--socket", path])
          // As soon as anything happens there, or a little later.
          const before = Fs.readdirSync(place).join()
          const inode = () => Fs.lstatSync(path, { throwIfNoEntry: false })?.ino
          const was = inode()
          while (Fs.readdirSync(place).join() === before && inode() === was) {
            await new Promise((resolve) => setImmediate(resolve))
          }
          for (let turn = 0; turn < round % 4; turn++) await new Promise((resolve) => setImmediate(resolve))
          await killed(calendar)
        }
        const calendar = begin(["--socket", path])
        await calendar.listening
        expect(await answers(path)).toBe(true)
        expect(Fs.readdirSync(place)).toEqual(["s"])
        await killed(calendar)
      }),
    60_000,
  )

  it.live("never takes the place of anything but a socket, and says what is there", () =>
    Effect.gen(function* () {
      const place = yield* directory
      const at = (name: string) => Path.join(place, name)
      Fs.mkdirSync(at("directory"))
      Fs.writeFileSync(at("file"), "precious")
      yield* Effect.promise(() => leave(at("socket")))
      Fs.symlinkSync(at("socket"), at("link"))
      Fs.symlinkSync(at("nothing"), at("dangling"))
      const before = Fs.readdirSync(place)
      for (
        const [name, what] of [
          ["directory", "a directory"],
          ["file", "a file that is not a socket"],
          ["link", "a symbolic link"],
          ["dangling", "a symbolic link"],
        ] as const
      ) {
        expect(yield* fault(at(name))).toMatchObject({ _tag: "ListenError", reason: "NotASocket" })
        expect((yield* fault(at(name))).message).toBe(`can't listen on ${JSON.stringify(at(name))}: there is ${what}`)
      }
      expect(Fs.readdirSync(place)).toEqual(before)
      expect(Fs.readFileSync(at("file"), "utf8")).toBe("precious")
      expect(Fs.readlinkSync(at("link"))).toBe(at("socket"))
    }))

  it.live("is refused with the reason where there can be none", () =>
    Effect.gen(function* () {
      const place = yield* directory
      expect((yield* fault(Path.join(place, "not", "there"))).message).toContain("there is no such directory")
      Fs.writeFileSync(Path.join(place, "file"), "")
      expect((yield* fault(Path.join(place, "file", "s"))).message).toContain("there is no such directory")
      // Root may write anywhere but there.
      const closed = Path.join(place, "closed")
      Fs.mkdirSync(closed, { mode: 0o500 })
      const isRoot = process.getuid?.() === 0
      const message = (yield* fault(Path.join(isRoot ? "/sys" : closed, "s"))).message
      expect(message).toMatch(/the directory has to be writable|the file system is read-only/)
      const long = yield* fault(Path.join(place, "x".repeat(120)))
      expect(long).toMatchObject({ reason: "BadPath" })
      expect(long.message).toMatch(/bytes long, and a socket's has at most 107$/)
    }))

  it.live.each(Runtimes.names)(
    "on %s may have the longest path that there is, or one that is relative",
    (runtime) =>
      on(runtime, async (begin, place) => {
        const folder = Path.join(place, "d".repeat(103 - place.length))
        Fs.mkdirSync(folder)
        for (const name of ["s", "so"]) {
          const path = Path.join(folder, name)
          expect(path.length).toBe(105 + name.length)
          await leave(path)
          const calendar = begin(["--socket", path])
          await calendar.listening
          expect(await answers(path)).toBe(true)
          calendar.child.kill("SIGTERM")
          await calendar.ended
          expect(Fs.readdirSync(folder)).toEqual([])
        }
        // Where the whole path is too long, a relative one does.
        const deep = Path.join(folder, "deeper")
        Fs.mkdirSync(deep)
        for (const path of ["s", "./s", "../deeper/s"]) {
          const calendar = begin(["--socket", path], { cwd: deep })
          await calendar.listening
          expect(Fs.lstatSync(Path.join(deep, "s")).isSocket()).toBe(true)
          calendar.child.kill("SIGTERM")
          await calendar.ended
          expect(Fs.readdirSync(deep)).toEqual([])
        }
      }),
    60_000,
  )
})

it.live.each(Runtimes.names)(
  "a guest on %s that has ended leaves in time, also if its calendar doesn't read what it said",
  (runtime) =>
    Effect.gen(function* () {
      const path = Path.join(yield* directory, "s")
      const [command = "", ...words] = yield* Runtimes.locate(runtime).pipe(Effect.provide(NodeServices.layer))
      yield* Effect.promise(async () => {
        const server = Net.createServer({ pauseOnConnect: true })
        await new Promise<void>((resolve) => server.listen(path, resolve))
        const held: Array<Net.Socket> = []
        server.on("connection", (socket) => held.push(socket.on("error", () => {})))
        const child = ChildProcess.spawn(command, [...words, built("test/support/unreadGuest.ts"), path])
        let output = ""
        child.stdout.on("data", (text) => output += text)
        const code = await new Promise((resolve) => child.on("close", resolve))
        expect([code, output]).toEqual([0, "said\nended\n"])
        for (const socket of held) socket.destroy()
        await new Promise((resolve) => server.close(resolve))
      })
    }),
  60_000,
)
