/**
 * The four kinds of time a guest can have, as layers (SPEC 1).
 *
 * | layer | boot option | time advances |
 * | --- | --- | --- |
 * | {@link off} | none | with the host clock |
 * | {@link basic} | `time-travel` | with the host timer while busy; jumps to the next event when idle |
 * | {@link infCpu} | `time-travel=inf-cpu` | only by events and delays; work costs no time |
 * | {@link external} | `time-travel=ext:[ID:]PATH` | as inf-cpu, as far as the calendar allows |
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { GuestClock, Mode } from "guest-clock"
 *
 * const program = Effect.gen(function*() {
 *   const clock = yield* GuestClock.GuestClock
 *   yield* clock.ndelay(86_400_000_000_000n)
 *   console.log(yield* clock.now) // 86400000000000n
 * })
 * await Effect.runPromise(Effect.provide(program, Mode.infCpu()))
 * ```
 *
 * @module
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as BootOptions from "./core/BootOptions.ts"
import { BootOptionError, type ConnectError, OptionError, TimeOutOfRange } from "./core/Fault.ts"
import type { Mode } from "./core/Guest.ts"
import { traits } from "./core/Modes.ts"
import * as Nanos from "./core/Nanos.ts"
import * as Revisions from "./core/Revisions.ts"
import type { AnyRevision } from "./core/Revisions.ts"
import * as GuestClock from "./GuestClock.ts"
import * as Cpu from "./platform/Cpu.ts"
import * as NativeClock from "./platform/NativeClock.ts"
import * as NativeTimer from "./platform/NativeTimer.ts"
import { badChoice } from "./internal/services/Checks.ts"
import type { HostClock } from "./services/HostClock.ts"
import type { HostTimer } from "./services/HostTimer.ts"
import type { Interrupts } from "./services/Interrupts.ts"
import { Link, none } from "./services/Link.ts"

/**
 * What every mode's layer gives a program: its clock, and the CPU whose interrupts it can mask and raise.
 *
 * @since 0.1.0
 * @category models
 */
export type Services = GuestClock.GuestClock | Interrupts

/**
 * What a clock needs from the world. Each is a service, so a simulated or a recording one fits as well.
 *
 * @since 0.1.0
 * @category models
 */
export type World = Link | Interrupts | HostTimer | HostClock

/**
 * Which Linux's clock it is: that of about 5.8, which is the default, or that of 6.1 or 6.12 (SPEC 11, docs/revisions.md).
 *
 * @since 0.1.0
 * @category models
 */
export interface RevisionOptions {
  /** Another than these three is an `OptionError`. */
  readonly revision?: AnyRevision
}

/**
 * What a guest can be booted with.
 *
 * @since 0.1.0
 * @category models
 */
export interface StartOptions extends RevisionOptions {
  /** The wall clock at guest time 0, in ns since 1970, 0 … 2^64 − 1; otherwise the host's at boot. */
  readonly start?: bigint
}

/**
 * How a guest identifies itself to its calendar.
 *
 * @since 0.1.0
 * @category models
 */
export interface IdOptions extends RevisionOptions {
  /**
   * The wall clock at guest time 0, in ns since 1970, 0 … 2^64 − 1. For a revision whose wall clock starts at its first
   * read (6.1 and 6.12); others ask the calendar all the same (SPEC 8, 11.2).
   */
  readonly start?: bigint
  /** Tells this guest apart: 0 … 2^64 − 1, the last of which means it has no ID. */
  readonly id?: bigint
}

/**
 * Where a guest's calendar is, and how the guest identifies itself.
 *
 * @since 0.1.0
 * @category models
 */
export interface ExternalOptions extends IdOptions {
  /** The path of the calendar's unix socket, at most 107 bytes; or its address on TCP. */
  readonly socket: string | { readonly host?: string; readonly port: number }
  /**
   * Whether the memory is shared that the calendar offers on a unix socket, where libc can be called
   * (docs/shared-memory.md). All simulated times are the same. Default: yes.
   */
  readonly sharedMemory?: boolean
}

interface BootOptions extends RevisionOptions {
  readonly start?: Nanos.Nanos
  readonly id?: Nanos.Nanos
}

