/**
 * The calendar as a server: one clock for guests in this process, on this machine
 * and on others.
 *
 * {@link make} listens on a unix socket, on TCP, or both, and {@link CalendarServer.link}
 * is for guests in the same program. {@link serve} takes connections of any kind.
 *
 * ## Theory of operation
 *
 * *Everything that matters happens at once,* in a {@link Interpreter}. No transition waits for anything.
 *
 * *What a connection brings is handled as it arrives,* and what is in its queue then is
 * written at once, in one write. A client that doesn't read delays nobody but itself,
 * and is dropped when its queue is longer than {@link MAX_QUEUED}. A socket of
 * another kind than this runtime's has a fiber that reads and one that writes. A guest in this
 * process has no connection: its messages are handled as it writes them.
 *
 * @module
 */
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as PubSub from "effect/PubSub"
import * as Scope from "effect/Scope"
import type * as Socket from "effect/socket/Socket"
import * as Stream from "effect/Stream"
import type * as Net from "node:net"
import { OptionError } from "../core/Fault.ts"
import * as Nanos from "../core/Nanos.ts"
import * as SharedMemory from "../core/SharedMemory.ts"
import type * as Schedule from "../internal/core/Schedule.ts"
import { Admission } from "../internal/platform/Admission.ts"
import { clock, inRealTime } from "../internal/platform/RealTime.ts"
import * as Peer from "../internal/platform/native/Peer.ts"
import { listen, ListenError } from "../internal/platform/SocketFile.ts"
import type { Address } from "../internal/platform/Tcp.ts"
import * as TcpServer from "../internal/platform/TcpServer.ts"
import { badDuration, badPace, badUntil } from "../internal/services/Checks.ts"
import type { Link } from "../services/Link.ts"
import * as Connections from "../internal/calendar/Connections.ts"
import * as DeadClients from "../internal/calendar/DeadClients.ts"
import * as Natives from "../internal/calendar/Natives.ts"
import * as RunControl from "../internal/calendar/RunControl.ts"
import { nameOf, type Status } from "./Status.ts"
import { type Grant, Interpreter } from "../internal/calendar/Interpreter.ts"
import * as TurnLimit from "../internal/calendar/TurnLimit.ts"
import * as Watchdog from "../internal/calendar/Watchdog.ts"

export { MAX_QUEUED } from "../internal/calendar/Interpreter.ts"
export { type Grant, ListenError }
export { CalendarDeadlock, type Report, type WaitingGuest } from "../internal/calendar/Watchdog.ts"
export type { ClientStatus, Status } from "./Status.ts"
export type { Address } from "../internal/platform/Tcp.ts"

/**
 * The statistics of a server: turns, messages, clients, and its time.
 *
 * @since 0.1.0
 * @category models
 */
export interface Stats {
  /** Messages from clients and to them, ACKs included. */
  readonly messages: number
  /** How often a client was told to run. */
  readonly grants: number
  /** The calendar's time, in ns. */
  readonly time: bigint
  /** Those connected now. */
  readonly clients: number
}

/**
 * How a calendar came to its end.
 *
 * @since 0.1.0
 * @category models
 */
export type Ending =
  /** The last client has left. */
  | "left"
  /** There is nothing more to be granted up to the option `until`. */
  | "until"
  /** Nobody has asked for a time any more, and the option `onDeadlock` is `end`. */
  | "deadlock"

/**
 * A running calendar. Times are its own, in ns.
 *
 * @since 0.1.0
 * @category models
 */
export interface CalendarServer extends Omit<RunControl.RunControl, "state"> {
  /**
   * Ends when the last client has left, or as the options say. The server goes on until its
   * scope closes.
   */
  readonly ended: Effect.Effect<Ending, Watchdog.CalendarDeadlock>
  readonly stats: Effect.Effect<Stats>
  /** What it does, and who it waits for. */
  readonly status: Effect.Effect<Status>
  /**
   * Hangs up on all clients with this ID, or on the one on this connection, at once; how many they were. The others
   * go on without them. `why` is what status, reports and trace say: by default, that somebody said so.
   */
  readonly drop: (client: bigint | { readonly connection: number }, why?: string) => Effect.Effect<number>
  /** Reports: clients that join, leave or are dropped, and long waits. At most 1,024 are kept for a slow reader. */
  readonly reports: Stream.Stream<Watchdog.Report>
  /**
   * A guest's end of a connection in this process, without a socket, until the scope closes.
   * The name says in reports where it comes from.
   */
  readonly link: (name?: string) => Effect.Effect<Link, never, Scope.Scope>
  /** Serves one client that has connected in another way, until it leaves or is disconnected. */
  readonly accept: (socket: Socket.Socket, from?: string) => Effect.Effect<void>
  /** Where it listens on TCP, if it does: the port is the one that was free. */
  readonly tcp: Required<Address> | undefined
}

