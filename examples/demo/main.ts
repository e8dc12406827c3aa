/**
 * The demo: three guests, each a process of its own, on one calendar that decides
 * whose time it is. It draws what happened in them, and what that took.
 *
 * ```sh
 * deno task demo      # or: bun run demo
 * ```
 *
 * @module
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import type * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import { Argument, Command, Flag } from "effect/cli"
import { ChildProcess } from "effect/process"
import process from "node:process"
import { fileURLToPath } from "node:url"
import * as CalendarServer from "../../src/calendar/CalendarServer.ts"
import { Mode } from "../../src/index.ts"
import * as Trace from "../../src/trace.ts"
import { guests, run } from "./guest.ts"
import * as Timeline from "./timeline.ts"
import * as Wire from "./wire.ts"

/** How long the guests run: guest time in ns. */
const END = 1_000_000_000n

/** This program again, in the runtime that runs it now. */
const self = (...args: ReadonlyArray<string>) =>
  ChildProcess.make(
    process.execPath,
    ["Deno" in globalThis ? ["run", "-q", "-A"] : [], fileURLToPath(import.meta.url), args].flat(),
    { stderr: "inherit" },
  )

/** A guest's process: what was seen of it, and a way to talk to it. */
const start = (guest: typeof guests[number], socket: string, trace: string | undefined) =>
  Effect.gen(function* () {
    const tracing = trace === undefined ? [] : ["--trace", partOf(trace, guest.name)]
    const handle = yield* self("guest", guest.name, socket, ...tracing)
    const toGuest = yield* Queue.unbounded<Wire.ToGuest, Cause.Done>()
    yield* Effect.forkScoped(
      Stream.fromQueue(toGuest).pipe(
        Stream.mapEffect(Wire.toGuest.encode),
        Stream.encodeText,
        Stream.run(handle.stdin),
      ),
    )
    const busy: Array<{ from: bigint; to: bigint }> = []
    const woke: Array<bigint> = []
    const interrupted: Array<{ at: bigint; by: string }> = []
    const lane: Timeline.Lane = { name: guest.name, mark: String(guest.id), busy, woke, interrupted }
    return { guest, handle, toGuest, lane, busy, woke, interrupted }
  })

/** Plugs the guests into each other, and notes down what they report, until they are done. */
const wireUp = (all: ReadonlyArray<Effect.Success<ReturnType<typeof start>>>, heard: Effect.Effect<unknown>) => {
  const named = new Map(all.map((each) => [each.guest.name, each]))
  const send = (name: string, message: Wire.ToGuest) => {
    const guest = named.get(name)
    return guest === undefined
      ? Effect.die(new Error(`there is no guest ${JSON.stringify(name)}`))
      : Queue.offer(guest.toGuest, message)
  }
  return Effect.forEach(
    all,
    ({ guest, handle, toGuest, busy, woke, interrupted }) =>
      Effect.gen(function* () {
        const hear = (message: Wire.FromGuest): Effect.Effect<unknown> => {
          switch (message._tag) {
            case "Busy":
              return Effect.sync(() => busy.push(message))
            case "Woke":
              return Effect.sync(() => woke.push(message.at))
            case "Interrupted":
              return Effect.sync(() => interrupted.push(message))
            case "Interrupt":
              return send(message.to, { _tag: "Interrupt", from: guest.name })
            case "Taken":
              return send(message.from, { _tag: "Taken" })
            case "Done":
              // With nothing to be heard any more, its process can end.
              return Queue.end(toGuest)
          }
        }
        yield* Stream.runForEach(
          Wire.fromGuest.decode(handle.stdout),
          (message) => Effect.andThen(heard, hear(message)),
        )
        // A process that a signal ended has no exit code.
        const code = yield* Effect.orElseSucceed(handle.exitCode, () => undefined)
        if (code !== 0) {
          return yield* Effect.fail(
            `the guest ${guest.name} ${code === undefined ? "was killed" : `ended with exit code ${code}`}`,
          )
        }
      }),
    { concurrency: "unbounded", discard: true },
  )
}

const seconds = (nanos: bigint): string => `${(Number(nanos / 1000n) / 1e6).toFixed(3)} s`

/** Where one participant's trace is, until all are one. */
const partOf = (trace: string, name: string): string => `${trace}.${name}`

