/**
 * `guest-clock calendar`: one clock for many processes.
 *
 * @module
 */
import * as Cause from "effect/Cause"
import * as Console from "effect/Console"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Stream from "effect/Stream"
import { Command, Flag } from "effect/cli"
import process from "node:process"
import * as CalendarServer from "../controller/CalendarServer.ts"
import * as Status from "../controller/Status.ts"
import * as Watchman from "../controller/Watchman.ts"
import { inRealTime } from "../platform/RealTime.ts"
import * as Tcp from "../platform/Tcp.ts"
import * as Trace from "../trace/index.ts"
import { KEYS, type Order, orders } from "./control.ts"
import * as Flags from "./flags.ts"

/** What went wrong, with the exit code for it. */
export class Failed extends Error {
  readonly code: number
  constructor(message: string, code: number) {
    super(message)
    this.code = code
  }
}

/** The exit code of a deadlock that is a failure. */
const DEADLOCKED = 3

/** How often the progress line is drawn, in ms. */
const PROGRESS_MS = 200

const CLEAR_LINE = "\r\u001b[K"

/** Writes to where people look, not where the output goes. */
const say = (text: string) =>
  Effect.sync(() => process.stderr.write(process.stderr.isTTY ? `${CLEAR_LINE}${text}\n` : `${text}\n`))

const json = (event: string, value: object) => Console.log(Status.toJson({ event, ...value }))

interface Before {
  realMs: number
  grants: number
  time: bigint
}

/** `12.5 s  34× real time  1203 turns/s  client 2 runs`, as wide as the terminal. */
const progressLine = (status: Status.Status, before: Before): string => {
  const seconds = Math.max(1, status.realMs - before.realMs) / 1000
  const ratio = Number(status.time - before.time) / 1e9 / seconds
  const running = status.clients.find(({ state }) => state === "running")
  const who = status.missing > 0
    ? `waiting for ${status.missing} more clients`
    : running !== undefined
    ? `${Status.nameOf(running)} runs`
    : status.paused
    ? "paused"
    : status.deadlocked
    ? "nobody has asked for a time"
    : `${status.clients.length} clients wait`
  const turns = Math.round((status.grants - before.grants) / seconds)
  const line = [
    Status.formatTime(status.time),
    `${ratio >= 10 ? ratio.toFixed(0) : ratio.toPrecision(2)}× real time`,
    `${turns} turns/s`,
    who,
  ].join("  ")
  const room = (process.stderr.columns ?? 80) - 1
  const withKeys = [KEYS, "? keys"].map((keys) => `${line}  ${keys}`).find(({ length }) => length <= room)
  return (withKeys ?? line).slice(0, room)
}

/** Draws a line about how it goes, over and over, where people look at a terminal. */
const progress = (server: CalendarServer.CalendarServer) =>
  Effect.gen(function* () {
    let before: Before = { realMs: 0, grants: 0, time: 0n }
    while (true) {
      yield* Effect.sleep(PROGRESS_MS)
      const status = yield* server.status
      process.stderr.write(`${CLEAR_LINE}${progressLine(status, before)}`)
      before = { realMs: status.realMs, grants: status.grants, time: status.time }
    }
  }).pipe(Effect.ensuring(Effect.sync(() => process.stderr.write(CLEAR_LINE))), inRealTime)

/** Runs `effect` whenever the process is sent one of these signals, as far as the system has them. */
const onSignals = (signals: ReadonlyArray<string>, effect: Effect.Effect<void>) =>
  Effect.gen(function* () {
    const context = yield* Effect.context<never>()
    const run = () => Effect.runForkWith(context)(effect)
    for (const signal of signals) {
      yield* Effect.acquireRelease(
        Effect.try({ try: () => process.on(signal as NodeJS.Signals, run), catch: () => undefined }),
        () => Effect.sync(() => process.off(signal, run)),
      ).pipe(Effect.ignore)
    }
  })

