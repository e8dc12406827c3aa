import * as NodeServices from "@effect/platform-node/NodeServices"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as ChildProcess from "node:child_process"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import process from "node:process"
import * as Runtimes from "../scripts/runtimes.ts"
import { parseLine } from "../src/cli/control.ts"
import { parseStep } from "../src/cli/guest.ts"
import { parseDate, parseDuration } from "../src/cli/times.ts"

const MAIN = Path.resolve("src/cli/main.ts")

/** A command that runs, and what it has printed so far. */
class Running {
  stdout = ""
  stderr = ""
  readonly child: ChildProcess.ChildProcessWithoutNullStreams
  readonly ended: Promise<number | string>
  readonly #seen: Array<() => void> = []

  constructor(words: ReadonlyArray<string>) {
    const [command = "", ...args] = words
    this.child = ChildProcess.spawn(command, args)
    this.child.stdout.on("data", (chunk) => {
      this.stdout += chunk
      for (const look of this.#seen) look()
    })
    this.child.stderr.on("data", (chunk) => {
      this.stderr += chunk
      for (const look of this.#seen) look()
    })
    this.ended = new Promise((resolve) => this.child.on("close", (code, signal) => resolve(code ?? signal ?? "?")))
  }

  /** Waits until this was printed, wherever. */
  printed(pattern: RegExp): Promise<RegExpMatchArray> {
    return new Promise((resolve, reject) => {
      const look = () => {
        const found = `${this.stdout}\n${this.stderr}`.match(pattern)
        if (found !== null) resolve(found)
      }
      this.#seen.push(look)
      look()
      void this.ended.then((code) => {
        look()
        reject(new Error(`ended with ${code} and without ${pattern}:\n${this.stdout}\n${this.stderr}`))
      })
    })
  }

  /** What was printed as JSON. */
  get events(): ReadonlyArray<Record<string, unknown>> {
    return this.stdout.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line))
  }
}

interface Room {
  readonly socket: string
  /** Starts the command on the runtime that the room is for. */
  readonly start: (...args: ReadonlyArray<string>) => Running
}

const room = (runtime: Runtimes.Name) =>
  Effect.gen(function* () {
    const words = yield* Runtimes.locate(runtime).pipe(Effect.provide(NodeServices.layer))
    const folder = yield* Effect.acquireRelease(
      Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "guest-clock-cli-"))),
      (folder) => Effect.sync(() => Fs.rmSync(folder, { recursive: true })),
    )
    const all: Array<Running> = []
    yield* Effect.addFinalizer(() => Effect.sync(() => all.forEach(({ child }) => child.kill("SIGKILL"))))
    return {
      socket: Path.join(folder, "calendar"),
      start: (...args) => {
        const running = new Running([...words, MAIN, ...args])
        all.push(running)
        return running
      },
    } satisfies Room
  })

const inRoom = (
  runtime: Runtimes.Name,
  test: (room: Room) => Promise<void>,
): Effect.Effect<void, never, Scope.Scope> => Effect.flatMap(room(runtime), (made) => Effect.promise(() => test(made)))

const withoutSpaces = (text: string): ReadonlyArray<string> =>
  text.trim().split("\n").map((line) => line.trim().replaceAll(/ {2,}/g, " | "))

