import * as NodeServices from "@effect/platform-node/NodeServices"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Fs from "node:fs"
import * as Path from "node:path"
import process from "node:process"
import * as Runtimes from "../scripts/runtimes.ts"
import { GuestClock, Mode, VirtualTime } from "../src/index.ts"
import { inRoom, type Room, type Running } from "./support/command.ts"

/** Ways for an output to be of no use, as a shell makes them: for the words after the name of a pipe, and a descriptor. */
const BAD = {
  "is a pipe whose reader is gone": (fd: number) =>
    `mkfifo "$1"; exec 3<>"$1"; exec 4>"$1"; exec 3<&-; shift; exec "$@" ${fd}>&4`,
  "is a pipe that nobody reads": (fd: number) =>
    `mkfifo "$1"; exec 3<>"$1"; head -c 65536 /dev/zero >&3; shift; exec "$@" ${fd}>&3`,
  "is a full disk": (fd: number) => `shift; exec "$@" ${fd}>/dev/full`,
} as const

type Kind = keyof typeof BAD

const startWith = (room: Room, kind: Kind, fd: number, ...args: ReadonlyArray<string>): Running =>
  room.spawn("sh", "-c", BAD[kind](fd), "sh", Path.join(room.folder, "pipe.ndjson"), ...room.words, ...args)

/** Waits until a calendar listens that can't say so. */
const listens = async (path: string): Promise<void> => {
  while (!Fs.existsSync(path)) await new Promise((resolve) => setTimeout(resolve, 10))
}

/** Guests in this process that wake up so many times each, in lockstep. */
const lockstep = (socket: string, most = 100): Promise<ReadonlyArray<string>> => {
  const woken: Array<string> = []
  const guest = (id: number) =>
    VirtualTime.run(Effect.gen(function* () {
      for (let times = 0; times < most; times++) {
        yield* Effect.sleep(10 + id)
        woken.push(String(id))
      }
    })).pipe(Effect.provide(Mode.external({ socket, id: BigInt(id), sharedMemory: false })))
  return Effect.runPromise(Effect.as(Effect.all([guest(0), guest(1)], { concurrency: 2 }), woken))
}

/** A guest in this process that waits for others, until the calendar hangs up. */
const waits = (socket: string): Promise<Exit.Exit<void, unknown>> =>
  Effect.flatMap(GuestClock.GuestClock, (clock) => clock.sleep).pipe(
    Effect.provide(Mode.external({ socket, id: 7n })),
    Effect.runPromiseExit,
  )

/** What is answered with a hundred times what a pipe takes; and nobody goes on before it is. */
const LINES = 60_000
const FLOOD = `pause\n${"x\n".repeat(LINES)}continue\n`

const EXITS = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const
/** Deno tells an exit code above 128 as the signal that it stands for. */
const exitOf = (signal: keyof typeof EXITS) => expect.toBeOneOf([EXITS[signal], signal])

