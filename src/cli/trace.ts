/**
 * `guest-clock trace`: looks at traces.
 *
 * @module
 */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import { Argument, Command, Flag } from "effect/cli"
import process from "node:process"
import { formatTime } from "../calendar/Status.ts"
import * as Trace from "../trace.ts"
import { exitWith, Failed, NO_TRACE } from "./exits.ts"
import { printable, printableJson, printableLines } from "./printable.ts"
import { formatSummary } from "./traceText.ts"

/** A trace in a file, whose records are read when they are gone through. */
const openOne = (path: string) =>
  Effect.mapError(Trace.open(path), (error) => new Failed(`${path}: ${error.message}`, NO_TRACE))

const sayCut = (files: ReadonlyArray<Trace.TraceFile>) =>
  Effect.forEach(
    files.filter(({ isCut }) => isCut),
    ({ path }) => Console.error(`guest-clock: the last line of ${printable(path)} was cut off, and is left out`),
  )

/** What is found wrong with a trace while it is gone through; and what was cut off is said. */
const going = <A>(files: ReadonlyArray<Trace.TraceFile>, go: () => A): Effect.Effect<A, Failed> =>
  Effect.gen(function* () {
    const made = yield* Effect.try({
      try: go,
      catch: (error) =>
        new Failed(`${files.map(({ path }) => path).join(", ")}: ${(error as Error).message}`, NO_TRACE),
    })
    yield* sayCut(files)
    return made
  })

/** A whole trace in memory. */
const readOne = Effect.fnUntraced(function* (path: string) {
  const file = yield* openOne(path)
  return yield* going([file], (): Trace.Trace => {
    const records = [...file.records]
    return { sources: file.sources, records, isCut: file.isCut }
  })
})

/** One trace in memory, or several as one. */
const readAll = (paths: ReadonlyArray<string>) =>
  Effect.map(Effect.forEach(paths, readOne), (traces) => traces.length === 1 ? traces[0]! : Trace.merge(traces))

/** One trace, or several as one, whose records are read when they are gone through. */
const openAll = Effect.fnUntraced(function* (paths: ReadonlyArray<string>) {
  const files = yield* Effect.forEach(paths, openOne)
  return { files, trace: files.length === 1 ? files[0]! : Trace.merged(files) }
})

const writeTo = Effect.fnUntraced(function* (path: string, pieces: Iterable<string>) {
  const fs = yield* FileSystem.FileSystem
  const encoder = new TextEncoder()
  yield* Effect.scoped(Effect.gen(function* () {
    const file = yield* fs.open(path, { flag: "w" })
    let text = ""
    for (const piece of pieces) {
      text += piece
      if (text.length < 1 << 20) continue
      yield* file.writeAll(encoder.encode(text))
      text = ""
    }
    yield* file.writeAll(encoder.encode(text))
  })).pipe(Effect.mapError((error) => new Failed(`can't write ${path}: ${error.message}`, NO_TRACE)))
})

const files = Argument.String("FILE").pipe(
  Argument.withDescription("A trace; several are looked at as one"),
  Argument.variadic({ min: 1 }),
)

const output = Flag.String("output").pipe(Flag.withAlias("o"), Flag.withMetavar("FILE"))

// ------------------------------------------------------------------------ summary

const summary = Command.make("summary", {
  files,
  json: Flag.Boolean("json").pipe(
    Flag.withDescription("Print it as JSON; times are strings of ns"),
    Flag.withDefault(false),
  ),
}, ({ files, json }) =>
  Effect.gen(function* () {
    const opened = yield* openAll(files)
    const made = yield* going(opened.files, () => Trace.summarize(opened.trace))
    yield* Console.log(
      json
        ? printableJson(JSON.stringify(made, (_, value) => typeof value === "bigint" ? String(value) : value, 2))
        : formatSummary(made, Math.min(process.stdout.columns ?? 100, 120)),
    )
  })).pipe(
    Command.withDescription("What each guest did, in numbers: turns, busy, waiting, and what it waited for."),
  )

// --------------------------------------------------------------------------- diff

const itemLine = (trace: Trace.Readable, sign: string, item: Trace.Item): string => {
  const source = trace.sources[item.record.source]!
  return `${sign} ${formatTime(item.time).padStart(14)}  ${printable(`${source.name} #${item.record.n}  ${item.text}`)}`
}

const formatDifference = (
  [a, b]: readonly [Trace.Readable, Trace.Readable],
  [nameA, nameB]: readonly [string, string],
  { where, same, before, a: itemA, b: itemB, afterA, afterB }: Trace.Difference,
): string => {
  const side = (trace: Trace.Readable, name: string, sign: string, item: Trace.Item | undefined) =>
    item === undefined ? `${sign} ${printable(name)} ends here` : itemLine(trace, sign, item)
  return [
    `the first difference is in ${printable(where)}, after ${same} that are the same:`,
    "",
    ...before.map((item) => itemLine(a, " ", item)),
    side(a, nameA, "-", itemA),
    side(b, nameB, "+", itemB),
    ...(afterA.length + afterB.length > 0 ? ["", "what follows:"] : []),
    ...afterA.map((item) => itemLine(a, "-", item)),
    ...afterB.map((item) => itemLine(b, "+", item)),
  ].join("\n")
}