/**
 * The calendar of a program as a service: {@link layer} makes one.
 *
 * @category services
 * @since 0.2.0
 */
export const CalendarServer: Context.Service<CalendarServer, CalendarServer> = Context.Service<CalendarServer>(
  "guest-clock/CalendarServer",
)

/**
 * The options of a calendar.
 *
 * @since 0.1.0
 * @category models
 */
export interface ServeOptions {
  /** The expected number of clients: nobody is let in before as many have started. Default: 0. */
  readonly clients?: number
  /** The time of day at calendar time 0, in ns since 1970. Default: 0. */
  readonly start?: bigint
  /** The order of clients that are to run at the same time. Default: `first-come`. */
  readonly order?: "first-come" | "by-id" | { readonly seed: number }
  /** Simulated seconds a real second, 10^-9 to 10^9: 1 is real time. Default: as fast as it goes. */
  readonly pace?: number
  /** Ends when there is nothing more to be granted up to this time, in ns. Default: no end. */
  readonly until?: bigint
  /** Real time after which a client that keeps the turn is reported by name. Default: 5 seconds. */
  readonly slowTurnAfter?: Duration.Input
  /** Real time after which a client that keeps the turn is dropped. Default: it is waited for, however long. */
  readonly dropAfter?: Duration.Input
  /** Real time after which clients that are missing are reported. Default: 5 seconds. */
  readonly missingAfter?: Duration.Input
  /** Real time for which nobody asks for a time before that is a deadlock. Default: 1 second. */
  readonly deadlockAfter?: Duration.Input
  /** What a deadlock is: reported, but the world may still interrupt a client; the end; or a failure. Default: `wait`. */
  readonly onDeadlock?: "wait" | "end" | "fail"
  /** Told of each turn that is granted, at once. */
  readonly onGrant?: (grant: Grant) => void
  /** Told of each report at once, before the next thing happens: of who has left before `ended` ends. */
  readonly onReport?: (report: Watchdog.Report) => void
}

const wrong = (option: string, given: unknown, allowed: string) => new OptionError(option, given, allowed)

const badWhole = (option: string, given: number | undefined, most: number): OptionError | undefined =>
  given === undefined || Number.isInteger(given) && given >= 0 && given <= most
    ? undefined
    : wrong(option, given, `it is a whole number from 0 to ${most}`)

const badStart = (start: bigint | undefined): OptionError | undefined => {
  const time = Nanos.make(start ?? 0n)
  return Nanos.isMisuse(time) ? wrong("start", start, time.message) : undefined
}

/** Checks how long it waits for something, and returns what is wrong. */
const badPatience = (options: ServeOptions): OptionError | undefined => {
  for (const option of ["slowTurnAfter", "missingAfter", "deadlockAfter", "dropAfter"] as const) {
    const { [option]: given } = options
    if (given !== undefined && badDuration(option, given) !== undefined) {
      return wrong("a duration", given, `${option} is a duration from 0 on, as "5 seconds" or a number of ms`)
    }
  }
  const { dropAfter } = options
  return dropAfter !== undefined && Duration.isZero(Duration.fromInputUnsafe(dropAfter))
    ? wrong("dropAfter", dropAfter, "nobody could have the turn: it is longer than 0")
    : undefined
}

/** Checks the options, and returns what is wrong. */
const badIn = ({ clients, start, order, pace, until, ...options }: ServeOptions): OptionError | undefined =>
  badWhole("clients", clients, Number.MAX_SAFE_INTEGER) ?? badStart(start) ??
    badWhole("seed", typeof order === "object" ? order.seed : undefined, 0xffff_ffff) ?? badPace(pace) ??
    (until === undefined ? undefined : badUntil(until)) ?? badPatience(options)

