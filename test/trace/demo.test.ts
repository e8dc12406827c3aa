import * as NodeServices from "@effect/platform-node/NodeServices"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { afterAll } from "vitest"
import { exec } from "../../scripts/exec.ts"
import * as Runtimes from "../../scripts/runtimes.ts"
import { nameOf, Op } from "../../src/core/Message.ts"
import * as Trace from "../../src/trace.ts"

const folder = Fs.mkdtempSync(Path.join(Os.tmpdir(), "guest-clock-trace-demo-"))
afterAll(() => Fs.rmSync(folder, { recursive: true }))
const fileOf = (name: string): string => Path.join(folder, name)

const load = (path: string): Trace.Trace => Trace.read(Fs.readFileSync(path, "utf8").split("\n"))

const program = (...words: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const [command, ...args] = words
    return yield* exec([...yield* Runtimes.locate("Deno"), Path.resolve(command!), ...args])
  }).pipe(Effect.provide(NodeServices.layer))
const guestClock = (...words: ReadonlyArray<string>) => program("src/cli/main.ts", "trace", ...words)

/** The demo's trace, made once. */
const made = Effect.runPromise(Effect.gen(function* () {
  const path = fileOf("demo.ndjson")
  const { code, stderr } = yield* program("examples/demo/main.ts", "--trace", path)
  expect(code, stderr).toBe(0)
  expect(Fs.readdirSync(folder)).toEqual(["demo.ndjson"])
  return path
}))
const demo = Effect.promise(() => made)

