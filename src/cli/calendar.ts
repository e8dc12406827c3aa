/**
 * `guest-clock calendar`: one clock for many processes.
 *
 * @module
 */
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import type * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { Command, Flag } from "effect/cli"
import process from "node:process"
import * as CalendarServer from "../calendar/CalendarServer.ts"
import * as Status from "../calendar/Status.ts"
import * as Watchdog from "../internal/calendar/Watchdog.ts"
import type { OptionError } from "../core/Fault.ts"
import { nextTurn } from "../internal/platform/EventLoop.ts"
import { inRealTime } from "../internal/platform/RealTime.ts"
import * as Tcp from "../internal/platform/Tcp.ts"
import type { CaptureFile } from "../internal/devices/CaptureFile.ts"
import * as Devices from "./devices.ts"
import { KEYS, type Order, orders, WORDS } from "./control.ts"
import { DEADLOCKED, Failed, WRONG } from "./exits.ts"
import * as Flags from "./flags.ts"
import { holdNobodyUp, speakJson, stderr, stdout } from "./output.ts"
import { printable } from "./printable.ts"

/** How often the progress line is drawn, in ms. */
const PROGRESS_MS = 200

const CLEAR_LINE = "\r\u001b[K"

/** Says something to people, as far as they read it. */
const say = (text: string): void => stderr.offer(stderr.isTerminal ? `${CLEAR_LINE}${text}\n` : `${text}\n`)

const sayJson = (event: string, value: object): void => stdout.offer(`${Status.toJson({ event, ...value })}\n`)

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
  const room = (process.stderr.columns || 80) - 1
  const withKeys = [KEYS, "? keys"].map((keys) => `${line}  ${keys}`).find(({ length }) => length <= room)
  return (withKeys ?? line).slice(0, room)
}

/** Draws a line about how it goes, over and over, where people look at a terminal. What is typed takes its place. */
const progress = (server: CalendarServer.CalendarServer, prompt: () => string | undefined) =>
  Effect.gen(function* () {
    let before: Before = { realMs: 0, grants: 0, time: 0n }
    while (true) {
      yield* Effect.sleep(PROGRESS_MS)
      const typed = prompt()
      // A terminal that was stopped isn't to be behind when it goes on.
      if (!stderr.isDrained()) continue
      const status = yield* server.status
      stderr.offer(`${CLEAR_LINE}${typed ?? progressLine(status, before)}`)
      before = { realMs: status.realMs, grants: status.grants, time: status.time }
    }
  }).pipe(Effect.ensuring(Effect.sync(() => stderr.offer(CLEAR_LINE))), inRealTime)

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

/** What is told about an order; not `ok` if it can't be obeyed. */
type Tell = (text: string, ok?: boolean) => void

/** How many steps and times may be waited for. */
const MOST_WAITING = 10_000

const obeying = (server: CalendarServer.CalendarServer, tell: Tell, showStatus: Effect.Effect<void>) => {
  let waiting = 0
  /** What waits keeps nobody from saying more; but it isn't for nothing. */
  const whileWaiting = <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<void, E> =>
    Effect.suspend(() => {
      if (waiting >= MOST_WAITING) return Effect.sync(() => tell(`${MOST_WAITING} orders wait already`, false))
      waiting++
      return Effect.asVoid(Effect.ensuring(effect, Effect.sync(() => waiting--)))
    })
  const tellTime = (what: string) => Effect.map(server.stats, ({ time }) => tell(`${what} ${Status.formatTime(time)}`))
  return (order: Order): Effect.Effect<void> => {
    switch (order._tag) {
      case "Pause":
        return Effect.map(server.pause, () => tell("paused"))
      case "Continue":
        return Effect.map(server.resume, () => tell("goes on"))
      case "Step":
        return whileWaiting(Effect.flatMap(
          server.step,
          (granted) => granted ? tellTime("one turn, to") : Effect.sync(() => tell("a step was called off", false)),
        ))
      case "Until":
        return whileWaiting(Effect.andThen(server.runUntil(order.time), tellTime("has come to"))).pipe(
          Effect.catch((error) => Effect.sync(() => tell(error.message, false))),
        )
      case "Pace":
        return server.setPace(order.factor).pipe(
          Effect.map(() => tell(order.factor === undefined ? "as fast as it goes" : `at the pace of ${order.factor}`)),
          Effect.catch((error) => Effect.sync(() => tell(error.message, false))),
        )
      case "Drop": {
        const { client } = order
        const name = Status.nameOf(
          typeof client === "bigint" ? { id: client, connection: 0 } : { id: undefined, ...client },
        )
        return Effect.map(server.drop(client, "you said so"), (count) => {
          if (count !== 1) tell(count === 0 ? `there is no ${name}` : `${count} clients were dropped`, count > 0)
        })
      }
      case "Status":
        return showStatus
      case "Unknown":
        return Effect.sync(() => tell(order.why, false))
      case "Help":
        return Effect.sync(() => tell(KEYS))
      case "Quit":
      case "Interrupt":
        return Effect.void
    }
  }
}

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
    Flag.withDescription(
      "The time of day at time 0: an ISO date, in UTC unless it says its zone, or ns since 1970. Default: 0",
    ),
    Flag.withDefault(0n),
  ),
  pace: Flags.factor("pace").pipe(
    Flag.withDescription("Simulated seconds a real second, 10^-9 to 10^9: 1 is real time. Default: as fast as it goes"),
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
  dropAfter: Flags.duration("drop-after").pipe(
    Flag.withDescription("Drop a client that has kept the turn for TIME of real time. Default: everybody waits for it"),
    Flag.optional,
  ),
  noSharedMemory: Flag.Boolean("no-shared-memory").pipe(
    Flag.withDescription(
      "Have clients on the unix socket work by messages only: none is offered the calendar's memory (docs/shared-memory.md)",
    ),
    Flag.withDefault(false),
  ),
  allowUser: Flag.String("allow-user").pipe(
    Flag.withMetavar("USER"),
    Flag.withDescription(
      "Let a user's clients connect to the unix socket beside your own: a name or a number. All others are refused",
    ),
    Flag.atLeast(0),
  ),
  ...Devices.flags,
  trace: Flags.trace,
  json: Flag.Boolean("json").pipe(
    Flag.withDescription(
      "Print reports, status and summary as lines of JSON; times are strings of ns, and IDs strings",
    ),
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
    command: "guest-clock calendar --socket /tmp/calendar.sock --clients 2 --net /tmp/lan.sock,latency=0.5ms",
    description: "Two kernels with virtio_uml.device=/tmp/lan.sock:1, on one network",
  },
  {
    command: "guest-clock calendar --tcp 4000 --until 90s --json",
    description: "A minute and a half for guests on TCP, for a program to read",
  },
]

