/** Guests in processes of their own share the memory of a calendar in another one, on each runtime. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as ChildProcess from "node:child_process"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { exec } from "../scripts/exec.ts"
import * as Runtimes from "../scripts/runtimes.ts"
import { built } from "./support/built.ts"
import { starter } from "./support/calendarProcess.ts"
import { random } from "./support/random.ts"
import { directory } from "./support/socketCalendar.ts"

const GUESTS = built("test/support/sharing/guests.ts")
const SCRIBBLER = built("test/support/sharing/scribbler.ts")
const PATIENCE = 120_000

/** How many guests are killed with each process, and how many in all: `deno task kills` kills more of them. */
const AT_ONCE = 20
const KILLS = Number(process.env["GUEST_CLOCK_KILLS"] ?? 120)
const ROUNDS = Math.ceil(KILLS / AT_ONCE)

/** Whether this machine is one on which native calls are made. */
const isSupported = process.platform === "linux" && ["x64", "arm64"].includes(process.arch)

interface Summary {
  readonly grants: number
  readonly sharedGrants: number
  readonly messages: number
  readonly time: string
  readonly left: ReadonlyArray<{
    readonly id: string
    readonly offset: string
    readonly sharesMemory: boolean
    readonly dropped?: string
    readonly process?: { readonly pid: number; readonly command?: string }
  }>
}

/** Guests as words: the first one's ID, how many, how many steps, and how they work. */
type Fleet = readonly [first: number, count: number, steps: number | "forever", way: "memory" | "messages"]

const words = (path: string, fleet: Fleet) => [GUESTS, path, ...fleet.map(String)]

/** What guests print, in order of their IDs, and what their calendar says in the end. */
const run = (runtime: Runtimes.Name, args: ReadonlyArray<string>, fleets: ReadonlyArray<Fleet>) =>
  Effect.gen(function* () {
    const start = yield* starter(runtime)
    const path = Path.join(yield* directory, "s")
    const clients = fleets.reduce((sum, [, count]) => sum + count, 0)
    const calendar = start(["--socket", path, "--clients", String(clients), "--order", "by-id", ...args])
    yield* Effect.promise(() => calendar.listening)
    const command = yield* Runtimes.locate(runtime)
    const ended = yield* Effect.forEach(fleets, (fleet) => exec([...command, ...words(path, fleet)]), {
      concurrency: "unbounded",
    })
    expect(ended.map(({ code, stderr }) => code === 0 ? 0 : stderr)).toEqual(fleets.map(() => 0))
    const lines = ended.flatMap(({ stdout }) => stdout.trim().split("\n"))
    const guests = lines.map((line) => JSON.parse(line) as { readonly id: number })
    expect(yield* Effect.promise(() => calendar.ended)).toBe(0)
    const summary = calendar.events.find(({ event }) => event === "summary") as unknown as Summary
    return { guests: guests.sort((a, b) => a.id - b.id), summary }
  }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))