const obey = (
  server: CalendarServer.CalendarServer,
  order: Order,
  tell: (text: string) => Effect.Effect<unknown>,
  showStatus: Effect.Effect<void>,
): Effect.Effect<unknown> => {
  switch (order._tag) {
    case "Pause":
      return Effect.andThen(server.pause, tell("paused"))
    case "Continue":
      return Effect.andThen(server.resume, tell("goes on"))
    case "Step":
      return Effect.andThen(
        server.step,
        Effect.flatMap(server.stats, ({ time }) => tell(`one turn, to ${Status.formatTime(time)}`)),
      )
    case "Until":
      return server.runUntil(order.time).pipe(
        Effect.andThen(Effect.flatMap(server.stats, ({ time }) => tell(`has come to ${Status.formatTime(time)}`))),
        Effect.catch((error) => tell(error.message)),
      )
    case "Pace":
      return Effect.catch(server.setPace(order.factor), (error) => tell(error.message))
    case "Status":
      return showStatus
    case "Unknown":
      return tell(order.why)
    case "Help":
      return tell(KEYS)
    case "Quit":
      return Effect.void
    case "Interrupt":
      return Effect.interrupt
  }
}

const isQuit = ({ _tag }: Order): boolean => _tag === "Quit"

const flags = {
  socket: Flag.String("socket").pipe(
    Flag.withMetavar("PATH"),
    Flag.withDescription("Listen on a unix socket at PATH; only you can connect to it"),
    Flag.optional,
  ),
  tcp: Flags.address("tcp").pipe(
    Flag.withDescription(
      "Listen on TCP; without a host only this machine can connect. Port 0 is any that is free. Whoever can connect " +
        "is let in, and all is sent in the clear: across machines, let ssh or TLS forward a --socket (docs/calendar.md)",
    ),
    Flag.optional,
  ),
  maxClients: Flag.Int("max-clients").pipe(
    Flag.withMetavar("N"),
    Flag.withDescription(
      "Refuse connections beyond N at a time. Default: as many as there can be descriptors (ulimit -n), less a reserve",
    ),
    Flag.optional,
  ),
  clients: Flag.Int("clients").pipe(
    Flag.withMetavar("N"),
    Flag.withDescription("Let nobody in before N clients have started. Default: 0"),
    Flag.withDefault(0),
  ),
  start: Flags.date("start").pipe(
    Flag.withDescription("The time of day at time 0: an ISO date, or ns since 1970. Default: 0"),
    Flag.withDefault(0n),
  ),
  pace: Flag.Finite("pace").pipe(
    Flag.withMetavar("FACTOR"),
    Flag.withDescription("Simulated seconds a real second: 1 is real time. Default: as fast as it goes"),
    Flag.optional,
  ),
  until: Flags.duration("until").pipe(
    Flag.withDescription("End when there is nothing more to be granted up to TIME, as 90s, 1.5ms, or ns"),
    Flag.optional,
  ),
  order: Flag.Literals("order", ["first-come", "by-id"]).pipe(
    Flag.withDescription("Who goes first of those who are to run at the same time. Default: first-come"),
    Flag.withDefault("first-come" as const),
  ),
  seed: Flag.Int("seed").pipe(
    Flag.withMetavar("N"),
    Flag.withDescription("Shuffle those who are to run at the same time: the same N gives the same order"),
    Flag.optional,
  ),
  onDeadlock: Flag.Literals("on-deadlock", ["wait", "end", "fail"]).pipe(
    Flag.withDescription(
      "When nobody has asked for a time: wait for the world, end, or fail with exit code 3. Default: wait",
    ),
    Flag.withDefault("wait" as const),
  ),
  slowTurn: Flags.duration("slow-turn").pipe(
    Flag.withDescription("Name a client that has kept the turn for TIME of real time. Default: 5s"),
    Flag.withDefault(5_000_000_000n),
  ),
  trace: Flags.trace,
  json: Flag.Boolean("json").pipe(
    Flag.withDescription("Print reports, status and summary as lines of JSON; times are strings of ns"),
    Flag.withDefault(false),
  ),
}

const EXAMPLES = [
  { command: "guest-clock calendar --socket /tmp/calendar.sock --clients 2", description: "Two guests in lockstep" },
  {
    command: "guest-clock calendar --socket /tmp/calendar.sock --pace 1 --start 2026-11-22T12:00:00Z",
    description: "At the pace of real time, from noon",
  },
  {
    command: "guest-clock calendar --tcp 4000 --until 90s --json",
    description: "A minute and a half for guests on TCP, for a program to read",
  },
]