describe("the command", () => {
  it.live(
    "runs guests of two revisions beside each other, and refuses one that there isn't",
    () =>
      inRoom("Deno", async ({ socket, start }) => {
        const calendar = start("calendar", "--socket", socket, "--clients", "2")
        await calendar.printed(/listening on/)
        const place = ["--socket", socket, "--id"]
        const one = start(
          "guest",
          ...place,
          "1",
          "--revision",
          "6.12",
          "sleep 1ms",
          "repeat 100",
          "busy 5ms",
          "say done",
        )
        const two = start("guest", ...place, "2", "sleep 30ms", "repeat 3")
        expect(await Promise.all([one.ended, two.ended, calendar.ended])).toEqual([0, 0, 0])
        expect(withoutSpaces(one.stdout).slice(-2)).toEqual([
          "guest 1 | 105 ms | was busy for 5 ms",
          "guest 1 | 105 ms | done",
        ])
        // It asks when it has to wait only.
        const [, , requests = ""] = /^client 1 {2}(unix) +(\d+)/m.exec(calendar.stdout) ?? []
        expect(Number(requests)).toBeLessThan(50)
        const bad = start("guest", ...place, "1", "--revision", "5.9", "sleep 1ms")
        expect(await bad.ended).not.toBe(0)
        expect(bad.stderr + bad.stdout).toContain("6.12")
      }),
    30_000,
  )

  it.live.each(Runtimes.names)(
    "on %s runs two guests in lockstep, says who comes and goes, and ends with a summary",
    (runtime) =>
      inRoom(runtime, async ({ socket, start }) => {
        const calendar = start("calendar", "--socket", socket, "--clients", "2")
        await calendar.printed(/listening on/)
        const one = start("guest", "--socket", socket, "--id", "1", "sleep 1s", "say tick", "repeat 2")
        const two = start("guest", "--socket", socket, "--id", "2", "sleep 700ms", "busy 5ms", "update", "say so")
        expect(await Promise.all([one.ended, two.ended, calendar.ended])).toEqual([0, 0, 0])
        expect(withoutSpaces(one.stdout)).toEqual([
          "guest 1 | 1 s | slept 1 s",
          "guest 1 | 1 s | tick",
          "guest 1 | 2 s | slept 1 s",
          "guest 1 | 2 s | tick",
        ])
        expect(withoutSpaces(two.stdout)).toEqual([
          "guest 2 | 700 ms | slept 700 ms",
          "guest 2 | 705 ms | was busy for 5 ms",
          "guest 2 | 705 ms | so",
        ])
        expect(calendar.stderr).toContain("client 1 has started (unix)")
        expect(calendar.stderr).toContain("ended: the last client has left")
        expect(calendar.stdout).toMatch(/^client {4}from {2}requests {2}waits {2}updates {2}turns +share$/m)
        expect(calendar.stdout).toMatch(/^client 2 {2}unix +\d+ +\d+ +1 +\d+ +\d+\.\d %$/m)
        expect(calendar.stdout + calendar.stderr).not.toContain("\u001b")
        expect(Fs.existsSync(socket)).toBe(false)
      }),
    30_000,
  )

  it.live("says as JSON what it does, and ends at the time it was given", () =>
    inRoom("Deno", async ({ start }) => {
      const args = ["--tcp", "0", "--until", "2.5s", "--json", "--start", "2026-11-22T12:00:00Z", "--seed", "7"]
      const calendar = start("calendar", ...args)
      const [, port = ""] = await calendar.printed(/127\.0\.0\.1:(\d+)/)
      const guest = start("guest", "--tcp", port, "--id", "7", "sleep 1s", "repeat 5")
      expect(await Promise.all([calendar.ended, guest.ended])).toEqual([0, 1])
      expect(guest.stderr).toContain("the calendar closed it")
      expect(guest.stdout.split("\n")).toHaveLength(3)
      expect(calendar.events[0]).toMatchObject({ event: "listening", tcp: `127.0.0.1:${port}` })
      expect(calendar.events).toContainEqual(expect.objectContaining({ event: "report", report: "Joined" }))
      expect(calendar.events.at(-1)).toMatchObject({
        event: "summary",
        ended: "until",
        time: "2500000000",
        clients: [{ id: "7", request: "3000000000", state: "waiting" }],
      })
    }), 30_000)

  it.live(
    "is paused, stepped, let go and asked by lines, and by a signal",
    () =>
      inRoom("Deno", async ({ socket, start }) => {
        const calendar = start("calendar", "--socket", socket)
        await calendar.printed(/listening/)
        calendar.child.stdin.write("pause\n")
        await calendar.printed(/paused/)
        const guest = start("guest", "--socket", socket, "--id", "5", "sleep 1s", "repeat 4")
        await calendar.printed(/client 5 has started/)
        calendar.child.stdin.write("step\n")
        await calendar.printed(/one turn, to 1 s/)
        calendar.child.stdin.write("status\nsideways\nuntil 3 parsecs\npace -1\n")
        await calendar.printed(/at 1 s, 1 turns, 1 clients: paused\n {2}client 5 \(unix\) waits for 2 s; last message/)
        await calendar.printed(/"sideways" is not one of: pause, continue/)
        await calendar.printed(/until 3 parsecs: a time is a number with a unit/)
        await calendar.printed(/pace can't be -1/)
        calendar.child.stdin.write("until 2.5s\n")
        await calendar.printed(/has come to 2\.5 s/)
        process.kill(calendar.child.pid!, "SIGUSR1")
        await calendar.printed(/at 2\.5 s, \d turns, 1 clients\n {2}client 5 \(unix\) waits for 3 s/)
        calendar.child.stdin.write("continue\n")
        expect(await Promise.all([guest.ended, calendar.ended])).toEqual([0, 0])
      }),
    30_000,
  )

  it.live("names whom everybody waits for, and who is missing", () =>
    inRoom("Deno", async ({ socket, start }) => {
      const calendar = start("calendar", "--socket", socket, "--slow-turn", "100ms")
      await calendar.printed(/listening/)
      start("guest", "--socket", socket, "--id", "9", "block 600s")
      await calendar.printed(/everybody waits: client 9 \(unix\) has the turn for \d+ ms; last message Get #\d/)
      calendar.child.stdin.write("quit\n")
      expect(await calendar.ended).toBe(0)
      expect(calendar.stderr).toContain("ended: you said so")
    }), 30_000)

  it.live("fails with 3 on a deadlock, if that is what it is told", () =>
    inRoom("Deno", async ({ socket, start }) => {
      const calendar = start("calendar", "--socket", socket, "--on-deadlock", "fail")
      await calendar.printed(/listening/)
      start("guest", "--socket", socket, "--id", "4", "sleep 10000000000s")
      expect(await calendar.ended).toBe(3)
      expect(calendar.stderr).toMatch(
        /nobody has asked for a time:\n {2}client 4 \(unix\) waits, and has asked for no time/,
      )
    }), 30_000)

  it.live.each(["SIGINT", "SIGTERM"] as const)(
    "ends on %s, and tells what was",
    (signal) =>
      inRoom("Deno", async ({ socket, start }) => {
        const calendar = start("calendar", "--socket", socket)
        await calendar.printed(/listening/)
        calendar.child.kill(signal)
        expect(await calendar.ended).toBe(signal)
        expect(calendar.stdout).toMatch(/^client +from +requests/m)
        expect(Fs.existsSync(socket)).toBe(false)
      }),
    30_000,
  )

  it.live(
    "ends a guest on Ctrl-C in the middle of its turn, and nobody else notices",
    () =>
      inRoom("Deno", async ({ socket, start }) => {
        const calendar = start("calendar", "--socket", socket, "--clients", "2", "--slow-turn", "50ms")
        await calendar.printed(/listening/)
        const blocks = start("guest", "--socket", socket, "--id", "1", "block 600s")
        const other = start("guest", "--socket", socket, "--id", "2", "sleep 1s", "say there")
        await calendar.printed(/everybody waits: client 1/)
        blocks.child.kill("SIGINT")
        expect(await Promise.all([blocks.ended, other.ended, calendar.ended])).toEqual(["SIGINT", 0, 0])
        expect(other.stdout).toContain("there")
      }),
    30_000,
  )

  it.live.each<readonly [ReadonlyArray<string>, RegExp]>([
    [["calendar"], /nowhere to listen: give --socket PATH/],
    [
      ["calendar", "--socket", "/etc/hostname"],
      /can't listen on "\/etc\/hostname": there is a file that is not a socket/,
    ],
    [["calendar", "--tcp", "99999"], /"99999"\. Expected: an address is HOST:PORT/],
    [["calendar", "--socket", "/tmp/x", "--pace", "0"], /pace can't be 0/],
    [["calendar", "--socket", "/tmp/x", "--pace", "1e306"], /pace can't be 1e\+306: a factor is a number from 10\^-9/],
    [["calendar", "--socket", "/tmp/x", "--pace", "1e-320"], /pace can't be 1e-320/],
    [["calendar", "--socket", "/tmp/x", "--until", "9223372036854775807"], /until can't be 9223372036854775807/],
    [["calendar", "--socket", "/tmp/x", "--until", "3parsecs"], /"3parsecs"\. Expected: a time is a number/],
    [["calendar", "--socket", "/tmp/x", "--start", "yesterday"], /"yesterday"\. Expected: a time of day/],
    [["calendar", "--socket", "/tmp/x", "--clients", "-1"], /clients can't be -1/],
    [["calendar", "--socket", "/tmp/x", "--seed", "4294967296"], /seed can't be 4294967296/],
    [["calendar", "--sockets", "/tmp/x"], /--sockets/],
    [["calender"], /calender/],
    [["guest", "sleep 1s"], /where is the calendar\?/],
    [["guest", "--socket", "/tmp/x", "--tcp", "1", "sleep 1s"], /either --socket PATH or --tcp/],
    [
      ["guest", "--socket", "/nowhere/at/all", "sleep 1s"],
      /can't connect to a calendar at "\/nowhere\/at\/all": there is no/,
    ],
    [["guest", "--tcp", "1", "sleep 1s"], /can't connect to a calendar at "127\.0\.0\.1:1": nobody listens there/],
    [["guest", "--socket", "/tmp/x", "dance"], /a step is sleep TIME, busy TIME/],
    [["guest", "--socket", "/tmp/x", "--id", "-1", "sleep 1s"], /id/],
  ])("says what is wrong with %j", ([args, message]) =>
    inRoom("Deno", async ({ start }) => {
      const running = start(...args)
      expect(await running.ended).toBe(1)
      expect(running.stderr + running.stdout).toMatch(message)
      expect(running.stderr).not.toMatch(/^\s+at .*\.ts:/m)
    }), 30_000)

  it.live.each([["--help"], ["calendar", "--help"], ["guest", "--help"]].map((args) => ({ args })))(
    "teaches with $args",
    ({ args }) =>
      inRoom("Deno", async ({ start }) => {
        const running = start(...args)
        expect(await running.ended).toBe(0)
        expect(running.stdout).toContain("USAGE")
      }),
    30_000,
  )
})

describe("times", () => {
  it.each<readonly [string, bigint | undefined]>([
    ["90s", 90_000_000_000n],
    ["1.5ms", 1_500_000n],
    ["1.000000001s", 1_000_000_001n],
    ["17", 17n],
    ["0", 0n],
    ["2 min", 120_000_000_000n],
    ["1d", 86_400_000_000_000n],
    ["3us", 3_000n],
    ["3µs", 3_000n],
    ["18446744073709551615", 18446744073709551615n],
    ["18446744073709551616", undefined],
    ["0.5", undefined],
    ["1.0000000001s", undefined],
    ["-1s", undefined],
    ["", undefined],
    ["s", undefined],
    ["1 parsec", undefined],
    ["1e3s", undefined],
  ])("%j is %s ns", (text, nanos) => {
    expect(parseDuration(text)).toBe(nanos)
  })

  it.each<readonly [string, bigint | undefined]>([
    ["1970-01-01T00:00:00Z", 0n],
    ["1970-01-02", 86_400_000_000_000n],
    ["1970-01-01T00:00:01.000000007Z", 1_000_000_007n],
    ["1970-01-01T01:00:00+01:00", 0n],
    ["2026-11-22T12:00:00", 1795348800000000000n],
    ["12345", 12345n],
    ["1969-12-31", undefined],
    ["2026-13-01", undefined],
    ["noon", undefined],
  ])("%j is %s ns since 1970", (text, nanos) => {
    expect(parseDate(text)).toBe(nanos)
  })
})

describe("what is said while it runs", () => {
  it.each<readonly [string, unknown]>([
    ["", undefined],
    ["  pause ", { _tag: "Pause" }],
    ["until 5ms", { _tag: "Until", time: 5_000_000n }],
    ["pace 2", { _tag: "Pace", factor: 2 }],
    ["pace none", { _tag: "Pace", factor: undefined }],
    ["quit", { _tag: "Quit" }],
    ["dance", { _tag: "Unknown", why: expect.stringContaining('"dance" is not one of') }],
  ])("%j", (line, order) => {
    expect(parseLine(line)).toEqual(order)
  })

  it.each<readonly [string, unknown]>([
    ["sleep 5ms", { _tag: "Sleep", nanos: 5_000_000n }],
    ["say  hello  there", { _tag: "Say", text: "hello there" }],
    ["repeat 3", { _tag: "Repeat", times: 3 }],
    ["repeat -3", expect.stringContaining("N is a whole number")],
    ["repeat 99999999999999999999", expect.stringContaining("up to 9007199254740991")],
    ["sleep", expect.stringContaining("a time is a number")],
    ["update 5", expect.stringContaining("takes nothing")],
  ])("the step %j", (text, step) => {
    expect(parseStep(text)).toEqual(step)
  })
})
