/**
 * Real kernels on shared memory, made and sent by native calls on each runtime: they see the very times that they see
 * by messages.
 */
import { describe, expect } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schedule from "effect/Schedule"
import { existsSync } from "node:fs"
import { writeFile } from "node:fs/promises"
import * as Path from "node:path"
import { exec } from "../../scripts/exec.ts"
import * as Runtimes from "../../scripts/runtimes.ts"
import * as Kernel from "./Kernel.ts"
import { folder, live, measured, SLEEPS } from "./support.ts"

/** What `memoryCalendar.ts` prints. */
interface Happened {
  readonly grants: number
  readonly messages: number
  readonly sharedTurns: number
  /** How many clients have shared the memory. */
  readonly sharers: number
  /** Who was dropped and why, and all else that isn't as it should be. */
  readonly reports: ReadonlyArray<string>
  /** The calendar's time when each was let in, in ns. */
  readonly offsets: ReadonlyArray<string>
}

interface Setup {
  /** How many clients can share the memory: none, if it is 0. */
  readonly sharing: number
  readonly versions: ReadonlyArray<Kernel.Version>
  /** The release of one that comes when the others have begun. */
  readonly late?: Kernel.Version
  /** What those at the beginning sleep. */
  readonly run?: { readonly times: number; readonly us: number }
}

/** How long the late one sleeps: 1,000 times 1 ms; and what that takes it, measured under another calendar. */
const LATE = { run: { times: 1000, us: 1000 }, simulated: 1_058_835_968n }

/** What one that is alone sleeps, for seconds of real time, in which it doesn't wait. */
const LONG = { times: 50_000, us: 1000 }

/** A calendar's program, for so many clients at the beginning, of which so many can share its memory. */
const calendar = (runtime: Runtimes.Name, sharing: number, clients: number) =>
  Effect.gen(function* () {
    const socket = `${yield* folder}/calendar`
    const words = yield* Runtimes.locate(runtime)
    const program = Path.resolve("interop/uml/memoryCalendar.ts")
    const running = yield* Effect.forkScoped(exec([...words, program, socket, ...[clients, sharing].map(String)]))
    yield* Effect.sync(() => existsSync(socket)).pipe(
      Effect.repeat({ until: (it) => it, schedule: Schedule.spaced("5 millis") }),
    )
    const happened = Effect.map(Fiber.join(running), ({ code, stdout, stderr }) => {
      if (code !== 0) throw new Error(`the calendar ended with ${code}: ${stdout}\n${stderr}`)
      return JSON.parse(stdout) as Happened
    })
    return { socket, words, happened }
  })

/** What a kernel slept, once it has powered off and said nothing bad. */
const slept = (kernel: Kernel.Kernel) =>
  Effect.map(kernel.ended, (printed) => {
    expect(printed).not.toMatch(/panic|BUG|WARNING/)
    return Kernel.slept(printed)?.simulated
  })

/** Kernels on one calendar: what each of them slept, and what happened. */
const together = (runtime: Runtimes.Name, { sharing, versions, late, run = SLEEPS }: Setup) =>
  Effect.gen(function* () {
    const { socket, happened } = yield* calendar(runtime, sharing, versions.length)
    const kernels = yield* Effect.forEach(
      versions,
      (version, id) => Kernel.boot(version, { socket, id: id + 1, run }),
    )
    if (late !== undefined) {
      // Those that were expected are let in as soon as all of them are there.
      yield* Effect.sleep("500 millis")
      kernels.push(yield* Kernel.boot(late, { socket, id: 9, run: LATE.run }))
    }
    return {
      slept: yield* Effect.forEach(kernels, slept, { concurrency: "unbounded" }),
      happened: yield* happened,
    }
  })

/** So many messages are START, and its ACK, and the first WAIT of each. */
const AT_FIRST = 10

const isThere = (...versions: ReadonlyArray<Kernel.Version>) => versions.every((each) => Kernel.built().includes(each))