describe.runIf(isSupported).each(Runtimes.names)("guests and a calendar on %s", (runtime) => {
  it.live(
    "see the same times by memory, by messages, and mixed, and take as many turns",
    () =>
      Effect.gen(function* () {
        const byMessages = yield* run(runtime, ["--no-shared-memory"], [[1, 3, 150, "memory"], [4, 3, 150, "messages"]])
        const byMemory = yield* run(runtime, [], [[1, 6, 150, "memory"]])
        const mixed = yield* run(runtime, [], [[1, 3, 150, "memory"], [4, 3, 150, "messages"]])
        expect(byMemory.guests).toEqual(byMessages.guests)
        expect(mixed.guests).toEqual(byMessages.guests)
        const { summary: { grants, time } } = byMessages
        expect(grants).toBeGreaterThan(300)
        for (const { summary } of [byMemory, mixed]) expect([summary.grants, summary.time]).toEqual([grants, time])
        expect(byMessages.summary.sharedGrants).toBe(0)
        expect(byMemory.summary.sharedGrants).toBe(grants)
        // RUN and WAIT; and for each guest START, GET, GET_TOD and their ACKs, at most.
        expect(byMemory.summary.messages).toBeLessThan(2 * grants + 6 * 40)
        expect(byMessages.summary.messages).toBeGreaterThan(5 * grants)
        const sharers = mixed.summary.left.filter(({ sharesMemory }) => sharesMemory).map(({ id }) => id).sort()
        expect(sharers).toEqual(["1", "2", "3"])
        // Each is known by its process.
        for (const client of mixed.summary.left) {
          expect(client.process?.command).toContain(GUESTS)
          expect(client.process?.pid).toBeGreaterThan(1)
        }
      }),
    PATIENCE,
  )

  it.live(
    "are killed at any moment, and nobody is wedged; nor by somebody who scribbles over the memory",
    () =>
      Effect.gen(function* () {
        const start = yield* starter(runtime)
        const path = Path.join(yield* directory, "s")
        const calendar = start(["--socket", path, "--clients", "2"])
        yield* Effect.promise(() => calendar.listening)
        const [command = "", ...args] = yield* Runtimes.locate(runtime)
        const spawned: Array<ChildProcess.ChildProcess> = []
        const spawn = (...words: ReadonlyArray<string>) => {
          const child = ChildProcess.spawn(command, [...args, ...words], { stdio: ["ignore", "pipe", "ignore"] })
          spawned.push(child)
          return child
        }
        yield* Effect.addFinalizer(() => Effect.sync(() => spawned.forEach((child) => child.kill("SIGKILL"))))
        // Those who are to go on, whatever happens: they work by messages, so nothing in the memory is theirs.
        const observers = spawn(...words(path, [1, 2, "forever", "messages"]))
        const dice = random(7)
        yield* Effect.promise(async () => {
          for (let round = 0; round < ROUNDS; round++) {
            const victims = spawn(...words(path, [100 * (round + 1), AT_ONCE, "forever", "memory"]))
            const scribbler = round % 2 === 0 ? undefined : spawn(SCRIBBLER, path, String(1000 + round))
            // Where somebody scribbles, they may have been put out by now.
            const least = scribbler === undefined ? 2 + dice.int(AT_ONCE - 2) : 1
            await calendar.until(({ clients }) =>
              clients.filter(({ sharesMemory }) => sharesMemory).length >= least || victims.exitCode !== null
            )
            await new Promise((resolve) => setTimeout(resolve, dice.int(300)))
            victims.kill("SIGKILL")
            scribbler?.kill("SIGKILL")
            await calendar.until(({ clients }) => clients.length === 2)
            const { time } = await calendar.status() as unknown as { readonly time: string }
            await calendar.until((status) =>
              BigInt((status as unknown as typeof status & { time: string }).time) > BigInt(time)
            )
          }
          const { left } = await calendar.status() as unknown as Summary
          expect(left.filter(({ sharesMemory }) => sharesMemory).length).toBeGreaterThan(ROUNDS)
          // Whoever is put out is told which rule it broke.
          for (const { dropped } of left) if (dropped !== undefined) expect(dropped).toMatch(/ \(\w+: .*\)$/)
          observers.kill("SIGKILL")
          expect(await calendar.ended).toBe(0)
        })
      }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)),
    PATIENCE + 20_000 * ROUNDS,
  )

  it.live("come and go, and leave no descriptor and no mapping behind", () =>
    Effect.gen(function* () {
      const start = yield* starter(runtime)
      const path = Path.join(yield* directory, "s")
      const calendar = start(["--socket", path])
      yield* Effect.promise(() => calendar.listening)
      const command = yield* Runtimes.locate(runtime)
      const held = () => ({
        descriptors: calendar.descriptors,
        mappings: Fs.readFileSync(`/proc/${calendar.child.pid}/maps`, "utf8").split("\n").filter((line) =>
          line.includes("/memfd:guest-clock")
        )
          .length,
      })
      // The last one keeps the calendar from ending.
      const stays = ChildProcess.spawn(command[0]!, [...command.slice(1), ...words(path, [1, 1, "forever", "memory"])])
      yield* Effect.addFinalizer(() =>
        Effect.sync(() => stays.kill("SIGKILL"))
      )
      yield* Effect.promise(() => calendar.until(({ clients }) => clients.length === 1))
      const come = exec([...command, ...words(path, [10, 80, 3, "memory"])])
      yield* come
      yield* Effect.promise(() => calendar.until(({ clients }) => clients.length === 1))
      const before = held()
      for (let round = 0; round < 3; round++) yield* come
      yield* Effect.promise(() => calendar.until(({ clients, ending }) => clients.length === 1 && ending.length === 0))
      const after = held()
      expect(after.descriptors - before.descriptors).toBeLessThanOrEqual(2)
      expect(before.mappings).toBeGreaterThan(0)
      expect(after.mappings).toBe(before.mappings)
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)), PATIENCE)
})