/** The traces of all participants as one. */
const gather = Effect.fnUntraced(function* (trace: string) {
  const fs = yield* FileSystem.FileSystem
  const parts = ["calendar", ...guests.map(({ name }) => name)].map((name) => partOf(trace, name))
  const traces = yield* Effect.forEach(parts, Trace.open)
  yield* Trace.save(trace, Trace.merge(traces.map(({ sources, records }) => ({ sources, records: [...records] }))))
  yield* Effect.forEach(parts, (part) => fs.remove(part))
})

const demo = Effect.fnUntraced(function* (trace: string | undefined) {
  const fs = yield* FileSystem.FileSystem
  const folder = yield* fs.makeTempDirectoryScoped({ prefix: "guest-clock-" })
  const socket = `${folder}/calendar`
  const calendar = yield* CalendarServer.make({
    path: socket,
    clients: guests.length,
    // The same messages on every machine.
    sharedMemory: false,
  })

  yield* Console.log(`${guests.length} guests, each a process of its own, on one calendar\n`)
  const launched = yield* Clock.monotonicTimeNanos
  const all = yield* Effect.forEach(guests, (guest) => start(guest, socket, trace), { concurrency: "unbounded" })
  const began = yield* Deferred.make<bigint>()
  yield* wireUp(all, Effect.flatMap(Clock.monotonicTimeNanos, (now) => Deferred.succeed(began, now)))
  yield* calendar.ended
  const ready = yield* Deferred.await(began)
  const real = (yield* Clock.monotonicTimeNanos) - ready

  const { messages, grants, time } = yield* calendar.stats
  const stdio = yield* Stdio.Stdio
  const terminal = yield* stdio.stdoutIsTerminal
  const style: Timeline.Style = {
    width: terminal ? Math.min(process.stdout.columns, 160) : 100,
    // no-color.org: whatever it is, unless it is empty.
    colour: terminal && !process.env["NO_COLOR"],
    lines: true,
  }
  for (const line of Timeline.draw(all.map(({ lane }) => lane), END, style)) yield* Console.log(line)
  yield* Console.log("")
  yield* Console.log(`simulated  ${seconds(time)}`)
  yield* Console.log(
    `real       ${seconds(real)}, after ${seconds(ready - launched)} to start ${guests.length} processes`,
  )
  yield* Console.log(`ratio      ${(Number(time) / Number(real)).toFixed(2)} simulated seconds a real second`)
  yield* Console.log(
    `messages   ${messages} for ${grants} grants: ${(messages / grants).toFixed(1)} per grant`,
  )
})

/** Runs `effect` with a trace of it in the file, if there is to be one. */
const traced = <A, E, R>(effect: Effect.Effect<A, E, R>, file: string | undefined, name: string) =>
  file === undefined ? effect : Effect.provide(effect, Layer.merge(Trace.toFile(file), Trace.named(name)))

const traceFlag = Flag.String("trace").pipe(
  Flag.withMetavar("FILE"),
  Flag.withDescription("Write down all that happens: for guest-clock trace"),
  Flag.optional,
  Flag.map(Option.getOrUndefined),
)

const guestCommand = Command.make(
  "guest",
  {
    name: Argument.Literals("NAME", guests.map(({ name }) => name)),
    socket: Argument.String("SOCKET").pipe(Argument.withDescription("The calendar's socket")),
    trace: traceFlag,
  },
  ({ name, socket, trace }) => {
    const guest = guests.find((each) => each.name === name)!
    const running = run(guest, END).pipe(Effect.scoped, Effect.provide(Mode.external({ socket, id: guest.id })))
    return traced(running, trace, name)
  },
).pipe(Command.withDescription("One of the demo's guests; the demo starts these itself"))

const demoCommand = Effect.fnUntraced(function* ({ trace }: { readonly trace: string | undefined }) {
  const part = trace === undefined ? undefined : partOf(trace, "calendar")
  yield* traced(Effect.scoped(demo(trace)), part, "calendar")
  if (trace !== undefined) yield* gather(trace)
})

Command.make("demo", { trace: traceFlag }, demoCommand).pipe(
  Command.withDescription("Runs three guests as processes in lockstep and draws what happened"),
  Command.withSubcommands([guestCommand]),
  Command.run({ version: "0.1.0" }),
  // What went wrong is told to people, without a stack.
  Effect.catch((error) =>
    Effect.andThen(
      Console.error(`demo: ${error instanceof Error ? error.message : String(error)}`),
      Effect.sync(() => {
        process.exitCode = 1
      }),
    )
  ),
  Effect.provide(NodeServices.layer),
  NodeRuntime.runMain,
)