/**
 * The clock of a guest in any mode, in a world that the caller provides: a
 * recorded link, a host clock that a test moves. In external mode it is connected
 * as `id` and let in; in every mode it is booted.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (
  mode: Mode,
  options: BootOptions = {},
): Layer.Layer<GuestClock.GuestClock, GuestClock.ClockError, World> =>
  Layer.effect(
    GuestClock.GuestClock,
    Effect.gen(function* () {
      const { clock, connect, boot } = yield* GuestClock.make(mode, options.revision)
      if (traits[mode].hasCalendar) yield* connect(options.id ?? Nanos.NONE)
      yield* boot(options.start)
      return clock
    }),
  )

/** A layer of its own: Effect memoizes layers across nested `Effect.provide`s, and two guests would share one. */
const own = <A, R>(layer: Layer.Layer<A, never, R>): Layer.Layer<A, never, R> =>
  Layer.effectContext(Layer.build(Layer.fresh(layer)))

/** The host's clocks, and for one guest a timer of the host and a CPU. */
const host = (): Layer.Layer<HostTimer | HostClock | Interrupts> =>
  Layer.merge(Layer.provideMerge(own(NativeTimer.layer), NativeClock.layer), own(Cpu.layer))

const onHost = <E>(
  mode: Mode,
  link: Layer.Layer<Link, E>,
  options: BootOptions = {},
): Layer.Layer<Services, E | GuestClock.ClockError> =>
  Layer.provideMerge(Layer.provide(layer(mode, options), link), host())

const alone: Layer.Layer<Link> = Layer.succeed(Link, none)

const failing = <E>(error: E): Layer.Layer<never, E> => Layer.effectContext(Effect.fail(error))

/** The variant is for worlds: nobody is told to choose it. */
const badRevision = (revision: AnyRevision): OptionError | undefined =>
  Revisions.allNames.includes(revision) ? undefined : badChoice("revision", revision, Revisions.names)

/** The options as a guest is booted with them, or what is wrong with them. */
const bootOptions = (
  { revision, start }: StartOptions,
): BootOptions | TimeOutOfRange | OptionError => {
  const bad = revision === undefined ? undefined : badRevision(revision)
  if (bad !== undefined) return bad
  const checked = start === undefined ? undefined : Nanos.make(start)
  if (checked !== undefined && Nanos.isMisuse(checked)) return checked
  return { ...revision !== undefined && { revision }, ...checked !== undefined && { start: checked } }
}

const isBad = (options: BootOptions | TimeOutOfRange | OptionError): options is TimeOutOfRange | OptionError =>
  options instanceof TimeOutOfRange || options instanceof OptionError

/** A mode without a calendar boots without anything that could fail, but for its own options. */
const alongHost = (mode: Mode, given: StartOptions): Layer.Layer<Services, TimeOutOfRange | OptionError> => {
  const options = bootOptions(given)
  return isBad(options) ? failing(options) as never : Layer.orDie(onHost(mode, alone, options))
}