const orders = { "first-come": { _tag: "FirstCome" }, "by-id": { _tag: "ById" } } as const

const orderOf = (order: ServeOptions["order"] = "first-come"): Schedule.Order =>
  typeof order === "string" ? orders[order] : { _tag: "Shuffled", seed: order.seed }

const REPORTS_KEPT = 1024

/** How many clients can share the memory: all of them are looked at with each message. */
const [DEFAULT_SHARING, MOST_SHARING] = [63, 4095]

/**
 * A calendar for whatever connections it is handed, and for guests in the same
 * program, until the scope closes. It runs in real time, on whatever clock its caller is.
 *
 * **When to use**
 *
 * Use it where all guests are in this program, or where you accept connections yourself.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { Mode, VirtualTime } from "guest-clock"
 * import * as CalendarServer from "guest-clock/calendar/CalendarServer"
 *
 * const program = Effect.gen(function*() {
 *   const calendar = yield* CalendarServer.serve({ clients: 2 })
 *   const guest = (name: string, ms: number) =>
 *     VirtualTime.run(Effect.andThen(Effect.sleep(ms), Effect.sync(() => console.log(name)))).pipe(
 *       Effect.provide(Mode.linked(calendar.link(name))),
 *     )
 *   yield* Effect.all([guest("second", 20), guest("first", 10)], { concurrency: 2 })
 *   console.log((yield* calendar.stats).time)
 * })
 * await Effect.runPromise(Effect.scoped(program))
 * // first
 * // second
 * // 20000000n
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const serve = (options: ServeOptions = {}): Effect.Effect<CalendarServer, OptionError, Scope.Scope> =>
  inRealTime(Effect.map(serving(options, undefined), ({ server }) => server))

/** `admission` is what decides who may connect, where it listens. */
const serving = (
  options: ServeOptions,
  admission: Admission | undefined,
): Effect.Effect<{ readonly board: Interpreter; readonly server: CalendarServer }, OptionError, Scope.Scope> =>
  Effect.gen(function* () {
    const bad = badIn(options)
    if (bad !== undefined) return yield* Effect.fail(bad)
    const { clients, start, until, pace, onDeadlock = "wait" } = options
    const patience = {
      slowTurnAfter: Duration.fromInputUnsafe(options.slowTurnAfter ?? "5 seconds"),
      missingAfter: Duration.fromInputUnsafe(options.missingAfter ?? "5 seconds"),
      deadlockAfter: Duration.fromInputUnsafe(options.deadlockAfter ?? "1 second"),
    }
    const ended = yield* Deferred.make<Ending, Watchdog.CalendarDeadlock>()
    const reports = yield* PubSub.sliding<Watchdog.Report>(REPORTS_KEPT)
    const context = yield* Effect.context<never>()
    const log = Effect.runForkWith(context)
    const say = (report: Watchdog.Report) => {
      board.trace?.note(board.calendar.time, { _tag: "Report", name: report._tag, text: Watchdog.format(report) })
      options.onReport?.(report)
      PubSub.publishUnsafe(reports, report)
      if (Watchdog.isWarning(report)) log(Effect.logWarning(Watchdog.format(report)))
    }
    const board: Interpreter = new Interpreter(
      {
        order: orderOf(options.order),
        ...clients !== undefined && { clients },
        ...start !== undefined && { start },
        ...until !== undefined && { allowance: { until } },
      },
      {
        onNews: say,
        onScribbled: (breach) => say({ _tag: "Scribbled", what: SharedMemory.describe(breach) }),
        onEnded: () => Deferred.doneUnsafe(ended, Effect.succeed("left")),
        onGrant: options.onGrant,
      },
      context,
    )
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        board.stop()
        board.trace?.end(board.calendar)
      })
    )
    if (admission !== undefined) admission.onRefused = (refusal) => say({ _tag: "Refused", ...refusal })
    const { state, ended: hasReached, ...runControl } = yield* RunControl.make(board, clock, until)

    const status = (): Status => {
      return {
        time: board.calendar.time,
        realMs: board.realMs,
        grants: board.grants,
        sharedGrants: board.sharedGrants,
        messages: board.messages,
        missing: board.missing,
        deadlocked: board.isDeadlocked,
        ...state(),
        withoutNative: board.withoutNative,
        clients: board.status(),
        left: board.left.all,
        ending: board.endings.status(),
        maxClients: admission?.most,
        refused: admission?.refused ?? 0,
      }
    }
    const notice = (report: Watchdog.Report): void => {
      // While its clients leave, a calendar that has ended may come to rest once more.
      if (report._tag === "Deadlock" && onDeadlock !== "wait" && Deferred.isDoneUnsafe(ended)) return
      say(report)
      if (report._tag !== "Deadlock" || onDeadlock === "wait") return
      const ending = onDeadlock === "end"
        ? Effect.succeed<Ending>("deadlock")
        : Effect.fail(new Watchdog.CalendarDeadlock(report.clients, report.time))
      Deferred.doneUnsafe(ended, ending)
    }
    const stopWatching = Watchdog.watch(board, patience, status, notice)
    yield* Effect.addFinalizer(() => Effect.sync(stopWatching))
    if (options.dropAfter !== undefined) yield* TurnLimit.limit(board, Duration.toMillis(options.dropAfter))
    if (until !== undefined) {
      yield* Effect.forkScoped(Effect.andThen(hasReached, Deferred.succeed(ended, "until")), { startImmediately: true })
    }
    if (pace !== undefined) yield* runControl.setPace(pace)

    const server: CalendarServer = {
      ...runControl,
      accept: (socket, from = "a socket") => Connections.accept(board, socket, from),
      link: (name = "this process") => Connections.link(board, name),
      tcp: undefined,
      ended: Deferred.await(ended),
      status: Effect.sync(status),
      drop: (client, why = "somebody said so") =>
        Effect.sync(() => {
          const meant = board.peers.filter(({ id, key }) =>
            typeof client === "bigint" ? id === client : key === client.connection
          )
          for (const peer of meant) {
            board.drop(peer, `${nameOf({ id: peer.id, connection: peer.key })} was dropped: ${why}`)
          }
          return meant.length
        }),
      reports: Stream.fromPubSub(reports),
      stats: Effect.sync(() => ({
        messages: board.messages,
        grants: board.grants,
        time: board.calendar.time,
        clients: board.size,
      })),
    }
    return { board, server }
  })

