/**
 * `guest-clock proxy`: sits between a calendar and its clients, and checks what they say.
 *
 * @module
 */
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import type * as Option from "effect/Option"
import { Command, Flag } from "effect/cli"
import process from "node:process"
import * as Proxy from "../calendar/Proxy.ts"
import { formatTime, toJson } from "../calendar/Status.ts"
import * as Breach from "../core/Breach.ts"
import { nameOf } from "../core/Message.ts"
import { NONE } from "../core/Nanos.ts"
import type { Place } from "../internal/platform/Dial.ts"
import * as Trace from "../trace.ts"
import { Failed, WRONG } from "./exits.ts"
import * as Flags from "./flags.ts"
import { flush, holdNobodyUp, speakJson, stderr, stdout } from "./output.ts"
import { printableLines } from "./printable.ts"

/** The exit code where a rule was broken. */
const BROKEN = 4

/** How many breaches of one connection are said: all are counted. */
const MOST_SAID = 100

const print = (line: string) => stdout.write(`${line}\n`)
const say = (line: string) => stderr.write(`${printableLines(line)}\n`)
const json = (event: string, value: object) => print(toJson({ event, ...value }))

const asJson = ({ rule, side, connection, id, message, time, detail }: Breach.Breach) => ({
  rule,
  sentence: Breach.Rule[rule],
  side,
  connection,
  id: id === NONE ? undefined : id,
  message: message && { op: nameOf(message.op), number: message.op, seq: message.seq, time: message.time },
  time,
  detail,
})

const plural = (count: number, what: string) => `${count} ${what}${count === 1 ? "" : "s"}`

const formatSummary = ({ connections, failed, messages, time, breaches, byRule }: Proxy.Summary): string =>
  [
    `${plural(connections, "connection")}, ${plural(messages, "message")}, to ${formatTime(time)}: ` +
    `${breaches} ${breaches === 1 ? "breach" : "breaches"}`,
    ...byRule.map(({ rule, side, breaches }) =>
      `${String(breaches).padStart(6)}  ${side}  ${rule}: ${Breach.Rule[rule]}`
    ),
    ...failed === 0 ? [] : [`${plural(failed, "connection")} couldn't be passed on`],
  ].join("\n")

/** Says when the process is told to end: it ends as it would by itself, and its exit code says what was found. */
const toldToEnd = Effect.gen(function* () {
  const over = yield* Deferred.make<Proxy.Ending | "told">()
  const end = () => Deferred.doneUnsafe(over, Effect.succeed("told"))
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    yield* Effect.acquireRelease(
      Effect.sync(() => process.on(signal, end)),
      () => Effect.sync(() => process.off(signal, end)),
    )
  }
  return over
})

const ENDINGS = {
  gone: "the calendar is gone, and nobody is connected",
  strict: "the calendar broke a rule",
  told: "it was told to",
}

const flags = {
  listen: Flags.place("listen").pipe(
    Flag.withDescription(
      "Where clients connect: a unix socket that is made at PATH, or TCP. Port 0 is any that is free",
    ),
  ),
  connect: Flags.place("connect").pipe(
    Flag.withDescription("Where the calendar is: its unix socket's PATH, or TCP"),
  ),
  trace: Flags.trace,
  strict: Flag.Boolean("strict").pipe(
    Flag.withDescription("End the connection of a client that breaks a rule, and all of them if the calendar does"),
    Flag.withDefault(false),
  ),
  json: Flag.Boolean("json").pipe(
    Flag.withDescription("Print breaches and summary as lines of JSON; times are strings of ns"),
    Flag.withDefault(false),
  ),
}

/** What is typed. */
interface Given {
  readonly listen: Place
  readonly connect: Place
  readonly trace: Option.Option<string>
  readonly strict: boolean
  readonly json: boolean
}

/** Runs until it ends or is told to: what it has seen then, when all is closed. */
const run = Effect.fnUntraced(
  function* ({ listen, connect, trace, strict, json: isJson }: Given) {
    // From the first moment on: whoever has started it may end it.
    const over = yield* toldToEnd
    const tracing = trace._tag === "Some" ? yield* Layer.build(Trace.toFile(trace.value)) : Context.empty()
    const said = new Map<number, number>()
    const made = yield* Proxy.make({ listen, connect, strict }, {
      onBreach: (breach) => {
        const times = (said.get(breach.connection) ?? 0) + 1
        said.set(breach.connection, times)
        if (times > MOST_SAID + 1) return
        if (times <= MOST_SAID) return isJson ? json("breach", asJson(breach)) : say(Breach.format(breach))
        const { connection } = breach
        if (isJson) json("silence", { connection })
        else say(`connection ${connection}: breaches after these ${MOST_SAID} are only counted`)
      },
      onFailure: ({ message }) => isJson ? json("failure", { text: message }) : say(message),
    }).pipe(Effect.provideContext(tracing))
    const [from, to] = [Proxy.formatPlace(made.address), Proxy.formatPlace(connect)]
    if (isJson) json("listening", { listen: from, connect: to, pid: process.pid })
    else say(`listening on ${from} for ${to}`)
    yield* Effect.forkScoped(Effect.flatMap(made.ended, (why) => Deferred.succeed(over, why)))
    const ended = yield* Deferred.await(over)
    const summary = yield* made.summary
    if (isJson) json("summary", { ended, ...summary })
    else {
      say(`ended: ${ENDINGS[ended]}`)
      print(formatSummary(summary))
    }
    return { ended, ...summary }
  },
  Effect.scoped,
)

/** The same, and what is wrong about it: said, if a signal has ended it, as whoever runs it would say something else. */
const runToEnd = Effect.fnUntraced(function* (given: Given) {
  yield* holdNobodyUp
  if (given.json) yield* speakJson
  const { ended, breaches, failed } = yield* run(given)
  const wrong = breaches > 0
    ? new Failed(`rules of the protocol were broken: ${plural(breaches, "time")}`, BROKEN)
    : failed > 0
    ? new Failed(`${plural(failed, "connection")} couldn't be passed on`, WRONG)
    : undefined
  if (ended === "told" && wrong !== undefined) say(`guest-clock: ${wrong.message}`)
  yield* flush()
  return { ended, wrong }
})

/** The command. */
export const proxy = Command.make(
  "proxy",
  flags,
  Effect.fnUntraced(function* (given) {
    const { ended, wrong } = yield* Fiber.join(yield* Effect.forkDetach(runToEnd(given)))
    // Or else the exit code would be the signal's.
    if (ended === "told") process.exit(wrong?.code ?? 0)
    return yield* wrong === undefined ? Effect.void : Effect.fail(wrong)
    // A signal interrupts all that is run here, but this is to end as it would by itself.
  }, Effect.uninterruptible),
).pipe(
  Command.withDescription(
    "Sits between a calendar and its clients, theirs or ours, passes everything on, and names each breach of the " +
      "protocol: which rule, by whom, with which message. It bridges unix sockets and TCP. Exit code 4 if a rule was " +
      "broken. It ends on SIGINT and SIGTERM, or when the calendar is gone and nobody is connected.",
  ),
  Command.withExamples([
    {
      command: "guest-clock proxy --listen /tmp/checked.sock --connect /tmp/calendar.sock --strict",
      description:
        "Clients that connect to checked.sock are on the calendar at calendar.sock, if they keep to the rules",
    },
    {
      command: "guest-clock proxy --listen /tmp/here.sock --connect there:4000 --trace run.ndjson",
      description: "A calendar on another machine as a unix socket, and what was said as a trace",
    },
  ]),
)