describe("the calendar's command", () => {
  const cases = Runtimes.names.flatMap((runtime) =>
    (Object.keys(BAD) as Array<Kind>).map((kind) => ({ runtime, kind }))
  )

  it.live.each(cases)(
    "on $runtime keeps its clients in lockstep and ends as it is told where standard error $kind",
    ({ runtime, kind }) =>
      inRoom(runtime, async (room) => {
        const calendar = startWith(room, kind, 2, "calendar", "--socket", room.socket, "--clients", "2")
        await listens(room.socket)
        calendar.child.stdin.write(FLOOD)
        expect((await lockstep(room.socket)).length).toBe(200)
        expect(await calendar.ended).toBe(0)
        expect(calendar.stdout).toMatch(/^client 1 {2}unix/m)
        expect(calendar.stdout).toMatch(/^\d+ lines for standard error were dropped, as nobody read them$/m)
        expect(Fs.existsSync(room.socket)).toBe(false)
      }),
    30_000,
  )

  it.live.each(cases)(
    "on $runtime keeps its clients in lockstep and ends as it is told where standard output $kind, with --json",
    ({ runtime, kind }) =>
      inRoom(runtime, async (room) => {
        const calendar = startWith(room, kind, 1, "calendar", "--socket", room.socket, "--clients", "3", "--json")
        await listens(room.socket)
        calendar.child.stdin.write(FLOOD)
        const third = waits(room.socket)
        expect((await lockstep(room.socket)).length).toBe(200)
        calendar.child.kill("SIGTERM")
        expect(await calendar.ended).toEqual(exitOf("SIGTERM"))
        expect((await third)._tag).toBe("Failure")
        expect(calendar.stderr).toBe("")
        expect(Fs.existsSync(room.socket)).toBe(false)
      }),
    30_000,
  )

  it.live.each(Runtimes.names)(
    "on %s holds nobody up where standard error is a socket that nobody reads",
    (runtime) =>
      inRoom(runtime, async (room) => {
        const [node = ""] = await Effect.runPromise(Effect.provide(Runtimes.locate("Node"), NodeServices.layer))
        const wrapper = `const child = require("node:child_process").spawn(process.argv[1], process.argv.slice(2), ` +
          `{ stdio: ["inherit", "inherit", "pipe"] }); child.on("exit", (code) => process.exit(code))`
        const calendar = room.spawn(node, "-e", wrapper, ...room.words, "calendar", "--socket", room.socket)
        await listens(room.socket)
        calendar.child.stdin.write(FLOOD)
        expect((await lockstep(room.socket)).length).toBe(200)
        expect(await calendar.ended).toBe(0)
        expect(calendar.stdout).toMatch(/^\d+ lines for standard error were dropped/m)
      }),
    30_000,
  )

  it.live("says how many lines were dropped when it is read again", () =>
    inRoom("Deno", async (room) => {
      const pipe = Path.join(room.folder, "pipe.ndjson")
      const calendar = startWith(
        room,
        "is a pipe that nobody reads",
        1,
        "calendar",
        "--socket",
        room.socket,
        "--json",
      )
      await listens(room.socket)
      calendar.child.stdin.write(FLOOD)
      await new Promise((resolve) => setTimeout(resolve, 1000))
      const reader = room.spawn("cat", pipe)
      await reader.printed(/\{"event":"dropped","lines":\d+\}/)
      calendar.child.stdin.write("quit\n")
      expect(await calendar.ended).toBe(0)
      reader.child.kill("SIGKILL")
      await reader.ended
      const lines = reader.stdout.replace(/^\0*/, "").trimEnd().split("\n").map((line) => JSON.parse(line))
      expect(lines[0]).toMatchObject({ event: "listening" })
      const [dropped] = lines.filter(({ event }) => event === "dropped")
      const told = lines.filter(({ event }) => event === "control").length
      // Of what is answered, "paused" and "goes on" as well; and one may come after that.
      expect(told + dropped.lines).toBe(LINES + 2)
    }), 30_000)

  it.live.each(Runtimes.names.flatMap((runtime) => Object.keys(EXITS).map((signal) => ({ runtime, signal }))))(
    "on $runtime ends on $signal with its exit code, its summary and a whole trace",
    ({ runtime, signal }) =>
      inRoom(runtime, async (room) => {
        const trace = Path.join(room.folder, "trace.ndjson")
        const args = ["--socket", room.socket, "--clients", "2", "--json", "--trace", trace]
        const calendar = room.start("calendar", ...args)
        await listens(room.socket)
        await lockstep(room.socket).then(() => calendar.ended)
        expect(calendar.events.at(-1)).toMatchObject({ event: "summary", ended: "left" })
        const whole = Fs.readFileSync(trace, "utf8").trimEnd().split("\n").length

        const again = room.start("calendar", ...args)
        await again.printed(/"listening"/)
        const third = waits(room.socket)
        await again.printed(/"Joined"/)
        again.child.kill(signal as "SIGHUP")
        expect(await again.ended).toEqual(exitOf(signal as "SIGHUP"))
        expect((await third)._tag).toBe("Failure")
        expect(again.events.at(-1)).toMatchObject({ event: "summary", ended: "interrupted", clients: [{ id: "7" }] })
        const lines = Fs.readFileSync(trace, "utf8").trimEnd().split("\n").map((line) => JSON.parse(line))
        // It ends, and each record has the next number.
        expect(lines.at(-1)).toHaveProperty("end")
        expect(lines.filter(({ n }) => n !== undefined).map(({ n }) => n)).toEqual(lines.slice(2).map((_, n) => n))
        expect(whole).toBeGreaterThan(400)
        expect(Fs.existsSync(room.socket)).toBe(false)
      }),
    30_000,
  )

  it.live(
    "writes on as long as somebody reads, and ends without that when it is told again",
    () =>
      inRoom("Deno", async ({ folder, socket, spawn, words }) => {
        const reads = `while [ "$(dd bs=8192 count=1 2>/dev/null | wc -c)" -gt 0 ]; do sleep 0.3; done`
        const script = `mkfifo "$1"; { ${reads}; } <"$1" >/dev/null 2>&1 & pipe="$1"; shift; exec "$@" >"$pipe"`
        const pipe = Path.join(folder, "pipe")
        const calendar = spawn("sh", "-c", script, "sh", pipe, ...words, "calendar", "--socket", socket, "--json")
        await listens(socket)
        calendar.child.stdin.write(FLOOD)
        await new Promise((resolve) => setTimeout(resolve, 1500))
        process.kill(calendar.child.pid!, "SIGTERM")
        await new Promise((resolve) => setTimeout(resolve, 2000))
        expect(calendar.child.exitCode ?? calendar.child.signalCode).toBe(null)
        expect(Fs.existsSync(socket)).toBe(false)
        process.kill(calendar.child.pid!, "SIGTERM")
        expect(await calendar.ended).toEqual(exitOf("SIGTERM"))
      }),
    30_000,
  )

  it.live(
    "on Bun goes on after SIGHUP where it was started by nohup",
    () =>
      inRoom("Bun", async ({ socket, spawn, words }) => {
        const calendar = spawn("nohup", ...words, "calendar", "--socket", socket)
        await calendar.printed(/listening/)
        process.kill(calendar.child.pid!, "SIGHUP")
        calendar.child.stdin.write("status\n")
        await calendar.printed(/at 0 ns, 0 turns/)
        calendar.child.stdin.write("quit\n")
        expect(await calendar.ended).toBe(0)
      }),
    30_000,
  )

  it.live.each(Runtimes.names)(
    "on %s says on standard error that a trace isn't complete, goes on, and fails in the end",
    (runtime) =>
      inRoom(runtime, async (room) => {
        const args = ["--socket", room.socket, "--clients", "2", "--json", "--trace", "/dev/full"]
        const calendar = room.start("calendar", ...args)
        await listens(room.socket)
        expect((await lockstep(room.socket)).length).toBe(200)
        expect(await calendar.ended).toBe(1)
        expect(calendar.stderr).toMatch(/^guest-clock: the trace \/dev\/full isn't complete: .*space.*\n$/i)
        expect(calendar.events.at(-1)).toMatchObject({ event: "summary", ended: "left" })
      }),
    30_000,
  )

  it.live.each(Runtimes.names)(
    "on %s gives up a trace that goes into a pipe which nobody reads, and goes on",
    (runtime) =>
      inRoom(runtime, async (room) => {
        const pipe = Path.join(room.folder, "pipe.ndjson")
        const script = `mkfifo "$1"; exec 3<>"$1"; shift; exec "$@"`
        const args = ["calendar", "--socket", room.socket, "--clients", "2", "--trace", pipe]
        const calendar = room.spawn("sh", "-c", script, "sh", pipe, ...room.words, ...args)
        await listens(room.socket)
        expect((await lockstep(room.socket)).length).toBe(200)
        expect(await calendar.ended).toBe(1)
        expect(calendar.stderr).toMatch(/the trace .*pipe\.ndjson isn't complete: nobody has read it for 1000 ms\n/)
      }),
    30_000,
  )
})

describe("a guest's command", () => {
  it.live.each(Runtimes.names)(
    "on %s does what it was told where nobody reads what it says, and doesn't keep its turn for that",
    (runtime) =>
      inRoom(runtime, async (room) => {
        const calendar = room.start("calendar", "--socket", room.socket, "--clients", "2")
        await calendar.printed(/listening/)
        const says = ["--socket", room.socket, "--id", "1", `say ${"x".repeat(1000)}`, "repeat 6000", "sleep 1s"]
        const unread = startWith(room, "is a pipe that nobody reads", 1, "guest", ...says)
        const other = room.start("guest", "--socket", room.socket, "--id", "2", "sleep 2s", "say there")
        expect(await Promise.all([unread.ended, other.ended, calendar.ended])).toEqual([0, 0, 0])
        expect(other.stdout).toContain("there")
      }),
    30_000,
  )
})

describe("the command for traces", () => {
  it.live.each(Runtimes.names)(
    "on %s writes all to a slow reader, and ends quietly when its reader is gone",
    (runtime) =>
      inRoom(runtime, async (room) => {
        const trace = Path.join(room.folder, "trace.ndjson")
        const calendar = room.start("calendar", "--socket", room.socket, "--clients", "2", "--trace", trace)
        await calendar.printed(/listening/)
        await lockstep(room.socket, 300)
        await calendar.ended
        const whole = room.start("trace", "export", trace)
        expect(await whole.ended).toBe(0)
        const quoted = [...room.words, "trace", "export", trace].map((word) => `'${word}'`).join(" ")
        const slow = room.spawn("sh", "-c", `${quoted} | { sleep 1; cat; }`)
        const gone = room.spawn("sh", "-c", `{ ${quoted}; echo "exit $?" >&2; } | head -1`)
        expect(await Promise.all([slow.ended, gone.ended])).toEqual([0, 0])
        expect(slow.stdout).toBe(whole.stdout)
        expect(whole.stdout.length).toBeGreaterThan(70_000)
        expect(gone.stderr).toBe("exit 0\n")
      }),
    30_000,
  )
})