interface Given {
  readonly socket: Option.Option<string>
  readonly tcp: Option.Option<Tcp.Address>
  readonly clients: number
  readonly maxClients: Option.Option<number>
  readonly start: bigint
  readonly pace: Option.Option<number>
  readonly until: Option.Option<bigint>
  readonly order: "first-come" | "by-id"
  readonly seed: Option.Option<number>
  readonly onDeadlock: "wait" | "end" | "fail"
  readonly slowTurn: bigint
  readonly dropAfter: Option.Option<bigint>
  readonly noSharedMemory: boolean
  readonly allowUser: ReadonlyArray<string>
  readonly net: Devices.Devices["nets"]
  readonly disk: Devices.Devices["disks"]
  readonly pcap: Option.Option<string>
  readonly json: boolean
}

/** How it can end. */
const ENDINGS = {
  left: "the last client has left",
  until: "there is nothing more to be granted up to the given time",
  deadlock: "nobody has asked for a time any more",
  quit: "you said so",
}

/** What of standard error nobody read, for people who look at the summary only. */
const unread = (lines: number): string =>
  lines === 0 ? "" : `${lines} lines for standard error were dropped, as nobody read them\n`

/** How many orders are begun in a row before clients have their turn. */
const ORDERS_PER_TURN = 100

/** Goes on in another turn of the event loop, after what has arrived from clients. */
const anotherTurn = Effect.callback<void>((resume) => {
  const cancel = nextTurn(() => resume(Effect.void))
  return Effect.sync(cancel)
})

const howItEnded = (exit: Exit.Exit<keyof typeof ENDINGS, unknown>): string =>
  exit._tag === "Success" ? exit.value : Cause.hasInterruptsOnly(exit.cause) ? "interrupted" : "failed"

