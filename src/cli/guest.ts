/**
 * `guest-clock guest`: a guest that runs a script, on any calendar.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Argument, CliError, Command, Flag } from "effect/cli"
import * as Revisions from "../core/Revisions.ts"
import { formatTime } from "../calendar/Status.ts"
import * as GuestClock from "../GuestClock.ts"
import * as Mode from "../Mode.ts"
import { inRealTime } from "../internal/platform/RealTime.ts"
import * as Trace from "../trace.ts"
import { Failed, WRONG } from "./exits.ts"
import * as Flags from "./flags.ts"
import { holdNobodyUp, stdout } from "./output.ts"
import { DURATIONS, parseDuration } from "./times.ts"

/** One thing to do. */
export type Step =
  /** Idle for so many ns: others have their turns. */
  | { readonly _tag: "Sleep"; readonly nanos: bigint }
  /** Busy for so many ns. */
  | { readonly _tag: "Busy"; readonly nanos: bigint }
  /** Keeps its turn for so many ns of real time: simulated time stands still for everybody. */
  | { readonly _tag: "Block"; readonly nanos: bigint }
  | { readonly _tag: "Say"; readonly text: string }
  /** Tells the calendar how far it has come. */
  | { readonly _tag: "Update" }
  /** All steps before it, so many times in all. */
  | { readonly _tag: "Repeat"; readonly times: number }

const STEPS =
  "a step is sleep TIME, busy TIME, block TIME, say TEXT, update, or repeat N (all steps before it, N times in all)"

/** Reads a step; says what is wrong with one that is none. */
export const parseStep = (text: string): Step | string => {
  const [word = "", ...rest] = text.trim().split(/\s+/)
  const argument = rest.join(" ")
  const timed = (_tag: "Sleep" | "Busy" | "Block"): Step | string => {
    const nanos = parseDuration(argument)
    return nanos === undefined ? `${text}: ${DURATIONS}` : { _tag, nanos }
  }
  switch (word) {
    case "sleep":
      return timed("Sleep")
    case "busy":
      return timed("Busy")
    case "block":
      return timed("Block")
    case "say":
      return { _tag: "Say", text: argument }
    case "update":
      return argument === "" ? { _tag: "Update" } : `${text}: update takes nothing`
    case "repeat":
      return /^\d+$/.test(argument) && Number.isSafeInteger(Number(argument))
        ? { _tag: "Repeat", times: Number(argument) }
        : `${text}: N is a whole number, up to 9007199254740991`
    default:
      return `${JSON.stringify(text)}: ${STEPS}`
  }
}

const steps = Argument.String("step").pipe(
  Argument.withDescription(`What to do, in this order: ${STEPS}`),
  Argument.mapEffect((text) => {
    const step = parseStep(text)
    return typeof step === "string"
      ? Effect.fail(new CliError.InvalidValue({ option: "step", value: text, expected: step, kind: "argument" }))
      : Effect.succeed(step)
  }),
  Argument.variadic({ min: 1 }),
)

/** Sleeps for good, however often something else wakes it. */
const sleepFor = (clock: GuestClock.GuestClock, nanos: bigint) =>
  Effect.gen(function* () {
    let isOver = false
    const alarm = GuestClock.event("alarm", () => {
      isOver = true
    })
    yield* clock.addEvent(alarm, (yield* clock.now) + nanos)
    while (!isOver) yield* clock.sleep
  })

/** What a script comes to: steps, and what is done so many times. */
export type Part = Exclude<Step, { readonly _tag: "Repeat" }> | {
  readonly _tag: "Times"
  readonly times: number
  readonly parts: ReadonlyArray<Part>
}

/** Puts what is repeated inside its repetition: `a, repeat 2, b, repeat 3` is three times a, a and b. */
export const compile = (steps: ReadonlyArray<Step>): ReadonlyArray<Part> => {
  let parts: ReadonlyArray<Part> = []
  let since: Array<Part> = []
  for (const step of steps) {
    if (step._tag !== "Repeat") {
      since.push(step)
      continue
    }
    const all = [...parts, ...since]
    since = []
    // What does nothing would do that for good, and nobody could interrupt it.
    parts = step.times === 0 || all.length === 0
      ? []
      : step.times === 1
      ? all
      : [{ _tag: "Times", times: step.times, parts: all }]
  }
  return [...parts, ...since]
}