/** Where a record is in a file, as editors count: in columns as if it were lines of text. */
const placeIn = (file: Trace.TraceFile, item: Trace.Item | undefined) =>
  item === undefined ? [] : [`${file.path}:${file.lineOf(item.place)}`]

const diff = Command.make("diff", {
  a: Argument.String("A"),
  b: Argument.String("B"),
  context: Flag.Int("context").pipe(
    Flag.withMetavar("N"),
    Flag.withDescription("How much to show before and after a difference. Default: 5"),
    Flag.withDefault(5),
  ),
  outline: Flag.Boolean("outline").pipe(
    Flag.withDescription("Compare what guests did and when, but not their messages, which may cross in real time"),
    Flag.withDefault(false),
  ),
}, ({ a, b, context, outline }) =>
  Effect.gen(function* () {
    if (context < 0) {
      return yield* Effect.fail(new Failed(`--context can't be ${context}: it is a number from 0 on`, NO_TRACE))
    }
    const traces = [yield* openOne(a), yield* openOne(b)] as const
    const { first, differing, compared } = yield* going(traces, () => Trace.diff(...traces, { context, outline }))
    if (first === undefined) {
      return yield* Console.log(`the same${outline ? ", apart from messages" : ""}: ${compared} compared`)
    }
    yield* Console.log(formatDifference(traces, [a, b], first))
    const places = [first.a, first.b].flatMap((item, index) => placeIn(traces[index]!, item))
    yield* Console.log(`\n${places.map(printable).join("  ")}`)
    if (differing.length > 1) yield* Console.log(`parts that differ: ${printable(differing.join("; "))}`)
    if (!outline && Trace.diff(...traces, { outline: true }).first === undefined) {
      yield* Console.log("what the guests did is the same, and when: only messages crossed in another order")
    }
    yield* exitWith(1)
  })).pipe(
    Command.withDescription(
      "Where two traces first differ in simulated time, with what was before and after. Real times don't count, nor " +
        "what the host's clocks were. Exit code 1 if they differ.",
    ),
  )

// ------------------------------------------------------------------------- replay

const formatDivergence = ({ position, record, what, recorded, replayed }: Trace.Replay.Divergence): string =>
  [
    `${printable(position.source.name)} #${record.n}, at ${formatTime(record.time)}: the ${what} differs`,
    `  ${printable(Trace.describe(record.what))}`,
    "recorded:",
    ...recorded.split("\n").map((line) => `  ${printable(line)}`),
    "replayed:",
    ...replayed.split("\n").map((line) => `  ${printable(line)}`),
    "the state before:",
    ...Trace.Replay.format(position.state).split("\n").map((line) => `  ${printable(line)}`),
  ].join("\n")

const replay = Command.make("replay", {
  files,
  source: Flag.String("source").pipe(
    Flag.withMetavar("NAME"),
    Flag.withDescription("Only this guest, or calendar"),
    Flag.optional,
  ),
  record: Flag.Int("record").pipe(
    Flag.withMetavar("N"),
    Flag.withDescription("Stop after so many records of it, and show the state there"),
    Flag.optional,
  ),
}, ({ files, source, record }) =>
  Effect.gen(function* () {
    const records = Option.getOrUndefined(record)
    if (records !== undefined && records < 0) {
      return yield* Effect.fail(new Failed(`--record can't be ${records}: it is a number from 0 on`, NO_TRACE))
    }
    const trace = yield* readAll(files)
    const named = trace.sources.filter(({ name }) => Option.isNone(source) || name === source.value)
    if (named.length === 0) {
      const names = trace.sources.map(({ name }) => name).join(", ")
      return yield* Effect.fail(
        new Failed(`there is no source ${Option.getOrThrow(source)}: there are ${names}`, NO_TRACE),
      )
    }
    for (const { source, name } of named) {
      const begun = yield* Effect.try({
        try: () => Trace.Replay.begin(trace, source),
        catch: (error) => new Failed((error as Error).message, NO_TRACE),
      })
      const end = Trace.Replay.advance(begun, records)
      if (Trace.Replay.isDivergence(end)) {
        yield* Console.log(formatDivergence(end))
        yield* exitWith(1)
        continue
      }
      yield* Console.log(
        `${printable(name)}: ${end.at} records, the same again, to ${formatTime(Trace.Replay.timeOf(end))}`,
      )
      if (records !== undefined) yield* Console.log(printableLines(Trace.Replay.format(end.state)))
    }
  })).pipe(
    Command.withDescription(
      "Goes through a trace again: what was recorded of each guest and calendar drives it alone, without the others, " +
        "and all that comes out is compared. Exit code 1 if something else comes out.",
    ),
  )

