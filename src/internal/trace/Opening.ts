/**
 * Opens traces in files.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import { OptionError } from "../../core/Fault.ts"
import type { Readable, TraceFile } from "./TraceFile.ts"
import { BadTrace } from "./Record.ts"
import { binary, formatOf, ndjson } from "./Sinks.ts"

/**
 * Opens the trace in a file, in columns or as lines of JSON, of this version of the format or an older one. Its records
 * are read from the file whenever they are gone through, 256 KiB at a time, so it may be larger than memory; of a pipe,
 * all is kept. A file that isn't there is a `BadTrace`, and so is one that is no trace; what is wrong further on, is
 * thrown as a `BadTrace` where its records are gone through.
 *
 * @example
 * ```ts
 * import { Effect, Layer } from "effect"
 * import { GuestClock, Mode } from "guest-clock"
 * import * as Trace from "guest-clock/trace"
 *
 * const program = Effect.flatMap(GuestClock.GuestClock, (clock) => clock.ndelay(250n))
 * const mode = Mode.infCpu({ start: 0n }).pipe(Layer.provide(Trace.toFile("a.trace")))
 * await Effect.runPromise(Effect.provide(program, mode))
 * const trace = await Effect.runPromise(Trace.open("a.trace"))
 * for (const { time, what } of trace.records) console.log(`${time} ns: ${what._tag}`)
 * // 0 ns: Transition
 * // 250 ns: Transition
 * // 250 ns: End
 * ```
 *
 * @since 0.2.0
 * @category reading
 */
export const open = (path: string): Effect.Effect<TraceFile, BadTrace> =>
  Effect.tryPromise({
    // Loaded on demand: who doesn't read files has no use for them.
    try: async () => (await import("./TraceFile.ts")).openTrace(path),
    catch: (error) =>
      error instanceof BadTrace ? error : new BadTrace(1, `can't read ${path}: ${(error as Error).message}`),
  })

/**
 * Writes a trace to the file at `path`, anew: as lines of JSON if that ends with `.ndjson` or `.jsonl`, and else in
 * columns. One in a file (`Trace.open`) is written piece by piece. A file that can't be written is an `OptionError`.
 *
 * @since 0.2.0
 * @category writing
 */
export const save = (path: string, trace: Readable): Effect.Effect<void, OptionError | BadTrace> =>
  Effect.gen(function* () {
    const { deflate } = yield* Effect.promise(() => import("../platform/Deflate.ts"))
    const SyncFile = yield* Effect.promise(() => import("../platform/SyncFile.ts"))
    const file = yield* SyncFile.open(path)
    yield* Effect.try({
      try: () => {
        const sink = formatOf(path) === "lines" ? ndjson(file.write) : binary(file.write, deflate)
        for (const source of trace.sources) sink.source(source)
        for (const record of trace.records) sink.record(record)
        sink.flush()
      },
      catch: (error) => error as BadTrace,
    })
    const failure = file.failure()
    if (failure !== undefined) return yield* Effect.fail(new OptionError("the trace's file", path, failure.message))
  }).pipe(Effect.scoped)