/** The command. */
export const calendar = Command.make(
  "calendar",
  flags,
  Effect.fnUntraced(function* (given) {
    const { clients, start, order, seed, onDeadlock, slowTurn, json: asJson } = given
    const place = { ...Flags.given("path", given.socket), ...Flags.given("tcp", given.tcp) }
    if (place.path === undefined && place.tcp === undefined) {
      return yield* Effect.fail(new Failed("nowhere to listen: give --socket PATH, --tcp [HOST:]PORT, or both", 1))
    }
    const tracing = given.trace._tag === "Some" ? yield* Layer.build(Trace.toFile(given.trace.value)) : Context.empty()
    // Reports are told below: the log of the server would say them twice.
    const server = yield* CalendarServer.make({
      ...place,
      ...Flags.given("maxClients", given.maxClients),
      clients,
      start,
      order: seed._tag === "Some" ? { seed: seed.value } : order,
      ...Flags.given("pace", given.pace),
      ...Flags.given("until", given.until),
      onDeadlock,
      slowTurnAfter: Duration.nanos(slowTurn),
    }).pipe(Effect.provide(Logger.layer([])), Effect.provideContext(tracing))

    const status = Effect.flatMap(
      server.status,
      (status) => asJson ? json("status", status) : say(Status.format(status)),
    )
    const tell = (text: string) => asJson ? json("control", { text }) : say(text)
    yield* Effect.forkScoped(
      Stream.runForEach(
        server.reports,
        (report): Effect.Effect<unknown> =>
          asJson
            ? json("report", { ...report, _tag: undefined, report: report._tag, text: Watchman.format(report) })
            : say(Watchman.format(report)),
      ),
      { startImmediately: true },
    )
    const where = [place.path, server.tcp && Tcp.format(server.tcp)].filter((each) => each !== undefined)
    yield* asJson
      ? json("listening", { socket: place.path, tcp: server.tcp && Tcp.format(server.tcp), pid: process.pid })
      : say(`listening on ${where.join(" and ")}`)
    yield* onSignals(["SIGUSR1", "SIGINFO"], status)
    if (process.stderr.isTTY && !asJson) yield* Effect.forkScoped(progress(server))

    const quit = orders.pipe(
      Stream.takeUntil(isQuit),
      Stream.mapEffect((order) => Effect.as(obey(server, order, tell, status), isQuit(order)), {
        // A step that waits for something to be due doesn't keep anybody from saying more.
        concurrency: "unbounded",
      }),
      Stream.filter((quits) => quits),
      Stream.runHead,
      // The end of its input says nothing.
      Effect.flatMap((quits) => quits._tag === "Some" ? Effect.succeed("quit" as const) : Effect.never),
    )
    yield* Effect.raceFirst(server.ended, quit).pipe(
      Effect.tap((why) => asJson ? Effect.void : say(`ended: ${ENDINGS[why]}`)),
      Effect.catchTag("CalendarDeadlock", (error) => Effect.fail(new Failed(error.message, DEADLOCKED))),
      Effect.onExit((exit) =>
        Effect.flatMap(server.status, (status) =>
          asJson
            ? json("summary", {
              ended: exit._tag === "Success"
                ? exit.value
                : Cause.hasInterruptsOnly(exit.cause)
                ? "interrupted"
                : "failed",
              ...status,
            })
            : Console.log(Status.formatSummary(status)))
      ),
    )
  }, Effect.scoped),
).pipe(
  Command.withDescription(
    "One clock for many processes: guests in time-travel=ext mode, User-Mode Linux kernels and others, run one at a " +
      "time, in the order of their simulated time. While it runs, keys pause, step and inspect it; where its input is " +
      "no terminal, lines do: pause, continue, step, until TIME, pace FACTOR, status, quit. SIGUSR1 shows its status.",
  ),
  Command.withExamples(EXAMPLES),
)

const ENDINGS = {
  left: "the last client has left",
  until: "there is nothing more to be granted up to the given time",
  deadlock: "nobody has asked for a time any more",
  quit: "you said so",
}
