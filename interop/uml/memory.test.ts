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
}

/** Kernels of these releases on a calendar with so many slots: what each of them slept, and what happened. */
const together = (runtime: Runtimes.Name, slots: number, versions: ReadonlyArray<Kernel.Version>) =>
  Effect.gen(function* () {
    const socket = `${yield* folder}/calendar`
    const words = yield* Runtimes.locate(runtime)
    const program = Path.resolve("interop/uml/memoryCalendar.ts")
    const calendar = yield* Effect.forkScoped(
      exec([...words, program, socket, String(versions.length), String(slots)]),
    )
    yield* Effect.sync(() => existsSync(socket)).pipe(
      Effect.repeat({ until: (it) => it, schedule: Schedule.spaced("5 millis") }),
    )
    const kernels = yield* Effect.forEach(
      versions,
      (version, id) => Kernel.boot(version, { socket, id: id + 1, run: SLEEPS }),
    )
    const printed = yield* Effect.forEach(kernels, ({ ended }) => ended, { concurrency: "unbounded" })
    for (const lines of printed) expect(lines).not.toMatch(/panic|BUG|WARNING/)
    const { code, stdout, stderr } = yield* Fiber.join(calendar)
    if (code !== 0) throw new Error(`the calendar ended with ${code}: ${stdout}\n${stderr}`)
    return { slept: printed.map((lines) => Kernel.slept(lines)?.simulated), happened: JSON.parse(stdout) as Happened }
  })

/** So many messages are START, and its ACK, and the first WAIT of each. */
const AT_FIRST = 10

const isThere = (...versions: ReadonlyArray<Kernel.Version>) => versions.every((each) => Kernel.built().includes(each))

describe.each(Runtimes.names)("a calendar on %s that shares its memory", (runtime) => {
  const runs: ReadonlyArray<readonly [what: string, slots: number, versions: ReadonlyArray<Kernel.Version>]> = [
    ["two kernels that share take two messages for a turn", 8, ["6.12", "6.12"]],
    ["kernels of both releases, one of which works by messages", 8, ["6.1", "6.12"]],
    ["more kernels than slots, one of which works by messages", 3, ["6.12", "6.12", "6.12"]],
  ]

  for (const [what, slots, versions] of runs.filter(([, , versions]) => isThere(...versions))) {
    live(
      `${what}: all see exactly the times that they see by messages`,
      Effect.gen(function* () {
        const { slept, happened } = yield* together(runtime, slots, versions)
        expect(slept).toEqual(versions.map((version) => measured[version].simulated))
        expect([happened.violations, happened.breaches]).toEqual([[], []])
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
})