// ----------------------------------------------------------------- export, merge

const exporting = Command.make("export", {
  files,
  output: output.pipe(Flag.withDescription("The file to write; - is the output. Default: -"), Flag.withDefault("-")),
  time: Flag.Literals("time", ["simulated", "real"]).pipe(
    Flag.withDescription("Which time to draw it in. Default: simulated"),
    Flag.withDefault("simulated" as const),
  ),
}, ({ files, output, time }) =>
  Effect.flatMap(readAll(files), (trace) => {
    const pieces = Trace.chrome(Trace.timeline(trace), time)
    return output === "-" ? Console.log(printableJson([...pieces].join("").trimEnd())) : writeTo(output, pieces)
  })).pipe(Command.withDescription("The trace in the format of Chrome's trace viewer, for ui.perfetto.dev as well."))

const view = Command.make("view", {
  files,
  output: output.pipe(
    Flag.withDescription("The file to write. Default: the trace's name and .html"),
    Flag.optional,
  ),
  title: Flag.String("title").pipe(
    Flag.withMetavar("TEXT"),
    Flag.withDescription("What the page is called. Default: the trace's name"),
    Flag.optional,
  ),
  text: Flag.Boolean("text").pipe(
    Flag.withDescription("Draw it here, in the terminal, instead of as a page"),
    Flag.withDefault(false),
  ),
  messages: Flag.Int("messages").pipe(
    Flag.withMetavar("N"),
    Flag.withDescription("With --text, how many messages are drawn as arrows. Default: 24"),
    Flag.withDefault(24),
  ),
  compare: Flag.Boolean("compare").pipe(
    Flag.withDescription("Two runs on one axis, A and B, with their first difference marked"),
    Flag.withDefault(false),
  ),
}, ({ files, output, title, text, messages, compare }) =>
  Effect.gen(function* () {
    if (messages < 0) {
      return yield* Effect.fail(new Failed(`--messages can't be ${messages}: it is a number from 0 on`, NO_TRACE))
    }
    if (compare && files.length !== 2) {
      return yield* Effect.fail(new Failed(`--compare takes two traces, not ${files.length}`, NO_TRACE))
    }
    const opened = yield* openAll(files)
    const runs = compare
      ? yield* going(opened.files, () => Trace.compared(opened.files[0]!, opened.files[1]!))
      : undefined
    const trace = runs?.trace ?? opened.trace
    if (text) {
      const style = {
        width: process.stdout.isTTY ? Math.min(process.stdout.columns ?? 100, 160) : 100,
        // no-color.org: whatever it is, unless it is empty.
        colour: process.stdout.isTTY && !process.env["NO_COLOR"],
        messages,
        printable,
      }
      const lines = yield* going(opened.files, () => [...Trace.text(trace, style)])
      return yield* Console.log(lines.join("\n"))
    }
    const path = Option.getOrElse(output, () => `${files[0]}.html`)
    const name = Option.getOrElse(title, () => files.join(", ").replace(/^.*[/\\]/, ""))
    yield* writeTo(path, Trace.page(trace, { title: name, difference: runs?.difference })).pipe(
      Effect.catchDefect((error) =>
        error instanceof Trace.BadTrace
          ? Effect.fail(new Failed(`${files.join(", ")}: ${error.message}`, NO_TRACE))
          : Effect.die(error)
      ),
    )
    yield* sayCut(opened.files)
    yield* Console.error(`guest-clock: ${printable(path)} is there: open it in a browser`)
  })).pipe(
    Command.withDescription(
      "The trace as a page for a browser: one file that needs nothing else, and no network. With --text, as text.",
    ),
  )

const merge = Command.make(
  "merge",
  {
    files,
    output: output.pipe(Flag.withDescription("The file to write")),
  },
  ({ files, output }) =>
    Effect.flatMap(Effect.forEach(files, readOne), (traces) => Trace.save(output, Trace.merge(traces))).pipe(
      Effect.catchTag("OptionError", ({ message }) => Effect.fail(new Failed(message, NO_TRACE))),
      Effect.catchTag("BadTrace", ({ message }) => Effect.fail(new Failed(message, NO_TRACE))),
    ),
).pipe(
  Command.withDescription("Several traces as one: those of guests in processes of their own, and of their calendar."),
)

/** The command. */
export const trace = Command.make("trace").pipe(
  Command.withDescription(
    "Traces: what happened, in what order, and who waited for whom. Exit codes: 0; 1 where something differs; " +
      "2 a trace that can't be read, or a file that can't be written.",
  ),
  Command.withSubcommands([view, summary, diff, replay, exporting, merge]),
)