/**
 * Time is the host's.
 *
 * **When to use**
 *
 * Use it to run a program on the real clock, unchanged: in production, or to compare.
 *
 * @example
 * ```ts
 * import { Clock, Effect } from "effect"
 * import { Mode, VirtualTime } from "guest-clock"
 *
 * const program = Effect.gen(function*() {
 *   yield* Effect.sleep("10 millis")
 *   const now = yield* Clock.monotonicTimeNanos
 *   console.log(now >= 10_000_000n) // true
 * })
 * await Effect.runPromise(Effect.provide(VirtualTime.run(program), Mode.off()))
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const off = (options: RevisionOptions = {}): Layer.Layer<Services, OptionError> =>
  alongHost("off", options) as Layer.Layer<Services, OptionError>

/**
 * Time jumps to the next event when the guest is idle.
 *
 * **When to use**
 *
 * Use it to skip the waits of a program, while what it computes takes the time that it really takes.
 *
 * **Gotchas**
 *
 * Two runs have different times, as computing takes a different time in each: {@link infCpu} is reproducible.
 *
 * @example
 * ```ts
 * import { Clock, Effect } from "effect"
 * import { Mode, VirtualTime } from "guest-clock"
 *
 * const program = Effect.gen(function*() {
 *   yield* Effect.sleep("1 hour")
 *   const now = yield* Clock.monotonicTimeNanos
 *   console.log(now >= 3_600_000_000_000n) // true
 * })
 * await Effect.runPromise(Effect.provide(VirtualTime.run(program), Mode.basic()))
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const basic = (options: StartOptions = {}): Layer.Layer<Services, TimeOutOfRange | OptionError> =>
  alongHost("basic", options)

/**
 * Time moves by events and delays only: work costs none.
 *
 * **When to use**
 *
 * Use it for simulations and tests: the same program has the same times each time, to the nanosecond.
 *
 * **Gotchas**
 *
 * A loop that neither waits nor lets time pass never ends: after a while it fails with `Livelock`.
 *
 * @example
 * ```ts
 * import { Clock, Effect } from "effect"
 * import { Mode, VirtualTime } from "guest-clock"
 *
 * const program = Effect.gen(function*() {
 *   yield* Effect.sleep("1 hour")
 *   console.log(yield* Clock.currentTimeMillis) // 3600000
 * })
 * await Effect.runPromise(Effect.provide(VirtualTime.run(program), Mode.infCpu({ start: 0n })))
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const infCpu = (options: StartOptions = {}): Layer.Layer<Services, TimeOutOfRange | OptionError> =>
  alongHost("inf-cpu", options)

/**
 * Time moves as far as the calendar at `socket` allows. The layer is there once
 * the calendar has let the guest in, and leaves when its scope closes.
 *
 * **When to use**
 *
 * Use it to share simulated time with other processes, among them User-Mode Linux kernels: one calendar says who runs.
 *
 * @example
 * ```ts no-run
 * import { Effect } from "effect"
 * import { Mode, VirtualTime } from "guest-clock"
 *
 * const program = VirtualTime.run(Effect.sleep("1 hour"))
 * await Effect.runPromise(Effect.provide(program, Mode.external({ socket: "/run/calendar.sock", id: 1n })))
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const external = (
  options: ExternalOptions,
): Layer.Layer<Services, GuestClock.ClockError | ConnectError | OptionError> => {
  // Loaded on demand: the other modes have no use for sockets.
  const connect = Effect.flatMap(
    Effect.promise(() => import("./platform/SocketLink.ts")),
    (SocketLink) => {
      const { sharedMemory = true } = options
      return SocketLink.connect(options.socket, { sharedMemory })
    },
  )
  return linked(connect, options)
}

/**
 * Time moves as far as the calendar allows that is at the other end of a link, which
 * is made for this guest: one in the same process, for example.
 *
 * **When to use**
 *
 * Use it for several guests of one program that share simulated time.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { Mode, VirtualTime } from "guest-clock"
 * import { CalendarServer } from "guest-clock/calendar"
 *
 * const program = Effect.gen(function*() {
 *   const calendar = yield* CalendarServer.serve({ clients: 2 })
 *   const guest = (name: string, ms: number) =>
 *     VirtualTime.run(Effect.andThen(Effect.sleep(ms), Effect.sync(() => console.log(name)))).pipe(
 *       Effect.provide(Mode.linked(calendar.link(name))),
 *     )
 *   yield* Effect.all([guest("second", 20), guest("first", 10)], { concurrency: 2 })
 * })
 * await Effect.runPromise(Effect.scoped(program))
 * // first
 * // second
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const linked = <E>(
  link: Effect.Effect<Link, E, Scope.Scope>,
  options: IdOptions = {},
): Layer.Layer<Services, GuestClock.ClockError | OptionError | E> => {
  const id = Nanos.make(options.id ?? Nanos.NONE)
  if (Nanos.isMisuse(id)) return failing(id as TimeOutOfRange) as never
  const boot = bootOptions(options)
  return isBad(boot) ? failing(boot) as never : onHost("external", Layer.effect(Link, link), { ...boot, id })
}

/**
 * The mode that the boot options among `words` choose; other words are left
 * alone. Options that aren't allowed are a `BootOptionError`.
 *
 * **When to use**
 *
 * Use it where the mode is the user's choice, in the words that Linux has for it (`time-travel=inf-cpu`).
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { GuestClock, Mode } from "guest-clock"
 *
 * const program = Effect.gen(function*() {
 *   const clock = yield* GuestClock.GuestClock
 *   console.log(clock.mode, yield* clock.wallClock)
 * })
 * const boot = Mode.fromBootOptions(["time-travel=inf-cpu", "time-travel-start=1000"])
 * await Effect.runPromise(Effect.provide(program, boot)) // inf-cpu 1000n
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const fromBootOptions = (
  words: ReadonlyArray<string>,
  revision: RevisionOptions = {},
): Layer.Layer<Services, GuestClock.ClockError | ConnectError | BootOptionError | OptionError> => {
  const options = BootOptions.parse(words)
  if (options instanceof BootOptionError) return Layer.effectContext(Effect.fail(options))
  const { timeTravel, start } = options
  const boot = { ...revision, ...start !== undefined && { start } }
  if ("path" in timeTravel) return external({ ...boot, socket: timeTravel.path, id: timeTravel.id })
  const { mode } = timeTravel
  return alongHost(mode, traits[mode].followsHost ? revision : boot)
}
