/**
 * Turns tracing on by layers: to a file, a sink, or spans of Effect's tracer; names what is traced, and marks moments.
 * By default nothing is traced.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as EffectTracer from "effect/Tracer"
import { Tagged } from "../core/Tagged.ts"
import type { OptionError } from "../../core/Fault.ts"
import { GuestClock } from "../../GuestClock.ts"
import { clock } from "../platform/RealTime.ts"
import { TraceName, Tracer } from "../../services/Tracer.ts"
import { type Sink, tracerOf } from "./Recorder.ts"
import * as Sinks from "./Sinks.ts"
import { spans } from "./Spans.ts"

/**
 * Gives all that is traced to `sink`: of each clock and each calendar that is made with this layer.
 *
 * @example
 * ```ts
 * import { Effect, Layer } from "effect"
 * import { GuestClock, Mode } from "guest-clock"
 * import * as Trace from "guest-clock/trace"
 *
 * const ring = Trace.ring(100)
 * const program = Effect.gen(function*() {
 *   const clock = yield* GuestClock.GuestClock
 *   yield* Trace.mark("begins", { by: "example" })
 *   yield* clock.ndelay(250n)
 * })
 * const mode = Mode.infCpu({ start: 0n }).pipe(Layer.provide(Trace.to(ring)))
 * await Effect.runPromise(Effect.provide(program, mode))
 * for (const { time, what } of ring.trace().records) console.log(`${time} ns: ${what._tag}`)
 * // 0 ns: Transition
 * // 0 ns: Mark
 * // 250 ns: Transition
 * // 250 ns: End
 * ```
 *
 * @since 0.1.0
 * @category recording
 */
export const to = (sink: Sink): Layer.Layer<never> => Layer.sync(Tracer, () => tracerOf(sink, clock))

/**
 * A trace's file that lacks what happened after something couldn't be written: the disk was full, for example.
 *
 * @since 0.1.0
 * @category errors
 */
export class TraceIncomplete extends Tagged<"TraceIncomplete"> {
  readonly path: string
  constructor(path: string, cause: Error) {
    super("TraceIncomplete", `the trace ${path} isn't complete: ${cause.message}`, { cause })
    this.path = path
  }
}

/**
 * How a trace is written to a file.
 *
 * @since 0.1.0
 * @category models
 */
export interface FileOptions {
  /**
   * In columns, which takes about 4 bytes a record, or as lines of JSON, which takes 130. Default: lines of JSON if the
   * path ends with `.ndjson` or `.jsonl`, and else columns.
   *
   * @since 0.2.0
   */
  readonly format?: "columns" | "lines"
  /** Told once, and at once, when something can't be written. Default: it is logged as an error at the end. */
  readonly onIncomplete?: (why: TraceIncomplete) => void
}

/**
 * Writes all that is traced to the file at `path`, anew, while it happens: 16,384 records at
 * most are in memory. What a program that is killed has done last may be missing. The file is complete
 * when the layer is gone. One that can't be opened is an `OptionError`. What is traced goes on where
 * something can't be written, as the disk is full, or the file is a pipe that nobody has read for a second:
 * nothing more is written then, and `onIncomplete` is told.
 *
 * **When to use**
 *
 * Use it to look at a run afterwards, by `guest-clock trace view` and `summary`, or to compare two by `diff`.
 *
 * @example
 * ```ts no-run
 * import { Effect } from "effect"
 * import { Guest, World } from "guest-clock/simulation"
 * import * as Trace from "guest-clock/trace"
 *
 * const world = World.make({ guests: [Guest.make("guest", Effect.sleep("1 hour"))] })
 * await Effect.runPromise(Effect.provide(World.run(world), Trace.toFile("/tmp/guest.trace")))
 * ```
 *
 * @since 0.1.0
 * @category recording
 */
