import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as ChildProcess from "node:child_process"
import * as Fs from "node:fs"
import * as Path from "node:path"
import process from "node:process"
import * as Runtimes from "../scripts/runtimes.ts"
import * as LeftOut from "../scripts/leftOut.ts"
import { parseLine } from "../src/cli/control.ts"
import { compile, parseStep, type Step } from "../src/cli/guest.ts"
import { Lines, LONGEST_LINE } from "../src/cli/lines.ts"
import { printable, printableJson } from "../src/cli/printable.ts"
import { parseDate, parseDuration } from "../src/cli/times.ts"
import { GuestClock, Mode } from "../src/index.ts"
import * as Trace from "../src/trace.ts"
import { inRoom } from "./support/command.ts"

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
        expect(calendar.stderr).toMatch(/client 1 has started \(unix(, PID \d+ of \S+: .+)?\)/)
        expect(calendar.stderr).toContain("ended: the last client has left")
        expect(calendar.stdout).toMatch(/^client {4}from {2}requests {2}waits {2}updates {2}turns +by memory +share$/m)
        expect(calendar.stdout).toMatch(/^client 2 {2}unix +\d+ +\d+ +1 +\d+ +\d+ +\d+\.\d %$/m)
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
        await calendar.printed(
          /at 1 s, 1 turns( \(\d+ by shared memory\))?, 1 clients: paused\n {2}client 5 \(unix(, PID \d+ of \S+: .+)?\) waits for 2 s; last message/,
        )
        await calendar.printed(/"sideways" is not one of: pause, continue/)
        await calendar.printed(/until 3 parsecs: a time is a number with a unit/)
        await calendar.printed(/pace can't be -1/)
        calendar.child.stdin.write("until 2.5s\n")
        await calendar.printed(/has come to 2\.5 s/)
        process.kill(calendar.child.pid!, "SIGUSR1")
        await calendar.printed(
          /at 2\.5 s, \d turns( \(\d+ by shared memory\))?, 1 clients\n {2}client 5 \(unix(, PID \d+ of \S+: .+)?\) waits for 3 s/,
        )
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
      await calendar.printed(
        /everybody waits: client 9 \(unix(, PID \d+ of \S+: .+)?\) has the turn for \d+ ms; last message Get(TimeOfDay)? #\d/,
      )
      calendar.child.stdin.write("quit\n")
      expect(await calendar.ended).toBe(0)
      expect(calendar.stderr).toContain("ended: you said so")
    }), 30_000)

  it.live(
    "drops a client by lines of words and of JSON, and says so in all its ways",
    () =>
      inRoom("Deno", async ({ socket, folder, start }) => {
        const trace = Path.join(folder, "trace.ndjson")
        const calendar = start("calendar", "--socket", socket, "--clients", "3", "--json", "--trace", trace)
        await calendar.printed(/"listening"/)
        for (const id of ["7", "8"]) start("guest", "--socket", socket, "--id", id, "block 600s")
        const other = start("guest", "--socket", socket, "--id", "9", "sleep 1s", "say there")
        await calendar.printed(/"Joined"[^]*"Joined"[^]*"Joined"/)
        calendar.child.stdin.write("drop 5\ndrop seven\ndrop 7\n")
        await calendar.printed(/"ok":false,"text":"there is no client 5"/)
        await calendar.printed(
          /"ok":false,"text":"drop seven: an ID is a whole number from 0 to 2\^64 − 1, or connection N"/,
        )
        await calendar.printed(/"report":"Dropped","text":"client 7 was dropped: you said so/)
        calendar.child.stdin.write('status\n{"order": "drop", "id": "8"}\n')
        expect(await Promise.all([other.ended, calendar.ended])).toEqual([0, 0])
        expect(other.stdout).toContain("there")
        const dropped = (id: string) => ({ id, dropped: `client ${id} was dropped: you said so`, turns: 1 })
        expect(calendar.events.find(({ event }) => event === "status")).toMatchObject({ left: [dropped("7")] })
        const left = [dropped("7"), dropped("8"), { id: "9", turns: 2 }]
        expect(calendar.events.at(-1)).toMatchObject({ event: "summary", ended: "left", clients: [], left })
        expect(Fs.readFileSync(trace, "utf8")).toContain(
          '"report":"Dropped","text":"client 8 was dropped: you said so',
        )
      }),
    30_000,
  )

  it.live(
    "drops who keeps the turn for longer than --drop-after, and the others go on",
    () =>
      inRoom("Deno", async ({ socket, start }) => {
        const calendar = start("calendar", "--socket", socket, "--clients", "2", "--drop-after", "300ms")
        await calendar.printed(/listening/)
        start("guest", "--socket", socket, "--id", "1", "sleep 1s", "block 600s")
        const other = start("guest", "--socket", socket, "--id", "2", "sleep 2s", "say there")
        expect(await Promise.all([other.ended, calendar.ended])).toEqual([0, 0])
        expect(other.stdout).toContain("there")
        const why = /client 1 was dropped: it has kept the turn for \d+ ms, and 300 ms are allowed/
        expect(calendar.stderr).toMatch(why)
        expect(calendar.stdout).toMatch(why)
        expect(calendar.stdout).toMatch(/^client 1 {2}unix .* 2 +\d+ +\d+\.\d %$/m)
      }),
    30_000,
  )

  it.live(
    "quits and takes orders while it waits for steps and times",
    () =>
      inRoom("Deno", async ({ socket, start }) => {
        const calendar = start("calendar", "--socket", socket)
        await calendar.printed(/listening/)
        calendar.child.stdin.write(`${"step\n".repeat(20_000)}until 5s\nstatus\n`)
        await calendar.printed(/at 0 ns, 0 turns, 0 clients/)
        await calendar.printed(/10000 orders wait already/)
        calendar.child.stdin.write("quit\n")
        expect(await calendar.ended).toBe(0)
        expect(calendar.stderr).toContain("ended: you said so")
      }),
    30_000,
  )

  it.live("keeps no line without an end, and goes on with the next", () =>
    inRoom("Deno", async ({ socket, start }) => {
      const calendar = start("calendar", "--socket", socket)
      await calendar.printed(/listening/)
      for (let part = 0; part < 200; part++) calendar.child.stdin.write("x".repeat(100_000))
      await calendar.printed(/a line has at most 4096 characters; left out: "x{40}"…/)
      calendar.child.stdin.write("\nstatus\nquit")
      calendar.child.stdin.end()
      expect(await calendar.ended).toBe(0)
      expect(calendar.stderr.match(/a line has at most/g)).toHaveLength(1)
      expect(calendar.stderr).toContain("at 0 ns, 0 turns, 0 clients")
    }), 30_000)

  it.live.each(Runtimes.names)(
    "on %s takes keys on a terminal, Escape among them, and ends by q and by Ctrl-C after a step that waits",
    (runtime, context) =>
      inRoom(runtime, async ({ socket, words, spawn }) => {
        const onTerminal = () =>
          spawn(
            "script",
            "-qec",
            [...words, "calendar", "--socket", socket].map((word) => `'${word}'`).join(" "),
            "/dev/null",
          )
        if (ChildProcess.spawnSync("script", ["--version"]).status !== 0) {
          return LeftOut.note(context, "the test of keys on a terminal", "script, of util-linux")
        }
        for (const [key, code] of [["q", 0], ["\u0003", 130]] as const) {
          const calendar = onTerminal()
          await calendar.printed(/0 clients wait/)
          calendar.child.stdin.write("\u001b")
          calendar.child.stdin.write("s")
          calendar.child.stdin.write("u")
          await calendar.printed(/run until: /)
          calendar.child.stdin.write("5s\u007f")
          await calendar.printed(/run until: 5s[^]*run until: 5\s/)
          calendar.child.stdin.write("\u001b")
          await new Promise((resolve) => setTimeout(resolve, 200))
          calendar.child.stdin.write("d")
          await calendar.printed(/drop client: /)
          calendar.child.stdin.write("5\r")
          await calendar.printed(/there is no client 5/)
          calendar.child.stdin.write(key)
          expect(await calendar.ended).toEqual(expect.toBeOneOf([code, ...code === 0 ? [] : ["SIGINT"]]))
          expect(calendar.stdout).toMatch(/client +from +requests/)
          expect(Fs.existsSync(socket)).toBe(false)
        }
      }),
    30_000,
  )

  it.live(
    "does the steps of a script as often as it says, however they are nested",
    () =>
      inRoom("Deno", async ({ socket, start }) => {
        const calendar = start("calendar", "--socket", socket)
        await calendar.printed(/listening/)
        const script = ["say no", "repeat 0", "say a", "repeat 2", "sleep 1s", "say b", "repeat 3", "repeat 1", "say c"]
        const guest = start("guest", "--socket", socket, ...script)
        expect(await Promise.all([guest.ended, calendar.ended])).toEqual([0, 0])
        const said = withoutSpaces(guest.stdout).map((line) => line.split(" | ").slice(1).join(" "))
        const round = (at: string, then: string) => [`${at} a`, `${at} a`, `${then} slept 1 s`, `${then} b`]
        expect(said).toEqual([...round("0 ns", "1 s"), ...round("1 s", "2 s"), ...round("2 s", "3 s"), "3 s c"])
      }),
    30_000,
  )

  it.live(
    "shows names and texts of traces as what a terminal can't be told by",
    () =>
      inRoom("Deno", async ({ folder, start }) => {
        const evil = "\u001b[2J\u009b31m\u202etxt\r\nnext\u0007\u2066\ud800 \u{e0041}"
        const traced = async (busy: bigint) => {
          const ring = Trace.ring(100)
          const program = Effect.gen(function* () {
            const clock = yield* GuestClock.GuestClock
            yield* clock.addEvent(GuestClock.event(evil, () => {}), 5n)
            yield* Trace.mark(evil, { text: evil })
            yield* clock.ndelay(busy)
          })
          const mode = Mode.infCpu().pipe(Layer.provide(Layer.merge(Trace.to(ring), Trace.named(evil))))
          await Effect.runPromise(Effect.provide(program, mode))
          return [...Trace.write(ring.trace())].join("")
        }
        const [one, two, wrong] = ["one", "two", "wrong"].map((name) => Path.join(folder, name)) as [
          string,
          string,
          string,
        ]
        Fs.writeFileSync(one, await traced(10n))
        Fs.writeFileSync(two, await traced(20n))
        Fs.writeFileSync(wrong, (await traced(10n)).replace(/"end":"\w+"/, '"end":"0000000000000000"'))
        const all = [
          ["summary", one],
          ["summary", "--json", one],
          ["diff", one, two],
          ["replay", one],
          ["replay", "--record", "1", one],
          ["replay", wrong],
          ["export", one],
          ["summary", Path.join(folder, "\u202e\u009b")],
        ].map((args) => start("trace", ...args))
        await Promise.all(all.map(({ ended }) => ended))
        const shown = all.map(({ stdout, stderr }) => stdout + stderr)
        for (const text of shown) expect(text.replaceAll("\n", "")).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u)
        expect(shown[0]).toContain("\\u{1b}[2J\\u{9b}31m\\u{202e}txt\\u{d}\\u{a}next")
        expect(JSON.parse(shown[1]!).lanes[0].name).toBe(evil)
        expect(shown[5]).toMatch(/the \w+ differs/)
        expect(JSON.parse(shown[6]!).traceEvents[0].args.name).toBe(evil)
      }),
    30_000,
  )

  it.live("fails with 3 on a deadlock, if that is what it is told", () =>
    inRoom("Deno", async ({ socket, start }) => {
      const calendar = start("calendar", "--socket", socket, "--on-deadlock", "fail")
      await calendar.printed(/listening/)
      start("guest", "--socket", socket, "--id", "4", "sleep 10000000000s")
      expect(await calendar.ended).toBe(3)
      expect(calendar.stderr).toMatch(
        /nobody has asked for a time:\n {2}client 4 \(unix(, PID \d+ of \S+: .+)?\) waits, and has asked for no time/,
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
    [["calendar", "--socket", "/tmp/x", "--start", "2026-02-30"], /"2026-02-30"\. Expected: a time of day/],
    [["calendar", "--socket", "/tmp/x", "--pace", "fast"], /"fast"\. Expected: a factor is a number from 10\^-9/],
    [["calendar", "--socket", "/tmp/x", "--drop-after", "0"], /dropAfter can't be/],
    [["calendar", "--socket", "/tmp/x", "--drop-after", "soon"], /"soon"\. Expected: a time is a number/],
    [
      ["calendar", "--socket", "/tmp/x", "--trace", "/nowhere/at/all"],
      /the trace's file can't be \/nowhere\/at\/all: ENOENT/,
    ],
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
        if (args[0] !== "calendar") return
        const text = running.stdout.replaceAll(/\s+/g, " ")
        expect(text).toContain("Exit codes: 0 ended")
        expect(text).toContain("129, 130, 143 ended by SIGHUP, SIGINT, SIGTERM")
        for (const flag of ["drop-after", "slow-turn", "trace", "json", "pace", "until"]) {
          expect(text).toContain(`--${flag}`)
        }
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
    [" 12345 ", 12345n],
    ["1970-01-02+00:00", 86_400_000_000_000n],
    ["1970-01-02+05:00", 68_400_000_000_000n],
    ["1970-01-01-05:00", 18_000_000_000_000n],
    ["1970-01-01T12:00:00+05:30", 23_400_000_000_000n],
    ["1970-01-01T00:00:00.5-00:30", 1_800_500_000_000n],
    ["2024-02-29", 1709164800000000000n],
    ["2000-02-29T23:59:59Z", 951868799000000000n],
    ["2554-07-21T23:34:33.709551615Z", 18446744073709551615n],
    ["2554-07-21T23:34:33.709551616Z", undefined],
    ["9999-12-31", undefined],
    ["2026-02-30", undefined],
    ["2026-02-29", undefined],
    ["2100-02-29", undefined],
    ["2026-04-31T12:00:00Z", undefined],
    ["2026-00-10", undefined],
    ["2026-01-00", undefined],
    ["2026-01-32", undefined],
    ["0075-01-01", undefined],
    ["2026-01-01T24:00:00Z", undefined],
    ["2026-01-01T23:60:00Z", undefined],
    ["2026-01-01T23:59:60Z", undefined],
    ["2026-01-01T00:00:00+24:00", undefined],
    ["2026-01-01T00:00:00+05:60", undefined],
    ["2026-01-01T00:00:00+05:00Z", undefined],
    ["2026-01-01.5", undefined],
    ["2026-01-01T10", undefined],
    ["1970-01-01T00:00:00+00:01", undefined],
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
    ["pace 1e308", { _tag: "Pace", factor: 1e308 }],
    ["pace", { _tag: "Unknown", why: expect.stringContaining("a factor is a number from 10^-9") }],
    ["pace fast", { _tag: "Unknown", why: expect.stringContaining("pace fast: a factor is a number") }],
    ["pace 0x10", { _tag: "Unknown", why: expect.stringContaining("a factor is a number") }],
    ["pace Infinity", { _tag: "Unknown", why: expect.stringContaining("a factor is a number") }],
    ["pause now", { _tag: "Unknown", why: expect.stringContaining("pause takes nothing") }],
    ["drop 18446744073709551615", { _tag: "Drop", client: 18446744073709551615n }],
    ["drop 18446744073709551616", { _tag: "Unknown", why: expect.stringContaining("an ID is a whole number") }],
    ["drop connection 3", { _tag: "Drop", client: { connection: 3 } }],
    ["drop", { _tag: "Unknown", why: expect.stringContaining("an ID is a whole number") }],
    ["constructor", { _tag: "Unknown", why: expect.stringContaining("is not one of") }],
    ['{"order": "drop", "id": "7"}', { _tag: "Drop", client: 7n }],
    ['{"order": "drop", "id": 7}', { _tag: "Drop", client: 7n }],
    ['{"order": "drop", "connection": 7}', { _tag: "Drop", client: { connection: 7 } }],
    ['{"order": "drop", "id": 18446744073709551615}', { _tag: "Unknown", why: expect.stringContaining("exactly") }],
    ['{"order": "drop", "id": [7]}', { _tag: "Unknown", why: expect.stringContaining("id is a string, or a number") }],
    ['{"order": "until", "time": "90s"}', { _tag: "Until", time: 90_000_000_000n }],
    ['{"order": "until", "time": 5}', { _tag: "Until", time: 5n }],
    ['{"order": "pace", "factor": 0.5}', { _tag: "Pace", factor: 0.5 }],
    ['{"order": "pace", "factor": null}', { _tag: "Pace", factor: undefined }],
    ['{"order": "step"}', { _tag: "Step" }],
    ['{"order": "step", "id": "7"}', { _tag: "Unknown", why: expect.stringContaining("step takes nothing") }],
    ['{"order": "drop", "time": "7"}', { _tag: "Unknown", why: expect.stringContaining("takes id or connection") }],
    ['{"order": "toString", "id": 1}', { _tag: "Unknown", why: expect.stringContaining("takes nothing") }],
    ['{"drop": "7"}', { _tag: "Unknown", why: expect.stringContaining("has no order") }],
    ["{", { _tag: "Unknown", why: expect.stringContaining("is no JSON") }],
    ["quit", { _tag: "Quit" }],
    ["dance", { _tag: "Unknown", why: expect.stringContaining('"dance" is not one of') }],
  ])("%j", (line, order) => {
    expect(parseLine(line)).toEqual(order)
  })

  it.each<readonly [string, unknown]>([
    ["sleep 5ms", { _tag: "Sleep", nanos: 5_000_000n }],
    ["say  hello  there", { _tag: "Say", text: "hello there" }],
    ["repeat 3", { _tag: "Repeat", times: 3 }],
    ["repeat", expect.stringContaining("N is a whole number")],
    ["repeat 1.5", expect.stringContaining("N is a whole number")],
    ["repeat 1e3", expect.stringContaining("N is a whole number")],
    ["busy -1s", expect.stringContaining("a time is a number")],
    ["sleep 1s 2s", expect.stringContaining("a time is a number")],
    ["repeat -3", expect.stringContaining("N is a whole number")],
    ["repeat 99999999999999999999", expect.stringContaining("up to 9007199254740991")],
    ["sleep", expect.stringContaining("a time is a number")],
    ["update 5", expect.stringContaining("takes nothing")],
  ])("the step %j", (text, step) => {
    expect(parseStep(text)).toEqual(step)
  })

  it("what does nothing is not repeated for good, as nobody could interrupt that", () => {
    const steps = (...texts: ReadonlyArray<string>) => compile(texts.map((text) => parseStep(text) as Step))
    const say = { _tag: "Say", text: "x" }
    expect(steps("repeat 9007199254740991")).toEqual([])
    expect(steps("say x", "repeat 0", "repeat 9007199254740991")).toEqual([])
    expect(steps("say x", "repeat 1", "repeat 1")).toEqual([say])
    expect(steps("say x", "repeat 2", "say x")).toEqual([{ _tag: "Times", times: 2, parts: [say] }, say])
  })

  it.each([1, 2, 3, 7, 10_000])("a text is taken apart into lines in pieces of %d characters", (size) => {
    const long = "y".repeat(LONGEST_LINE + 1)
    const text = `one\r\n\n${"x".repeat(LONGEST_LINE)}\n${long}${long}\nlast`
    const lines = new Lines()
    const found: Array<unknown> = []
    for (let at = 0; at < text.length; at += size) found.push(...lines.take(text.slice(at, at + size)))
    found.push(...lines.end())
    expect(found).toEqual(["one", "", "x".repeat(LONGEST_LINE), { begins: "y".repeat(40) }, "last"])
    expect(lines.end()).toEqual([])
  })
})

describe("texts that others wrote", () => {
  it.each([
    ["plain – ünïcode 漢字 🎉", "plain – ünïcode 漢字 🎉"],
    ["\u001b[31m", "\\u{1b}[31m"],
    ["a\nb\tc\u007f", "a\\u{a}b\\u{9}c\\u{7f}"],
    ["\u009b31m", "\\u{9b}31m"],
    ["\u202egnp.exe\u2066\u200f", "\\u{202e}gnp.exe\\u{2066}\\u{200f}"],
    ["\ufeff\u200b\u2028\u2029", "\\u{feff}\\u{200b}\\u{2028}\\u{2029}"],
    ["\ud800x\u{e0041}", "\\u{d800}x\\u{e0041}"],
  ])("%j is shown as %j", (text, shown) => {
    expect(printable(text)).toBe(shown)
    const json = JSON.stringify({ text }, undefined, 2)
    expect(JSON.parse(printableJson(json))).toEqual({ text })
    expect(printableJson(json).replaceAll("\n", "")).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u)
  })
})
