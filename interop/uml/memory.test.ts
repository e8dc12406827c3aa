/**
 * Real kernels on shared memory, made and sent by native calls on each runtime: they see the very times that they see
 * by messages.
 */
import { describe, expect } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schedule from "effect/Schedule"
import { existsSync } from "node:fs"
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
  readonly violations: ReadonlyArray<string>
  readonly breaches: ReadonlyArray<string>
  /** The calendar's time when each was let in, in ns. */
  readonly offsets: ReadonlyArray<string>
}

interface Setup {
  /** How many slots the memory has, the calendar's included. */
  readonly slots: number
  readonly versions: ReadonlyArray<Kernel.Version>
  /** The release of one that comes when the others have begun. */
  readonly late?: Kernel.Version
}

/** How long the late one sleeps: 1,000 times 1 ms; and what that takes it, measured under another calendar. */
const LATE = { run: { times: 1000, us: 1000 }, simulated: 1_058_835_968n }

/** A calendar's program, for so many clients at the beginning, of so many in all. */
const calendar = (runtime: Runtimes.Name, slots: number, clients: number, all: number) =>
  Effect.gen(function* () {
    const socket = `${yield* folder}/calendar`
    const words = yield* Runtimes.locate(runtime)
    const program = Path.resolve("interop/uml/memoryCalendar.ts")
    const running = yield* Effect.forkScoped(exec([...words, program, socket, ...[clients, slots, all].map(String)]))
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
const together = (runtime: Runtimes.Name, { slots, versions, late }: Setup) =>
  Effect.gen(function* () {
    const all = versions.length + (late === undefined ? 0 : 1)
    const { socket, happened } = yield* calendar(runtime, slots, versions.length, all)
    const kernels = yield* Effect.forEach(
      versions,
      (version, id) => Kernel.boot(version, { socket, id: id + 1, run: SLEEPS }),
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
    ["two kernels that share take two messages for a turn", { slots: 8, versions: ["6.12", "6.12"] }],
    ["kernels of both releases, one of which works by messages", { slots: 8, versions: ["6.1", "6.12"] }],
    ["more kernels than slots, one of which works by messages", { slots: 3, versions: ["6.12", "6.12", "6.12"] }],
    ["one that comes late, to which it is 0 then", { slots: 8, versions: ["6.12", "6.12"], late: "6.12" }],
  ]

  for (const [what, setup] of runs.filter(([, { versions }]) => isThere(...versions))) {
    const { slots, versions, late } = setup
    live(
      `${what}: all see exactly the times that they see by messages`,
      Effect.gen(function* () {
        const { slept, happened } = yield* together(runtime, setup)
        expect([happened.violations, happened.breaches]).toEqual([[], []])
        expect(slept.slice(0, versions.length)).toEqual(versions.map((version) => measured[version].simulated))
        if (late !== undefined) {
          expect(BigInt(happened.offsets.at(-1)!)).toBeGreaterThan(0n)
          return expect(slept.at(-1)).toBe(LATE.simulated)
        }
        const { grants, messages, sharedTurns } = happened
        const sharers = versions.filter((version) => version === "6.12").slice(0, slots - 1).length
        if (sharers === versions.length) {
          expect(grants).toBe(versions.length * measured["6.12"].waits)
          expect(messages).toBeLessThan(2 * grants + AT_FIRST * versions.length)
        }
        expect(sharedTurns).toBeGreaterThan(sharers * SLEEPS.times)
        expect(sharedTurns).toBeLessThanOrEqual(sharers * measured["6.12"].waits)
      }),
    )
  }

  if (isThere("6.1")) {
    live(
      "whoever shares it may write anything into it: it is named, and a kernel that works by messages sees its exact times",
      Effect.gen(function* () {
        const { socket, words, happened } = yield* calendar(runtime, 8, 2, 2)
        const program = Path.resolve("interop/uml/scribbler.ts")
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
        const { breaches, violations } = yield* happened
        expect(breaches.length).toBeGreaterThan(0)
        expect(violations).toEqual([])
      }),
    )
  }
})