describe.each(Runtimes.names)("a calendar on %s that shares its memory", (runtime) => {
  const runs: ReadonlyArray<readonly [what: string, setup: Setup]> = [
    ["two kernels that share take two messages for a turn", { sharing: 63, versions: ["6.12", "6.12"] }],
    ["kernels of both releases, one of which works by messages", { sharing: 63, versions: ["6.1", "6.12"] }],
    ["more kernels than slots, one of which works by messages", { sharing: 2, versions: ["6.12", "6.12", "6.12"] }],
    ["one that comes late, to which it is 0 then", { sharing: 63, versions: ["6.12", "6.12"], late: "6.12" }],
    ["one that comes to one that is alone and runs by itself", {
      sharing: 63,
      versions: ["6.12"],
      late: "6.12",
      run: LONG,
    }],
    ["eight kernels", { sharing: 63, versions: new Array<Kernel.Version>(8).fill("6.12"), run: LATE.run }],
    ["kernels to which no memory is shown", { sharing: 0, versions: ["6.12", "6.12"] }],
  ]

  for (const [what, setup] of runs.filter(([, { versions }]) => isThere(...versions))) {
    const { sharing, versions, late, run } = setup
    live(
      `${what}: all see exactly the times that they see by messages`,
      Effect.gen(function* () {
        const { slept, happened } = yield* together(runtime, setup)
        expect(happened.reports).toEqual([])
        if (run === LATE.run) expect(slept).toEqual(versions.map(() => LATE.simulated))
        if (run === undefined) {
          expect(slept.slice(0, versions.length)).toEqual(versions.map((version) => measured[version].simulated))
        }
        if (late !== undefined) {
          expect(BigInt(happened.offsets.at(-1)!)).toBeGreaterThan(0n)
          // It didn't have to wait for the other one to end.
          expect(BigInt(happened.offsets.at(-1)!)).toBeLessThan(BigInt((run ?? SLEEPS).times * 1_000_000))
          return expect(slept.at(-1)).toBe(LATE.simulated)
        }
        const { grants, messages, sharedTurns } = happened
        const sharers = versions.filter((version) => version === "6.12").slice(0, sharing).length
        expect(happened.sharers).toBe(sharers)
        if (sharers === 0) return expect(sharedTurns).toBe(0)
        if (run !== undefined) return expect(sharedTurns).toBe(grants)
        if (sharers === versions.length) {
          expect(grants).toBe(versions.length * measured["6.12"].waits)
          expect(messages).toBeLessThan(2 * grants + AT_FIRST * versions.length)
        }
        expect(sharedTurns).toBeGreaterThan(sharers * SLEEPS.times)
        expect(sharedTurns).toBeLessThanOrEqual(sharers * measured["6.12"].waits)
      }),
    )
  }

  for (const sharing of isThere("6.12") ? [63, 0] : []) {
    live(
      `a kernel that ${sharing > 0 ? "shares" : "works by messages"} reads its console`,
      Effect.gen(function* () {
        const shared = yield* folder
        yield* Effect.promise(() => writeFile(`${shared}/script`, 'read line\necho "it was: $line"\n'))
        const { socket, happened } = yield* calendar(runtime, sharing, 1)
        const run = { folder: shared, script: "script" }
        const kernel = yield* Kernel.boot("6.12", { socket, id: 1, run, input: "good morning\n" })
        expect(yield* kernel.ended).toMatch(/^it was: good morning$/m)
        expect((yield* happened).reports).toEqual([])
      }),
    )
  }

  if (isThere("6.1")) {
    live(
      "whoever shares it may write anything into it: it is named, and a kernel that works by messages sees its exact times",
      Effect.gen(function* () {
        const { socket, words, happened } = yield* calendar(runtime, 63, 2)
        const program = Path.resolve("test/support/sharing/scribbler.ts")
        const scribbling = yield* Effect.forkScoped(exec([...words, program, socket, "2"]))
        const kernel = yield* Kernel.boot("6.1", { socket, id: 1, run: SLEEPS })
        const time = yield* Effect.raceFirst(
          slept(kernel),
          Effect.map(Fiber.join(scribbling), ({ stderr }) => {
            throw new Error(`who scribbles has ended: ${stderr}`)
          }),
        )
        expect(time).toBe(measured["6.1"].simulated)
        // If it wasn't put out, as it had no turn since it began, it leaves now.
        yield* Fiber.interrupt(scribbling)
        const { reports } = yield* happened
        expect(reports.length).toBeGreaterThan(0)
        for (const report of reports) expect(report).toMatch(/^client 2: .* \(\w+: .*\)$|^Scribbled$/)
      }),
    )
  }
})
