/**
 * A proxy that sits between a calendar and its clients, relays everything, and names each breach of PROTOCOL.
 *
 * @module
 */
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"
import type * as Net from "node:net"
import type { Breach, Rule, Side } from "../core/Breach.ts"
import * as Conformance from "../core/Conformance.ts"
import type { ConnectError } from "../core/Fault.ts"
import * as Message from "../core/Message.ts"
import { Admission } from "../internal/platform/Admission.ts"
import * as Dial from "../internal/platform/Dial.ts"
import * as Libc from "../internal/platform/native/Libc.ts"
import { inRealTime } from "../internal/platform/RealTime.ts"
import * as Relay from "../internal/platform/Relay.ts"
import * as SocketFile from "../internal/platform/SocketFile.ts"
import * as Tcp from "../internal/platform/Tcp.ts"
import * as TcpServer from "../internal/platform/TcpServer.ts"
import { type ProxyTrace, type ProxyTransitions, TraceName, Tracer } from "../services/Tracer.ts"

/**
 * The options of a proxy.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** Where clients connect: a unix socket's path of at most 107 bytes, or an address on TCP. */
  readonly listen: Dial.Place
  /** Where the calendar is. */
  readonly connect: Dial.Place
  /** Ends the connection of a client that breaks a rule, and all of them where the calendar does. Default: no. */
  readonly strict?: boolean
  /** How long a connection may take to close once a stream has ended, in real time. Default: 5 seconds. */
  readonly grace?: Duration.Input
}

/**
 * The proxy's callbacks. They must not wait.
 *
 * @since 0.1.0
 * @category models
 */
export interface Listener {
  readonly onBreach: (breach: Breach) => void
  /** A client's connection that can't be passed on. */
  readonly onFailure: (why: ConnectError) => void
}

/**
 * How often a rule was broken.
 *
 * @since 0.1.0
 * @category models
 */
export interface Count {
  readonly rule: Rule
  readonly side: Side
  readonly breaches: number
}

/**
 * What a proxy has seen.
 *
 * @since 0.1.0
 * @category models
 */
export interface Summary {
  readonly connections: number
  /** Those that couldn't be passed on, as the calendar couldn't be connected to. */
  readonly failed: number
  readonly messages: number
  /** The calendar's time, in ns since the first client was let in, as far as messages tell. */
  readonly time: bigint
  readonly breaches: number
  readonly byRule: ReadonlyArray<Count>
}

/**
 * Why a proxy has ended: the calendar is gone and the last connection, or it broke a rule where that isn't allowed.
 *
 * @since 0.1.0
 * @category models
 */
export type Ending = "gone" | "strict"

/**
 * A proxy that runs until its scope closes.
 *
 * @since 0.1.0
 * @category models
 */
export interface Proxy {
  /** Where it listens. */
  readonly address: Dial.Place
  readonly ended: Effect.Effect<Ending>
  readonly summary: Effect.Effect<Summary>
}

/** How often it is looked whether the calendar is gone, when nobody is connected. */
const LOOK: Duration.Input = "200 millis"

/** What is seen, and what has come of it. */
class Watch {
  state: Conformance.Conformance = Conformance.make()
  connections = 0
  failed = 0
  messages = 0
  readonly open = new Set<number>()
  readonly counts = new Map<string, { readonly rule: Rule; readonly side: Side; breaches: number }>()
  readonly #listener: Listener
  readonly #strict: (() => void) | undefined
  readonly trace: ProxyTrace | undefined
  readonly core: ProxyTransitions

  constructor(listener: Listener, context: Context.Context<never>, strict: (() => void) | undefined) {
    this.#listener = listener
    this.#strict = strict
    this.trace = Context.get(context, Tracer)?.proxy(Context.get(context, TraceName))
    this.core = this.trace?.transitions ?? Conformance
  }

  join(): number {
    const key = this.connections++
    this.open.add(key)
    this.state = this.core.joined(this.state, key)
    return key
  }