export const toFile = (path: string, options: FileOptions = {}): Layer.Layer<never, OptionError> =>
  Layer.effect(
    Tracer,
    Effect.gen(function* () {
      // Loaded on demand: who doesn't trace has no use for files.
      const SyncFile = yield* Effect.promise(() => import("../platform/SyncFile.ts"))
      const { deflate } = yield* Effect.promise(() => import("../platform/Deflate.ts"))
      const { onIncomplete } = options
      const errorOf = (cause: Error) => new TraceIncomplete(path, cause)
      const file = yield* SyncFile.open(path, (why) => onIncomplete?.(errorOf(why)))
      const { format = Sinks.formatOf(path) } = options
      const sink = format === "lines" ? Sinks.ndjson(file.write) : Sinks.binary(file.write, deflate)
      yield* Effect.addFinalizer(() => SyncFile.finish(file, sink.flush, onIncomplete !== undefined, errorOf))
      return tracerOf(sink, clock)
    }),
  )

/**
 * Makes spans of all that is traced, for the tracer of Effect's that is there: that of
 * `effect/observability`'s `Otlp`, for example. Their times are simulated: `epoch` is when simulated time 0
 * is to have been, in ns since 1970. Default: when the first guest or calendar was made.
 *
 * @example
 * ```ts
 * import { Effect, Layer, Tracer } from "effect"
 * import { GuestClock, Mode } from "guest-clock"
 * import * as Trace from "guest-clock/trace"
 *
 * const made: Array<Tracer.NativeSpan> = []
 * const tracer = Tracer.make({
 *   span: (options) => {
 *     const span = new Tracer.NativeSpan(options)
 *     made.push(span)
 *     return span
 *   },
 * })
 * const program = Effect.flatMap(GuestClock.GuestClock, (clock) => clock.ndelay(250n))
 * const traced = Trace.toSpans({ epoch: 1000n }).pipe(Layer.provide(Layer.succeed(Tracer.Tracer, tracer)))
 * const mode = Mode.infCpu({ start: 0n }).pipe(Layer.provide(traced), Layer.provide(Trace.named("router")))
 * await Effect.runPromise(Effect.provide(program, mode))
 * for (const { name, status } of made) console.log(name, status.startTime, status._tag === "Ended" && status.endTime)
 * // router 1000n 1250n
 * // busy 1000n 1250n
 * ```
 *
 * @since 0.1.0
 * @category recording
 */
export const toSpans = (options: { readonly epoch?: bigint } = {}): Layer.Layer<never> =>
  Layer.effect(
    Tracer,
    Effect.gen(function* () {
      return tracerOf(spans(yield* EffectTracer.Tracer, options.epoch), clock)
    }),
  )

/**
 * What traces call the guests and calendars that are made with this layer.
 *
 * @since 0.1.0
 * @category recording
 */
export const named = (name: string): Layer.Layer<never> => Layer.succeed(TraceName, name)

/**
 * The user's own mark, in the trace of this guest if there is one. What comes with it is anything that JSON can say.
 *
 * **When to use**
 *
 * Use it to find a moment of the program again in its trace.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { Guest, World } from "guest-clock/simulation"
 * import * as Trace from "guest-clock/trace"
 *
 * const guest = Guest.make("guest", Effect.andThen(Effect.sleep("1 second"), Trace.mark("half way")))
 * const ring = Trace.ring(100)
 * await Effect.runPromise(Effect.provide(World.run(World.make({ guests: [guest] })), Trace.to(ring)))
 * for (const { time, what } of ring.trace().records) if (what._tag === "Mark") console.log(time, what.name)
 * // 1000000000n half way
 * ```
 *
 * @since 0.1.0
 * @category recording
 */
export const mark = (name: string, data?: unknown): Effect.Effect<void, never, GuestClock> =>
  Effect.map(GuestClock, ({ nowUnsafe, trace }) => {
    trace?.note(nowUnsafe(), data === undefined ? { _tag: "Mark", name } : { _tag: "Mark", name, data })
  })
