/**
 * `deno task ok`: everything that CI runs, one task after the other, with a
 * summary. A task that fails doesn't keep the others from running.
 *
 * A task that ends in a closing line, as the tests do, counts as much as that
 * says; any other counts as one. What they left out is said again at the end.
 * Exits with 1 if anything failed.
 *
 * @module
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Console from "effect/Console"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { Argument, Command, Flag } from "effect/cli"
import { ChildProcess } from "effect/process"
import process from "node:process"
import * as ClosingLine from "./closingLine.ts"
import * as LeftOut from "./leftOut.ts"

const TASKS = [
  "fmt:check",
  "lint",
  "check",
  "check:tsc",
  "test",
  "attack",
  "demo",
  "demo:bun",
  "reference",
  "publish:dry",
  "package",
] as const

interface Outcome extends ClosingLine.Count {
  readonly task: string
  /** Lines that say what was left out. */
  readonly leftOut: ReadonlyArray<string>
  readonly took: Duration.Duration
}

/** Runs a task in a group of processes of its own, which ends with the scope: on Ctrl-C, too. */
const run = (task: string) =>
  Effect.gen(function* () {
    const handle = yield* ChildProcess.make(process.execPath, ["task", task], {
      stdin: "ignore",
      stderr: "inherit",
      ...process.stdout.isTTY && { env: { FORCE_COLOR: "1" }, extendEnv: true },
      forceKillAfter: "5 seconds",
    })
    let last = ""
    const leftOut: Array<string> = []
    yield* handle.stdout.pipe(
      Stream.tap((bytes) => Effect.sync(() => process.stdout.write(bytes))),
      Stream.decodeText(),
      Stream.splitLines,
      Stream.runForEach((line) =>
        Effect.sync(() => {
          if (line.trim() !== "") last = line
          if (LeftOut.isOne(line)) leftOut.push(line)
        })
      ),
    )
    const code = yield* handle.exitCode
    const { passed, failed } = ClosingLine.parse(last) ?? { passed: code === 0 ? 1 : 0, failed: 0 }
    // It may also have failed without counting that.
    return { passed, failed: code === 0 ? failed : Math.max(failed, 1), leftOut }
  }).pipe(
    Effect.scoped,
    Effect.catch((error) => Effect.as(Console.error(String(error)), { passed: 0, failed: 1, leftOut: [] })),
  )

const seconds = (took: Duration.Duration): string => `${Duration.toSeconds(took).toFixed(1)} s`.padStart(8)

const row = ({ task, took, passed, failed }: Outcome): string =>
  `${failed === 0 ? "✓" : "✗"} ${task.padEnd(12)}${seconds(took)}${`${passed} passed`.padStart(14)}` +
  (failed === 0 ? "" : `, ${failed} failed`)

const ok = Command.make(
  "ok",
  {
    tasks: Argument.Literals("TASK", TASKS).pipe(
      Argument.withDescription("The tasks to run; all of them, if none is given"),
      Argument.variadic(),
    ),
    except: Flag.Literals("except", TASKS).pipe(
      Flag.withDescription("A task not to run; may be given again"),
      Flag.atLeast(0),
    ),
  },
  Effect.fnUntraced(function* ({ tasks, except }) {
    const outcomes: Array<Outcome> = []
    for (const task of (tasks.length > 0 ? tasks : TASKS).filter((task) => !except.includes(task))) {
      yield* Console.log(`\n━━ deno task ${task}`)
      const [took, count] = yield* Effect.timed(run(task))
      outcomes.push({ task, took, ...count })
    }
    const total = ClosingLine.sum(outcomes)
    const lines = [...outcomes.map(row), "", ...new Set(outcomes.flatMap(({ leftOut }) => leftOut))]
    yield* Console.log(`\n━━ summary\n${lines.join("\n")}\n`)
    yield* Console.log(ClosingLine.format(total))
    yield* Effect.sync(() => {
      process.exitCode = total.failed === 0 ? 0 : 1
    })
  }),
).pipe(Command.withDescription("Runs all that CI runs"))

Command.run(ok, { version: "0.1.0" }).pipe(Effect.provide(NodeServices.layer), NodeRuntime.runMain)