describe.runIf(isSupported).each(Runtimes.names)("a calendar on %s", (runtime) => {
  it.live(
    "drops a client whose process is dead, though a child of it holds the connection",
    () =>
      Effect.gen(function* () {
        const start = yield* starter(runtime)
        const path = Path.join(yield* directory, "s")
        const calendar = start(["--socket", path])
        yield* Effect.promise(() => calendar.listening)
        // Its first turn never ends: a shell starts it, and a child that lives on with the same connection.
        const program = `
        const net = require("node:net"), { spawn } = require("node:child_process")
        const socket = net.connect({ path: process.argv[1] }, () => {
          const start = Buffer.alloc(16)
          start.writeUInt32LE(1), start.writeUInt32LE(1, 4), start.writeBigUInt64LE(7n, 8)
          socket.write(start)
          socket.once("data", () => {
            const child = spawn("sleep", ["100"], { stdio: ["ignore", "ignore", "ignore", socket], detached: true })
            console.log(child.pid)
          })
        })`
        const held = ChildProcess.spawn("node", ["-e", program, path], { stdio: ["ignore", "pipe", "inherit"] })
        const child = yield* Effect.promise(() =>
          new Promise<number>((resolve) => held.stdout.once("data", (text) => resolve(Number(text))))
        )
        yield* Effect.addFinalizer(() => Effect.sync(() => process.kill(child, "SIGKILL")))
        const after = ChildProcess.spawn("node", ["-e", program, path], { stdio: ["ignore", "pipe", "inherit"] })
        yield* Effect.addFinalizer(() => Effect.sync(() => after.kill("SIGKILL")))
        yield* Effect.promise(() => calendar.until(({ clients }) => clients.some(({ state }) => state === "held")))
        held.kill("SIGKILL")
        const { text } = yield* Effect.promise(() =>
          calendar.event((event) => event.event === "report" && event["report"] === "Dropped")
        )
        expect(text).toMatch(
          new RegExp(`^client 7 was dropped: PID ${held.pid} is dead, and another one holds its connection`),
        )
        // It wasn't its child that was dropped, and others go on.
        yield* Effect.promise(() => calendar.until(({ clients }) => clients.some(({ state }) => state === "running")))
        process.kill(child, 0)
        const second = yield* Effect.promise(() =>
          new Promise<number>((resolve) => after.stdout.once("data", (text) => resolve(Number(text))))
        )
        process.kill(second, "SIGKILL")
      }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)),
    PATIENCE,
  )

  // Only root can start a process of another user's.
  it.live.runIf(process.getuid?.() === 0)(
    "refuses clients of other users, unless they are allowed",
    () =>
      Effect.gen(function* () {
        const start = yield* starter(runtime)
        const folder = yield* directory
        Fs.chmodSync(folder, 0o755)
        const program = `
        const socket = require("node:net").connect({ path: process.argv[1] })
        socket.on("connect", () => console.log("connected"))
        socket.on("error", (error) => console.log(error.code))
        socket.on("close", () => console.log("closed"))`
        const NOBODY = 65_534
        // Itself, as another user may not get to a link in somebody's own folder.
        const node = Fs.realpathSync(
          (process.env["PATH"] ?? "").split(Path.delimiter).map((folder) => Path.join(folder, "node"))
            .find((path) => Fs.existsSync(path)) ?? "node",
        )
        const visit = (path: string, uid: number) =>
          Effect.callback<string>((resume) => {
            const child = ChildProcess.spawn(node, ["-e", program, path], { uid, cwd: "/" })
            let said = ""
            child.stdout.on("data", (text) => {
              said += text
              // Whoever is let in is told nothing.
              if (said === "connected\n") setTimeout(() => child.kill("SIGKILL"), 500)
            })
            child.once("close", () => resume(Effect.succeed(said)))
          })
        const [closed, open] = [Path.join(folder, "closed"), Path.join(folder, "open")]
        const ours = start(["--socket", closed])
        const theirs = start(["--socket", open, "--allow-user", "root", "--allow-user", String(NOBODY)])
        yield* Effect.promise(() => Promise.all([ours.listening, theirs.listening]))
        expect(Fs.statSync(closed).mode & 0o777).toBe(0o600)
        expect(Fs.statSync(open).mode & 0o777).toBe(0o666)
        expect(yield* visit(closed, NOBODY)).toBe("EACCES\nclosed\n")
        // With another mode, it is the calendar that refuses.
        Fs.chmodSync(closed, 0o666)
        expect(yield* visit(closed, NOBODY)).toMatch(/^(connected\n)?(ECONNRESET\n)?closed\n$/)
        const { text } = yield* Effect.promise(() =>
          ours.event((event) => event.event === "report" && event["report"] === "Refused")
        )
        expect(text).toMatch(
          /connections are refused: PID \d+ belongs to \S+, who isn't allowed to connect; 1 were/,
        )
        expect(yield* visit(closed, 0)).toBe("connected\n")
        expect(yield* visit(open, NOBODY)).toBe("connected\n")
        const wrong = start(["--socket", `${open}2`, "--allow-user", "no such user"])
        expect(yield* Effect.promise(() => wrong.ended)).toBe(1)
        expect(wrong.stderr).toContain(
          `users can't be no such user: it is the name of a user of this system, or a number`,
        )
      }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)),
    PATIENCE,
  )
})