describe("the demo's trace", () => {
  it.live("has all three guests and their calendar, and is replayed to equal states", () =>
    Effect.gen(function* () {
      const path = yield* demo
      const trace = load(path)
      expect(trace.sources.map(({ name }) => name)).toEqual(["calendar", "camera", "brain", "motor"])
      for (const { source } of trace.sources) {
        const end = Trace.Replay.advance(Trace.Replay.begin(trace, source))
        if (Trace.Replay.isDivergence(end)) return expect.fail(`${end.what}: ${end.recorded}\n${end.replayed}`)
        expect(end.records.at(-1)!.what._tag).toBe("End")
      }
      const { code, stdout } = yield* guestClock("replay", path)
      expect(stdout).toMatch(
        /^calendar: \d+ records, the same again, to 1.008 s\ncamera: .* to 1 s\nbrain: .*\nmotor: .*\n$/,
      )
      expect(code).toBe(0)
      const stopped = yield* guestClock("replay", path, "--source", "brain", "--record", "40")
      expect(stopped.stdout).toMatch(/^brain: 40 records, the same again, to .*\nmode external\n[^]*^pending /m)
    }), 60_000)

  it.live("as numbers: turns, busy, waiting, and what for", () =>
    Effect.gen(function* () {
      const path = yield* demo
      const { lanes, simulated } = Trace.summary(Trace.timeline(load(path)))
      expect(simulated).toBe(1_008_000_000n)
      for (const { kind, busy, waiting } of lanes) {
        // Somebody who is idle waits, and otherwise is busy; the last of them ends a little later.
        if (kind === "guest") expect(Number(busy + waiting) / 1e6).toBeGreaterThanOrEqual(1000)
        if (kind === "guest") expect(Number(busy + waiting) / 1e6).toBeLessThanOrEqual(1008)
      }
      const { stdout } = yield* guestClock("summary", path)
      expect(stdout).toMatch(/^simulated 1\.008 s, real /)
      expect(stdout).toMatch(/^camera {2}\S+ +36 +261 ms +25\.8 % +\d+ ms +739 ms /m)
      expect(stdout).toMatch(/^brain: waited for interrupt from camera \d+× \d+ ms, timer /m)
      const json = JSON.parse((yield* guestClock("summary", "--json", path)).stdout)
      expect(json.lanes[1]).toMatchObject({ name: "camera", turns: 36, busy: "261000000" })
    }), 60_000)

  it.live("that has one message changed differs there, and nowhere before", () =>
    Effect.gen(function* () {
      const path = yield* demo
      const trace = load(path)
      const lines = Fs.readFileSync(path, "utf8").split("\n")
      const messages = trace.records.flatMap(({ what }, place) =>
        what._tag === "Transition" && what.name === "handleMessage" && what.input.op === Op.Run ? [place] : []
      )
      for (const place of [messages[0]!, messages[40]!, messages.at(-1)!]) {
        const record = trace.records[place]!
        const changed = trace.records.map((each, at) => {
          if (at !== place || each.what._tag !== "Transition" || each.what.name !== "handleMessage") return each
          const { input } = each.what
          return { ...each, what: { ...each.what, input: { ...input, value: input.value + 1n } } }
        })
        const { first, differing } = Trace.diff(trace, { ...trace, records: changed })
        const { name } = trace.sources[record.source]!
        expect(first).toMatchObject({ where: `guest ${name}`, a: { place }, b: { place } })
        expect(differing).toEqual([`guest ${name}`])

        const other = fileOf("changed.ndjson")
        Fs.writeFileSync(other, [...Trace.write({ ...trace, records: changed })].join(""))
        const { code, stdout } = yield* guestClock("diff", path, other, "--context", "2")
        expect(code).toBe(1)
        const line = lines.findIndex((text) => text.startsWith(`{"s":${record.source},"n":${record.n},`)) + 1
        expect(stdout).toContain(`the first difference is in guest ${name}, after ${first!.same} that are the same:`)
        expect(stdout).toContain(`${path}:${line}  ${other}:${line}`)
        expect(stdout.match(/^[-+] .*handleMessage Run .* value \d+/gm)?.length).toBeGreaterThanOrEqual(2)
        expect(nameOf(Op.Run)).toBe("Run")
        // The replay finds it as well, by what comes of it.
        const replayed = yield* guestClock("replay", other)
        expect(replayed.stdout).toMatch(new RegExp(`^${name} #${record.n}, at .*: the (time|fault) differs`, "m"))
        expect(replayed.code).toBe(1)
      }
      const same = yield* guestClock("diff", path, path)
      expect(same.stdout).toMatch(/^the same: \d+ compared$/m)
      expect(same.code).toBe(0)
    }), 120_000)

  it.live("is that of another run, but for messages that crossed", () =>
    Effect.gen(function* () {
      const path = yield* demo
      const other = fileOf("other.ndjson")
      expect((yield* program("examples/demo/main.ts", "--trace", other)).code).toBe(0)
      const { code, stdout } = yield* guestClock("diff", "--outline", path, other)
      expect(stdout).toMatch(/^the same, apart from messages: \d+ compared\n$/)
      expect(code).toBe(0)
    }), 60_000)

  it.live(
    "in the format of Chrome's trace viewer has a lane for each, exact times, and flows that have two ends",
    () =>
      Effect.gen(function* () {
        const path = yield* demo
        const output = fileOf("demo.json")
        expect((yield* guestClock("export", path, "-o", output)).code).toBe(0)
        const { traceEvents } = JSON.parse(Fs.readFileSync(output, "utf8")) as {
          traceEvents: ReadonlyArray<
            { ph: string; name: string; id?: number; ts: number; dur: number; args: { name: string } }
          >
        }
        const names = traceEvents.filter(({ name }) => name === "process_name").map(({ args }) => args.name)
        expect(names).toEqual(["calendar", "camera", "brain", "motor"])
        const kinds = new Set(traceEvents.filter(({ ph }) => ph === "X").map(({ name }) => name))
        for (const kind of ["busy", "free-running", "waiting"]) expect(kinds).toContain(kind)
        const ends = (ph: string) => traceEvents.filter((each) => each.ph === ph).map(({ id }) => id).sort()
        expect(ends("s")).toEqual(ends("f"))
        expect(ends("s").length).toBeGreaterThan(20)
        const busy = traceEvents.filter(({ name }) => name === "busy" || name === "free-running")
        expect(busy.reduce((sum, { dur }) => sum + dur, 0)).toBe(261_000 + 375_000 + 407_000)
        const real = yield* guestClock("export", path, "--time", "real")
        expect(JSON.parse(real.stdout).traceEvents.length).toBeGreaterThan(100)
      }),
    60_000,
  )

  it.live("that is of another version, or none, is refused with the file and the line", () =>
    Effect.gen(function* () {
      const path = yield* demo
      const old = fileOf("old.ndjson")
      Fs.writeFileSync(old, Fs.readFileSync(path, "utf8").replace('"version":2', '"version":0'))
      for (const command of ["summary", "replay", "view", "export"]) {
        const { code, stderr } = yield* guestClock(command, old)
        expect(stderr).toContain(
          `${old}: line 1: the version of its format is 0, and this guest-clock reads 1 and 2 only`,
        )
        expect(code).toBe(2)
      }
      expect(yield* guestClock("diff", path, fileOf("none"))).toMatchObject({ code: 2 })
    }), 60_000)
})

describe("merging traces", () => {
  it.live("puts records in the order of simulated time, and keeps those of each source in theirs", () =>
    Effect.gen(function* () {
      const trace = load(yield* demo)
      const merged = Trace.merge([trace, trace])
      expect(merged.sources.map(({ source }) => source)).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
      expect(merged.records.length).toBe(2 * trace.records.length)
      const counts = merged.sources.map(() => 0)
      let before = 0n
      for (const { source, n, time } of merged.records) {
        expect(n).toBe(counts[source]!++)
        expect(time >= before).toBe(true)
        before = time
      }
    }))
})
