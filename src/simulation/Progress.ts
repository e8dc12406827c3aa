/**
 * Progress on long runs: a line on standard error, which a terminal draws again and
 * again, and which is gone at the end. What isn't a terminal gets a line now and then.
 *
 * @example
 * ```ts no-run
 * import * as NodeServices from "@effect/platform-node/NodeServices"
 * import { Effect } from "effect"
 * import { Progress, World } from "guest-clock/simulation"
 *
 * declare const world: World.World
 * await Effect.runPromise(World.run(world, { until: "1 day" }).pipe(
 *   Effect.provide(Progress.layer()),
 *   Effect.provide(NodeServices.layer),
 * ))
 * // on standard error: 3600 s of 86400 s simulated, 4 %, 240 times as fast as real time, 5 min 45 s left
 * ```
 *
 * @module
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import { duration } from "./Report.ts"

/** How far a run has come. */
export interface Status {
  /** Simulated, in ns. */
  readonly time: bigint
  /** When it ends, in ns, if that is known. */
  readonly until: bigint | undefined
  /** Turns that guests have had. */
  readonly grants: number
}

/** Shows how far a run has come, and what it took so far in ms of real time. */
export interface Display {
  /** How often, in ms of real time. */
  readonly everyMs: number
  readonly show: (status: Status, realMs: number) => Effect.Effect<void>
  /** The run has ended, in whatever way. */
  readonly end: Effect.Effect<void>
}

/** What shows the progress of worlds that are run: nothing, unless another is provided. */
export const CurrentDisplay: Context.Reference<Display | undefined> = Context.Reference<Display | undefined>(
  "guest-clock/simulation/Progress",
  { defaultValue: () => undefined },
)

/** While the scope is open, shows what `status` says. */
export const watching = (status: Effect.Effect<Status>): Effect.Effect<void, never, Scope.Scope> =>
  Effect.gen(function* () {
    const display = yield* CurrentDisplay
    if (display === undefined) return
    const began = yield* Clock.monotonicTimeNanos
    const look = Effect.gen(function* () {
      yield* Effect.sleep(display.everyMs)
      const realMs = Number((yield* Clock.monotonicTimeNanos) - began) / 1e6
      yield* display.show(yield* status, realMs)
    })
    yield* Effect.addFinalizer(() => display.end)
    yield* Effect.forkScoped(Effect.forever(look))
  })

const span = (ms: number): string => {
  const seconds = Math.round(ms / 1000)
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`
}

/** A line for people. */
export const format = ({ time, until, grants }: Status, realMs: number): string => {
  const simulated = Number(time)
  const speed = realMs > 0 ? simulated / 1e6 / realMs : 0
  const parts = [
    until === undefined
      ? `${duration(simulated)} simulated`
      : `${duration(simulated)} of ${duration(Number(until))} simulated, ${
        Math.floor(100 * simulated / Number(until))
      } %`,
    `${speed >= 10 ? Math.round(speed) : speed.toFixed(2)} times as fast as real time`,
  ]
  if (until !== undefined && simulated > 0) parts.push(`${span(realMs * (Number(until) / simulated - 1))} left`)
  else if (grants > 0) parts.push(`${grants} turns`)
  return parts.join(", ")
}

/** How progress is shown. */
export interface Options {
  /** Whether standard error is a terminal. Default: as the system says. */
  readonly terminal?: boolean
}

/** Shows the progress of worlds on standard error: five times a second on terminals, every ten seconds elsewhere. */
export const layer = (options: Options = {}): Layer.Layer<never, never, Stdio.Stdio> =>
  Layer.effect(
    CurrentDisplay,
    Effect.gen(function* () {
      const stdio = yield* Stdio.Stdio
      const terminal = options.terminal ?? (yield* stdio.stderrIsTerminal)
      const write = (text: string) => Effect.ignore(Stream.run(Stream.make(text), stdio.stderr()))
      let isDrawn = false
      return {
        everyMs: terminal ? 200 : 10_000,
        show: (status, realMs) =>
          Effect.suspend(() => {
            isDrawn = true
            const line = format(status, realMs)
            return write(terminal ? `\r\u001b[K${line}` : `${line}\n`)
          }),
        end: Effect.suspend(() => isDrawn && terminal ? write("\r\u001b[K") : Effect.void),
      } satisfies Display
    }),
  ) as Layer.Layer<never, never, Stdio.Stdio>