const run = Effect.fnUntraced(function* (
  given: Given,
  tracing: Layer.Layer<never, OptionError>,
  frames: CaptureFile | undefined,
) {
  const { clients, start, order, seed, onDeadlock, slowTurn, json } = given
  const place = { ...Flags.given("path", given.socket), ...Flags.given("tcp", given.tcp) }
  if (place.path === undefined && place.tcp === undefined) {
    return yield* Effect.fail(new Failed("nowhere to listen: give --socket PATH, --tcp [HOST:]PORT, or both", WRONG))
  }
  if (frames !== undefined && given.net.length === 0) {
    return yield* Effect.fail(new Failed("--pcap is for the frames of networks: give --net PATH as well", WRONG))
  }
  yield* holdNobodyUp
  if (json) yield* speakJson
  let isOver = false
  const hasDevices = given.net.length + given.disk.length > 0
  const onReport = (report: CalendarServer.Report): void => {
    // Who is hung up on at the end is in the summary, as one who is there.
    if (isOver) return
    if (report._tag === "Left" || report._tag === "Dropped") nextTurn(() => Effect.runFork(whenAlone))
    const text = Watchdog.format(report)
    if (json) sayJson("report", { ...report, _tag: undefined, report: report._tag, text })
    else say(printable(text))
  }
  const server = yield* CalendarServer.make({
    ...place,
    ...Flags.given("maxClients", given.maxClients),
    // The devices are one more, and the first.
    clients: clients > 0 && hasDevices ? clients + 1 : clients,
    start,
    order: seed._tag === "Some" ? { seed: seed.value } : order,
    ...Flags.given("pace", given.pace),
    ...Flags.given("until", given.until),
    onDeadlock,
    sharedMemory: !given.noSharedMemory,
    users: given.allowUser,
    slowTurnAfter: Duration.nanos(slowTurn),
    ...given.dropAfter._tag === "Some" && { dropAfter: Duration.nanos(given.dropAfter.value) },
    onReport,
    // Reports are told here: the log of the server would say them twice.
  }).pipe(Effect.provide(Logger.layer([])), Effect.provide(yield* Layer.build(tracing)))

  const devices = hasDevices
    ? yield* Devices.host(
      server,
      { nets: given.net, disks: given.disk, captured: frames && { frames, start } },
      (report) => {
        const text = Devices.told(report)
        if (json) sayJson("device", { device: report.device, report: report._tag, text })
        else say(printable(text))
      },
    )
    : undefined
  /** When all others have left, the devices do. */
  const whenAlone = Effect.flatMap(
    server.status,
    ({ clients }) =>
      devices !== undefined && clients.every(({ from }) => from === Devices.GUEST) ? devices.leave : Effect.void,
  )
  const status = Effect.map(
    server.status,
    (status) => json ? sayJson("status", status) : say(Status.format(status)),
  )
  const tell: Tell = (text, ok = true) => json ? sayJson("control", { ok, text }) : say(printable(text))
  const where = [place.path, server.tcp && Tcp.format(server.tcp)].filter((each) => each !== undefined)
  const { withoutNative } = yield* server.status
  if (json) {
    const tcp = server.tcp && Tcp.format(server.tcp)
    sayJson("listening", { socket: place.path, tcp, pid: process.pid, withoutNative })
  } else {
    say(`listening on ${where.map(printable).join(" and ")}`)
    if (withoutNative !== undefined) say(`no client shares memory, and none is identified: ${printable(withoutNative)}`)
  }
  yield* onSignals(["SIGUSR1", "SIGINFO"], status)
  let prompt: string | undefined
  if (stderr.isTerminal && !json) yield* Effect.forkScoped(progress(server, () => prompt))

  const said = yield* Deferred.make<"quit">()
  const scope = yield* Effect.scope
  const obey = obeying(server, tell, status)
  const listening = orders((typed) => {
    prompt = typed
    if (stderr.isTerminal) stderr.offer(`${CLEAR_LINE}${typed ?? ""}`)
  })
  let count = 0
  // Each is begun in its turn, and waited for by nobody: what waits for a turn doesn't keep anybody from quitting.
  yield* Effect.forkScoped(Stream.runForEach(listening, (order): Effect.Effect<unknown> => {
    if (order._tag === "Quit") return Deferred.succeed(said, "quit")
    if (order._tag === "Interrupt") return Deferred.interrupt(said)
    const begun = Effect.forkIn(obey(order), scope, { startImmediately: true })
    return ++count % ORDERS_PER_TURN === 0 ? Effect.andThen(begun, anotherTurn) : begun
  }))
  // Devices that can't be leave the calendar, which may be its end.
  yield* Effect.raceAllFirst([devices?.failed ?? Effect.never, server.ended, Deferred.await(said)]).pipe(
    Effect.tap((why) => Effect.sync(() => json || say(`ended: ${ENDINGS[why]}`))),
    Effect.catchTag("CalendarDeadlock", (error) => Effect.fail(new Failed(error.message, DEADLOCKED))),
    Effect.onExit((exit) =>
      Effect.map(server.status, (status) => {
        isOver = true
        const linesDropped = { stdout: stdout.dropped(), stderr: stderr.dropped() }
        if (json) sayJson("summary", { ended: howItEnded(exit), ...status, linesDropped })
        else stdout.write(`${Status.formatSummary(status)}\n${unread(linesDropped.stderr)}`)
      })
    ),
  )
}, Effect.scoped)

/** The command. */
export const calendar = Command.make(
  "calendar",
  flags,
  (given) =>
    Flags.traced(
      given.trace,
      (tracing) => Devices.captured(given.pcap, (frames) => run(given, tracing, frames)),
    ),
).pipe(
  Command.withDescription(
    "One clock for many processes: guests in time-travel=ext mode, User-Mode Linux kernels and others, run one at a " +
      "time, in the order of their simulated time. While it runs, keys pause, step and inspect it; where its input is " +
      `no terminal, lines do: ${WORDS}; or lines of JSON, as {"order": "drop", "id": "7"}. SIGUSR1 shows its status. ` +
      "Nobody waits for what it prints: what isn't read is dropped, and counted. Exit codes: 0 ended, as it was told " +
      "or as the last client left; 1 it can't be as you said, or the trace or the captured frames aren't complete; 3 a deadlock, with " +
      "--on-deadlock fail; 129, 130, 143 ended by SIGHUP, SIGINT, SIGTERM, with summary and trace complete.",
  ),
  Command.withExamples(EXAMPLES),
)
