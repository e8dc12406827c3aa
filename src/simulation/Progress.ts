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
 * // on standard error: 3600 s of 86400 s simulated, 4 %, 240 times as fast as real time, 8000 turns a second, 5 min 45 s left
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
import * as Option from "effect/Option"
import * as Terminal from "effect/Terminal"
import { duration } from "./Report.ts"

/**
 * How far a run has come.
 *
 * @since 0.1.0
 * @category models
 */
export interface Status {
  /** Simulated, in ns. */
  readonly time: bigint
  /** When it ends, in ns, if that is known. */
  readonly until: bigint | undefined
  /** Turns that guests have had. */
  readonly grants: number
  /** Events that there were, where somebody counts them. */
  readonly events?: number
  /** Guests whose programs haven't ended, where somebody counts them. */
  readonly guests?: number
}

/**
 * How far an experiment has come, which is many runs.
 *
 * @since 0.1.0
 * @category models
 */
export interface Runs {
  readonly _tag: "Runs"
  /** Runs that are done, those included that were before. */
  readonly done: number
  /** In all, or at most. */
  readonly of: number
  /** Runs that were done before, and kept in a file. */
  readonly kept: number
}

/**
 * Shows how far a run has come, and what it took so far in ms of real time.
 *
 * @since 0.1.0
 * @category models
 */
export interface Display {
  /** How often, in ms of real time. */
  readonly everyMs: number
  readonly show: (status: Status | Runs, realMs: number) => Effect.Effect<void>
  /** The run has ended, in whatever way. */
  readonly end: Effect.Effect<void>
}

/**
 * The display of the progress of worlds that are run; none by default.
 *
 * @since 0.1.0
 * @category references
 */
export const CurrentDisplay: Context.Reference<Display | undefined> = Context.Reference<Display | undefined>(
  "guest-clock/simulation/Progress",
  { defaultValue: () => undefined },
)

/**
 * While the scope is open, shows what `status` says.
 *
 * @since 0.1.0
 * @category progress
 */
export const watching = (status: Effect.Effect<Status | Runs>): Effect.Effect<void, never, Scope.Scope> =>
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
  if (seconds < 60) return `${seconds} s`
  const minutes = Math.floor(seconds / 60)
  return minutes < 60 ? `${minutes} min ${seconds % 60} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}

const figure = (value: number): string => value >= 10 ? String(Math.round(value)) : value.toFixed(2)

const formatRuns = ({ done, of, kept }: Runs, realMs: number): string => {
  const share = of === 0 ? 1 : done / of
  const parts = [`${done} of ${of} runs, ${Math.floor(100 * share)} %`]
  if (kept > 0) parts.push(`${kept} of them were done before`)
  const now = done - kept
  if (now > 0 && done < of) parts.push(`${span(realMs * (of - done) / now)} left`)
  return parts.join(", ")
}

/**
 * A line for people.
 *
 * @since 0.1.0
 * @category formatting
 */
export const format = (status: Status | Runs, realMs: number): string => {
  if ("_tag" in status) return formatRuns(status, realMs)
  const { time, until, grants, events, guests } = status
  const simulated = Number(time)
  // Of a run that ends at 0, all is simulated.
  const share = until === undefined || until <= 0n ? 1 : Math.min(1, simulated / Number(until))
  const parts = [
    until === undefined
      ? `${duration(time)} simulated`
      : `${duration(time)} of ${duration(until)} simulated, ${Math.floor(100 * share)} %`,
  ]
  // It has a speed once it has run.
  if (realMs > 0) {
    const count = events ?? grants
    parts.push(`${figure(simulated / 1e6 / realMs)} times as fast as real time`)
    if (count > 0) parts.push(`${figure(count / realMs * 1000)} ${events === undefined ? "turns" : "events"} a second`)
    if (until !== undefined && share > 0) parts.push(`${span(realMs * (1 / share - 1))} left`)
  }
  if (guests !== undefined) parts.push(guests === 1 ? "1 guest running" : `${guests} guests running`)
  return parts.join(", ")
}

/**
 * How progress is shown.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** Whether standard error is a terminal. Default: as the system says. */
  readonly terminal?: boolean
  /** Whether what isn't a terminal gets a line every ten seconds; else it gets nothing. Default: yes. */
  readonly lines?: boolean
}

/** Of a terminal that doesn't say how wide it is. */
const COLUMNS = 80

/**
 * Shows the progress of worlds on standard error: five times a second on terminals, every
 * ten seconds elsewhere. On a terminal the line is as long as that is wide, if there is a
 * `Terminal` to ask, or 80 characters; it is gone when the run ends, fails or is interrupted.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = ({ terminal, lines = true }: Options = {}): Layer.Layer<never, never, Stdio.Stdio> =>
  Layer.effect(
    CurrentDisplay,
    Effect.gen(function* () {
      const stdio = yield* Stdio.Stdio
      const isTerminal = terminal ?? (yield* stdio.stderrIsTerminal)
      if (!isTerminal && !lines) return undefined
      const screen = yield* Effect.serviceOption(Terminal.Terminal)
      const columns = Effect.map(
        Option.isSome(screen) ? screen.value.columns : Effect.succeed(COLUMNS),
        (columns) => columns > 0 ? columns : COLUMNS,
      )
      const write = (text: string) => Effect.ignore(Stream.run(Stream.make(text), stdio.stderr()))
      let isDrawn = false
      return {
        everyMs: isTerminal ? 200 : 10_000,
        show: (status, realMs) =>
          Effect.gen(function* () {
            const line = format(status, realMs)
            if (!isTerminal) return yield* write(`${line}\n`)
            // What wraps couldn't be cleared; and some terminals wrap after the last column.
            const shown = line.slice(0, Math.max(0, (yield* columns) - 1))
            isDrawn = true
            yield* write(`\r\u001b[K${shown}`)
          }),
        end: Effect.suspend(() => {
          if (!isDrawn) return Effect.void
          isDrawn = false
          return write("\r\u001b[K")
        }),
      } satisfies Display
    }),
  ) as Layer.Layer<never, never, Stdio.Stdio>