/**
 * The options of a server that listens.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options extends ServeOptions {
  /** The path of a unix socket to listen on: at most 107 bytes. */
  readonly path?: string
  /** Where to listen on TCP. Every process that can connect there is let in: there is neither authentication nor encryption. */
  readonly tcp?: Address
  /**
   * The most connections at a time, those included that are being ended; more are closed at once, counted, and
   * reported. Default: as many as this process may have descriptors (`ulimit -n`), but for those it has already and 64
   * (an eighth, where that is fewer); 1,000 where the system doesn't tell that.
   */
  readonly maxClients?: number
  /**
   * Whether clients on the unix socket are offered the calendar's memory, so that a turn takes two messages
   * (docs/shared-memory.md). It is there on Linux where libc can be called. Default: yes.
   */
  readonly sharedMemory?: boolean
  /** How many clients can share the memory at a time, 1 to 4,095: all others work by messages. Default: 63. */
  readonly maxSharing?: number
  /**
   * Users of this system who may connect to the unix socket beside the one who runs this: names, or numbers. All others
   * are refused, `root` as well. With any, native calls are needed, as nothing else tells who connects. Default: none.
   */
  readonly users?: ReadonlyArray<string | number>
}

/**
 * A calendar that listens on a unix socket, on TCP, or both, until the scope closes;
 * then it hangs up and the socket's file is gone.
 *
 * Only the user who runs it can connect to its unix socket; on TCP everybody can who reaches it. What can't be listened on,
 * because another server does for example, is a `ListenError` that says why, and options
 * that can't be are an `OptionError`; a socket file that was left behind is replaced. A
 * client that breaks a rule is disconnected, with a warning in the log.
 *
 * **When to use**
 *
 * Use it to run a calendar for other processes from a program; `guest-clock calendar` is the same as a command.
 *
 * @example
 * ```ts no-run
 * import { Console, Effect } from "effect"
 * import * as CalendarServer from "guest-clock/calendar/CalendarServer"
 *
 * const program = Effect.gen(function* () {
 *   const server = yield* CalendarServer.make({ path: "/run/calendar.sock", clients: 2 })
 *   yield* server.ended
 *   const { time, grants } = yield* server.stats
 *   yield* Console.log(`${grants} turns, to ${time} ns`)
 * })
 * Effect.runPromise(Effect.scoped(program))
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options): Effect.Effect<CalendarServer, ListenError | OptionError, Scope.Scope> =>
  inRealTime(Effect.gen(function* () {
    const scope = yield* Effect.scope
    const { maxClients } = options
    if (maxClients !== undefined && !(Number.isSafeInteger(maxClients) && maxClients >= 1)) {
      return yield* Effect.fail(wrong("maxClients", maxClients, "it is a whole number from 1 on"))
    }
    const { maxSharing = DEFAULT_SHARING } = options
    if (!(Number.isInteger(maxSharing) && maxSharing >= 1 && maxSharing <= MOST_SHARING)) {
      return yield* Effect.fail(wrong("maxSharing", maxSharing, `it is a whole number from 1 to ${MOST_SHARING}`))
    }
    const users: Array<number> = []
    for (const user of options.users ?? []) {
      const known = Peer.userOf(String(user))
      if (known === undefined) {
        return yield* Effect.fail(wrong("users", user, "it is the name of a user of this system, or a number"))
      }
      users.push(known)
    }
    const admission = new Admission(maxClients)
    const { board, server } = yield* serving(options, admission)
    const attend = (connection: Net.Socket, from: string) => Connections.attend(board, connection, from)
    const native = options.path === undefined
      ? undefined
      : yield* Natives.make(options.sharedMemory === false ? 0 : maxSharing, users)
    if (typeof native === "string") {
      if (users.length > 0) {
        return yield* Effect.fail(wrong("users", options.users, `whose a client is can't be told: ${native}`))
      }
      board.withoutNative = native
    } else if (native !== undefined) {
      board.share(native.memory, maxSharing + 1)
      // Before the memory goes.
      yield* Effect.addFinalizer(() => Effect.sync(() => board.sharing?.stop()))
    }
    // First hang up, and then forget: who connects last finds no half of a server.
    const listening = yield* Scope.fork(scope)
    const unix = options.path === undefined
      ? undefined
      : yield* Scope.provide(listen(options.path, admission, users.length > 0), listening)
    const tcp = options.tcp === undefined
      ? undefined
      : yield* Scope.provide(TcpServer.listen(options.tcp, admission), listening)
    const attendUnix = (connection: Net.Socket): Effect.Effect<void> => {
      const extras = typeof native === "object" ? native.attended(connection) : {}
      if (typeof extras === "object") return Connections.attend(board, connection, "unix", extras)
      return Effect.sync(() => admission.refuse(connection, extras))
    }
    if (unix !== undefined) yield* Effect.forkIn(unix((connection) => attendUnix(connection)), listening)
    if (typeof native === "object") yield* DeadClients.watch(board)
    if (tcp !== undefined) yield* Effect.forkIn(tcp.run(attend), listening)
    return { ...server, tcp: tcp?.address }
  }))

/**
 * A calendar as a layer: as {@link make}, for as long as the layer is there.
 *
 * **Details**: with neither `path` nor `tcp` it listens nowhere, and guests of this program connect by its `link`.
 *
 * **When to use**
 *
 * Use it where a program's parts are put together as layers.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { Mode, VirtualTime } from "guest-clock"
 * import { CalendarServer } from "guest-clock/calendar"
 *
 * const program = Effect.gen(function*() {
 *   const calendar = yield* CalendarServer.CalendarServer
 *   yield* Effect.provide(VirtualTime.run(Effect.sleep("1 hour")), Mode.linked(calendar.link("a guest")))
 *   console.log((yield* calendar.stats).time) // 3600000000000n
 * })
 * await Effect.runPromise(Effect.provide(program, CalendarServer.layer({ clients: 1 })))
 * ```
 *
 * @category layers
 * @since 0.2.0
 */
export const layer = (options: Options = {}): Layer.Layer<CalendarServer, ListenError | OptionError> =>
  Layer.effect(CalendarServer, make(options))