type Print = (text: string) => Effect.Effect<void>

const perform = (clock: GuestClock.GuestClock, part: Part, print: Print): Effect.Effect<void, unknown> => {
  switch (part._tag) {
    case "Sleep":
      return Effect.andThen(sleepFor(clock, part.nanos), print(`slept ${formatTime(part.nanos)}`))
    case "Busy":
      return Effect.andThen(clock.ndelay(part.nanos), print(`was busy for ${formatTime(part.nanos)}`))
    case "Block":
      return Effect.andThen(
        inRealTime(Effect.sleep(Number(part.nanos) / 1e6)),
        print(`kept everybody waiting for ${formatTime(part.nanos)}`),
      )
    case "Say":
      return print(part.text)
    case "Update":
      return clock.propagateTime
    case "Times":
      return Effect.gen(function* () {
        for (let round = 0; round < part.times; round++) yield* performAll(clock, part.parts, print)
      })
  }
}

const performAll = (clock: GuestClock.GuestClock, parts: ReadonlyArray<Part>, print: Print) =>
  Effect.forEach(parts, (part) => perform(clock, part, print), { discard: true })

const script = (parts: ReadonlyArray<Part>, name: string) =>
  Effect.gen(function* () {
    const clock = yield* GuestClock.GuestClock
    // It may have the turn while it prints: nobody waits for a reader that doesn't read.
    const print = (text: string) =>
      Effect.flatMap(
        Effect.orDie(clock.now),
        (now) => stdout.put(`${name}  ${formatTime(now).padStart(14)}  ${text}\n`),
      )
    yield* performAll(clock, parts, print)
  })

/** The command. */
export const guest = Command.make(
  "guest",
  {
    steps,
    socket: Flag.String("socket").pipe(
      Flag.withMetavar("PATH"),
      Flag.withDescription("The calendar's unix socket"),
      Flag.optional,
    ),
    tcp: Flags.address("tcp").pipe(Flag.withDescription("The calendar's address on TCP"), Flag.optional),
    id: Flags.id("id").pipe(Flag.withDescription("Who it is to the calendar. Default: nobody"), Flag.optional),
    revision: Flag.Literals("revision", Revisions.names).pipe(
      Flag.withDescription("Whose clock it has: that of Linux 5.8, 6.1 or 6.12. Default: 5.8"),
      Flag.optional,
    ),
    noSharedMemory: Flag.Boolean("no-shared-memory").pipe(
      Flag.withDescription("Work by messages only, also where the calendar offers its memory"),
      Flag.withDefault(false),
    ),
    trace: Flags.trace,
  },
  Effect.fnUntraced(function* ({ steps, socket, tcp, id, revision, trace, noSharedMemory }) {
    const place = socket._tag === "Some" ? socket.value : tcp._tag === "Some" ? tcp.value : undefined
    if (place === undefined || socket._tag === tcp._tag) {
      const why = "where is the calendar? give either --socket PATH or --tcp [HOST:]PORT"
      return yield* Effect.fail(new Failed(why, WRONG))
    }
    const name = id._tag === "Some" ? `guest ${id.value}` : "guest"
    const mode = Mode.external({
      socket: place,
      sharedMemory: !noSharedMemory,
      ...Flags.given("id", id),
      ...Flags.given("revision", revision),
    })
    yield* holdNobodyUp
    yield* Flags.traced(trace, (tracing) => {
      const traced = Layer.merge(tracing, Trace.named(name))
      return Effect.provide(script(compile(steps), name), Layer.provide(mode, traced))
    })
  }, Effect.scoped),
).pipe(
  Command.withDescription(
    "A guest on a calendar that does as it is told, for trying things out: it prints its own time beside each step. " +
      "Exit codes: 0 all was done; 1 it can't be as you said, the calendar hung up, or the trace isn't complete; " +
      "129, 130, 143 ended by SIGHUP, SIGINT, SIGTERM.",
  ),
  Command.withExamples([
    {
      command: 'guest-clock guest --socket /tmp/calendar.sock --id 1 "sleep 1s" "say tick" "repeat 10"',
      description: "Ten ticks, a simulated second apart",
    },
    {
      command: 'guest-clock guest --tcp 4000 "busy 5ms" "block 10s" "say there"',
      description: "Keeps everybody waiting: see what the calendar says",
    },
  ]),
)