  /** What was found, and whether things may go on. */
  note({ state, breaches }: Conformance.Transition): boolean {
    this.state = state
    let goesOn = true
    for (const breach of breaches) {
      const name = `${breach.side} ${breach.rule}`
      const count = this.counts.get(name) ?? { rule: breach.rule, side: breach.side, breaches: 0 }
      count.breaches++
      this.counts.set(name, count)
      this.#listener.onBreach(breach)
      if (this.#strict === undefined) continue
      goesOn = false
      if (breach.side === "calendar") this.#strict()
    }
    return goesOn
  }

  watcher(key: number): Relay.Watcher {
    const { core } = this
    let [up, down] = [Message.parser, Message.parser]
    return {
      onUp: (bytes) => {
        const { parser, messages } = Message.parse(up, bytes)
        up = parser
        return messages.every((message) => {
          this.messages++
          return this.note(core.fromClient(this.state, key, message))
        })
      },
      onDown: (bytes, descriptors) => {
        const { parser, messages } = Message.parse(down, bytes)
        down = parser
        return messages.every((message, index) => {
          this.messages++
          // They come with the first byte.
          const with_ = index === 0 ? descriptors : descriptors && 0
          return this.note(core.fromCalendar(this.state, key, message, with_))
        })
      },
      onUpEnd: () => void this.note(core.left(this.state, key, "client", up.length)),
      onDownEnd: () => void this.note(core.left(this.state, key, "calendar", down.length)),
    }
  }

  summary(): Summary {
    const byRule = [...this.counts.values()].sort((a, b) => b.breaches - a.breaches)
    const { connections, failed, messages, state: { now, byClients, byCalendar } } = this
    return { connections, failed, messages, time: now, breaches: byClients + byCalendar, byRule }
  }
}

/**
 * Listens for clients, and connects each to the calendar, until the scope closes: then all connections do, and the
 * socket's file is gone. A place that can't be listened at is a `ListenError`.
 *
 * @example
 * ```ts no-run
 * import { Effect } from "effect"
 * import * as Breach from "guest-clock/core/Breach"
 * import * as Proxy from "guest-clock/calendar/Proxy"
 *
 * const program = Effect.gen(function*() {
 *   const proxy = yield* Proxy.make({ listen: "/tmp/checked.sock", connect: "/tmp/calendar.sock" }, {
 *     onBreach: (breach) => console.log(Breach.format(breach)),
 *     onFailure: (error) => console.log(error.message),
 *   })
 *   yield* proxy.ended
 *   console.log((yield* proxy.summary).breaches)
 * })
 * await Effect.runPromise(Effect.scoped(program))
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  { listen, connect, strict = false, grace = "5 seconds" }: Options,
  listener: Listener,
): Effect.Effect<Proxy, SocketFile.ListenError, Scope.Scope> =>
  inRealTime(Effect.gen(function* () {
    const ended = yield* Deferred.make<Ending>()
    const end = (why: Ending) => Deferred.doneUnsafe(ended, Effect.succeed(why))
    const watch = new Watch(listener, yield* Effect.context<never>(), strict ? () => end("strict") : undefined)
    yield* Effect.addFinalizer(() => Effect.sync(() => watch.trace?.end(watch.state)))
    const graceMs = Duration.toMillis(Duration.fromInputUnsafe(grace))
    // Only unix sockets bring descriptors.
    const libc = typeof connect === "string"
      ? yield* Libc.orPortable("a proxy passes no descriptors on", Libc.Libc, () => Effect.succeed(undefined))
      : undefined

    const serve = (client: Net.Socket): Effect.Effect<void> =>
      Effect.gen(function* () {
        const key = watch.join()
        yield* Effect.addFinalizer(() =>
          Effect.sync(() => {
            watch.note(watch.core.left(watch.state, key, "client"))
            watch.open.delete(key)
          })
        )
        // Errors before anybody reads are the end of it.
        client.on("error", () => {}).pause()
        const calendar = yield* Dial.dial(connect)
        yield* Relay.relay(client, calendar, watch.watcher(key), graceMs, libc)
      }).pipe(
        Effect.scoped,
        Effect.catch((error) =>
          Effect.sync(() => {
            watch.failed++
            listener.onFailure(error)
            client.destroy()
          })
        ),
      )

    // It stops listening before it hangs up, so that nobody comes in between.
    const listening = yield* Scope.fork(yield* Effect.scope)
    let address = listen
    if (typeof listen === "string") {
      const run = yield* Scope.provide(SocketFile.listen(listen), listening)
      yield* Effect.forkIn(run(serve), listening)
    } else {
      const server = yield* Scope.provide(TcpServer.listen(listen, new Admission()), listening)
      address = server.address
      yield* Effect.forkIn(server.run(serve), listening)
    }
    yield* Effect.forkScoped(Effect.gen(function* () {
      while (true) {
        yield* Effect.sleep(LOOK)
        if (watch.connections > watch.failed && watch.open.size === 0 && (yield* Dial.isGone(connect))) end("gone")
      }
    }))
    return { address, ended: Deferred.await(ended), summary: Effect.sync(() => watch.summary()) }
  }))

/**
 * A proxy's place for people.
 *
 * @since 0.1.0
 * @category formatting
 */
export const formatPlace = (at: Dial.Place): string => typeof at === "string" ? at : Tcp.format(at)
